import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { temporaryFolder } from '../../temporary-folder.js';
import { FLEET } from './fleet-files.js';

const ACCESS = join(FLEET, '../../mosquitto/access');

const topicsSchema = z.object({
  users: z.array(z.strictObject({ name: z.string(), password_hash: z.literal('') }).loose()),
  topic_permissions: z.array(z.object({ user: z.string(), read: z.string(), write: z.string() })),
});
const queuesSchema = z.object({
  permissions: z.array(
    z.object({ user: z.string(), configure: z.string(), read: z.string(), write: z.string() }),
  ),
});

function script(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('bash', [join(FLEET, 'robots.sh'), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Both documents that `add` imports. */
function printed(...ids: string[]) {
  const { status, stdout, stderr } = script('print', ...ids);
  assert.equal(status, 0, stderr);
  const [topics = '', queues = ''] = stdout.split(/(?<=^\]\}\n)/m);
  return {
    ...topicsSchema.parse(JSON.parse(topics)),
    ...queuesSchema.parse(JSON.parse(queues)),
  };
}

/** As RabbitMQ reads an expression for a user. */
function expression(text: string, user: string): RegExp {
  return new RegExp(text.replaceAll('{username}', user));
}

/** The routing key of a topic or filter. */
function key(topic: string): string {
  return topic
    .replaceAll('/', '\0')
    .replaceAll('.', '/')
    .replaceAll('\0', '.')
    .replaceAll('+', '*');
}

/** An expression allows a topic of the access list to a robot, and to no other, and no more levels. */
function assertNarrow(topic: string, user: string, allowed: RegExp): void {
  const own = key(topic.replace('%u', user));
  assert.match(own, allowed);
  assert.doesNotMatch(`${own}.more`, allowed);
  for (const other of ['r', 'r1', 'r10', 'r2', '+', '#', 'r1.x']) {
    if (other !== user) assert.doesNotMatch(key(topic.replace('%u', other)), allowed);
  }
  // A wildcard for several levels, where the list has one for a single level.
  if (topic.endsWith('+')) assert.doesNotMatch(own.replace(/\*$/, '#'), allowed);
}

describe('robots.sh', () => {
  test('gives a robot what the access list gives it, and nothing below another name', () => {
    const { topic_permissions: both } = printed('r1', 'r10');
    const lines = [...readFileSync(ACCESS, 'utf8').matchAll(/^pattern (read|write) (\S+)$/gm)];
    assert.ok(lines.length > 10);
    for (const { user, read, write } of both) {
      for (const [, what, topic = ''] of lines) {
        const isRead = what === 'read';
        const allowed = expression(isRead ? read : write, user);
        assertNarrow(topic, user, allowed);
        assert.doesNotMatch(
          key(topic.replace('%u', user)),
          expression(isRead ? write : read, user),
        );
      }
    }
  });

  test('gives a robot its own queues alone', () => {
    const { permissions, users } = printed('r1', 'r10');
    assert.deepEqual(
      users.map(({ name }) => name),
      ['r1', 'r10'],
    );
    for (const { user, configure, read, write } of permissions) {
      for (const text of [configure, read, write]) {
        const allowed = expression(text, user);
        for (const end of ['qos0', 'qos1']) {
          assert.match(`mqtt-subscription-headland-${user}${end}`, allowed);
          assert.match(`mqtt-subscription-headland-doctor-0123abcd${end}`, allowed);
          for (const other of ['r', 'r1', 'r10', 'r1qos1', 'hub-1', '', 'doctor-1']) {
            if (other === user) continue;
            assert.doesNotMatch(`mqtt-subscription-headland-${other}${end}`, allowed);
          }
        }
        assert.equal(allowed.test('amq.topic'), text !== configure);
        assert.doesNotMatch('amq.fanout', allowed);
      }
    }
  });

  test('refuses names that RabbitMQ or the client ids of programs read in another way', () => {
    for (const [id, why] of [
      ['r.1', /no '\.'/],
      ['hub', /would get its rights/],
      ['viewer', /would get its rights/],
      ['doctor-0123abcd', /client id/],
      ['hub-one', /client id/],
      ['r1"', /no robot\.id/],
      ['-r1', /no robot\.id/],
      ['', /no robot\.id/],
    ] as const) {
      const { status, stdout, stderr } = script('print', 'r1', id);
      assert.equal(status, 1, id);
      assert.match(stderr, why);
      assert.equal(stdout, '');
    }
    assert.equal(script('print').status, 2);
    assert.equal(script('everything').status, 2);
  });

  test('refuses an access list that it cannot translate, instead of allowing more', (t) => {
    const access = join(temporaryFolder(t), 'access');
    for (const [lines, why] of [
      [['pattern write headland/%c/status'], /cannot translate/],
      [['pattern write headland/%u/a.b'], /cannot translate/],
      [['pattern headland/%u/status'], /no read, write or readwrite/],
      [['topic read headland/#'], /for nobody/],
      [['deny headland/%u/status'], /cannot translate/],
    ] as const) {
      writeFileSync(access, `${lines.join('\n')}\n`);
      const { status, stderr } = script('--access', access, 'print', 'r1');
      assert.equal(status, 1, lines[0]);
      assert.match(stderr, why);
    }
    writeFileSync(access, 'pattern write headland/%u/status\n');
    const { stdout } = script('--access', access, 'print', 'r1');
    const [, read = ''] = /"read": "([^"]+)"/.exec(stdout) ?? [];
    assert.doesNotMatch('headland.r1.status', new RegExp(read), 'no right means none');
    assert.equal(script('--access', `${access}-away`, 'print', 'r1').status, 1);
  });
});

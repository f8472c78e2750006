import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKey } from '../../../src/telemetry/commands/command-key.js';
import { signCommand } from '../../../src/telemetry/commands/signed-command.js';
import type { Statement } from '../../../src/telemetry/contract/signed-command-contract.js';
import { headland } from '../../agent/daemon.js';
import type { CommandScenario } from './command-scenario.js';
import { type Said, saidIn } from './scenario.js';
import type { Talk, TalkScenario } from './talk-scenario.js';

/** Somebody who signs, with a key that the robot comes to trust in the first scenario. */
interface Operator {
  file: string;
  publicKey: string;
  key: KeyObject;
}

const operators = new WeakMap<Talk, Operator>();

function operatorOf(talk: Talk): Operator {
  const known = operators.get(talk);
  if (known) return known;
  const { privatePem, publicKey } = makeKey();
  const file = join(talk.rig.dir, `${publicKey.id}.key`);
  writeFileSync(file, privatePem, { mode: 0o600 });
  const made = { file, publicKey: publicKey.text, key: createPrivateKey(privatePem) };
  operators.set(talk, made);
  return made;
}

/** @param changes to a statement that would be in order */
function signed(talk: Talk, changes: Partial<Statement> = {}): string {
  const iat = Math.floor(Date.now() / 1_000);
  const statement = {
    aud: 'r1',
    command: 'status',
    iat,
    exp: iat + 60,
    counter: Date.now(),
    fields: {},
    ...changes,
  };
  return JSON.stringify(signCommand(statement, operatorOf(talk).key));
}

/** The refusal of a command, while answers to others may still come. */
async function refusal(talk: Talk, name: string, payload: string): Promise<Said> {
  const { person } = talk;
  const seen = person.received.length;
  await person.publish(`headland/r1/cmd/${name}`, payload);
  const { body } = await person.until(
    (message) =>
      person.received.indexOf(message) >= seen &&
      message.topic === `headland/r1/cmd/${name}/response` &&
      !message.body.ok,
  );
  return body.error;
}

const cli = (talk: Talk, ...words: string[]) => headland(...words, '--config', talk.rig.configFile);

function mustRun(talk: Talk, ...words: string[]): string {
  const { status, stdout, stderr } = cli(talk, ...words);
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

function trust(talk: Talk): void {
  mustRun(talk, 'keys', 'trust', operatorOf(talk).publicKey, '--name', 'operator');
}

/** `headland send`, as the remedies say. */
function send(talk: Talk, ...words: string[]): string {
  const { file } = operatorOf(talk);
  return mustRun(talk, 'send', ...words, '--key', file, '--url', talk.daemon.mqttUrl);
}

function failed(talk: Talk, code: string, ...words: string[]): Said {
  const { status, stdout, stderr } = cli(talk, ...words);
  assert.equal(status, 1, stdout + stderr);
  const said = saidIn(stderr, code);
  assert.ok(said, stderr);
  return said;
}

/** Of a robot that takes commands with and without a signature, in this order. */
export const keyTalks: TalkScenario[] = [
  {
    code: 'HL_COMMAND_KEY_UNKNOWN',
    follows: '`headland keys trust PUBLIC-KEY`',
    provoke: (talk) => refusal(talk, 'status', signed(talk)),
    follow: async (talk) => {
      trust(talk);
      const { body } = await talk.answer('status', signed(talk));
      assert.equal(body.ok, true, JSON.stringify(body));
    },
  },
  {
    code: 'HL_COMMAND_SIGNATURE',
    follows: 'Sign the exact bytes of the text in `signed`: `headland send` does',
    provoke: (talk) => refusal(talk, 'status', signed(talk).replace('status', 'statuS')),
    follow: async (talk) => send(talk, 'status'),
  },
  {
    code: 'HL_COMMAND_AUDIENCE',
    follows: 'Sign the id of this robot and the name of this command',
    provoke: (talk) => refusal(talk, 'status', signed(talk, { aud: 'r2' })),
    follow: async (talk) => send(talk, 'status', '--robot', 'r1'),
  },
  {
    code: 'HL_COMMAND_EXPIRED',
    follows: 'Sign and send the command again',
    provoke: (talk) => refusal(talk, 'status', signed(talk, { iat: 1_000, exp: 1_060 })),
    follow: async (talk) => send(talk, 'status'),
  },
  {
    code: 'HL_COMMAND_REPLAYED',
    follows: 'Sign each command with a higher counter',
    provoke: async (talk) => {
      const payload = signed(talk);
      await talk.answer('status', payload);
      return refusal(talk, 'status', payload);
    },
    follow: async (talk) => send(talk, 'status'),
  },
  {
    code: 'HL_SEND_NO_BROKER',
    follows: 'Give the address of the broker with --url',
    provoke: async (talk) =>
      failed(talk, 'HL_SEND_NO_BROKER', 'send', 'status', '--url', 'mqtt://127.0.0.1:1'),
    follow: async (talk) => send(talk, 'status'),
  },
  {
    code: 'HL_SEND_NO_ANSWER',
    follows: 'Look at the topic status of the robot: it must say "online"',
    provoke: async (talk) => {
      const elsewhere = ['--url', talk.daemon.mqttUrl, '--robot', 'r2', '--timeout', '1'];
      return failed(talk, 'HL_SEND_NO_ANSWER', 'send', 'status', ...elsewhere);
    },
    follow: async (talk) => {
      const { topic } = await talk.person.until(({ body }) => body.state === 'online');
      send(talk, 'status', '--robot', topic.split('/')[1]!);
    },
  },
  {
    code: 'HL_ROBOT_HELD',
    follows: 'end its hold: `headland release HOLDER`',
    provoke: async (talk) => {
      await talk.must('hold', { holder: 'sprayer', seconds: 600 });
      return refusal(talk, 'retrain', '{}');
    },
    follow: async (talk, { message }) => {
      const [, holder] = /^"(\w+)" holds/.exec(message)!;
      mustRun(talk, 'release', holder!);
      const { body } = await talk.answer('retrain', '{}');
      assert.notEqual(body.error?.code, 'HL_ROBOT_HELD');
      const id = body.data?.training_id;
      if (id === undefined) return;
      await talk.person.until(
        ({ topic, body: report }) =>
          topic.endsWith('/training/report') && report.training_id === id,
      );
    },
  },
];

/** Of a robot that takes only signed commands. */
export const unsignedTalk: TalkScenario = {
  code: 'HL_COMMAND_UNSIGNED',
  follows: 'Send it with `headland send COMMAND --key FILE`',
  provoke: (talk) => talk.refused('pause', '{"what":"training"}'),
  follow: async (talk) => {
    trust(talk);
    send(talk, 'pause', '{"what":"training"}');
  },
};

const ONCE = JSON.stringify({ what: 'training', transaction: 'once' });

/** Before the robot is killed. */
export async function beginOnce(talk: Talk): Promise<void> {
  const { body } = await talk.answer('pause', ONCE);
  assert.equal(body.ok, true, JSON.stringify(body));
}

/** Of a robot that has started again after {@link beginOnce}. */
export const repeatedTalk: TalkScenario = {
  code: 'HL_COMMAND_REPEATED',
  follows: 'Look into `headland audit --kind command` for its outcome, and use a new transaction',
  // The answer of before the kill may come again.
  provoke: (talk) => refusal(talk, 'pause', ONCE),
  follow: async (talk) => {
    const { entries } = JSON.parse(mustRun(talk, 'audit', '--kind', 'command', '--json'));
    const outcomes = entries
      .map(({ detail }: { detail: Record<string, unknown> }) => detail)
      .filter(({ transaction }: Record<string, unknown>) => transaction === 'once')
      .map(({ ok }: Record<string, unknown>) => ok);
    assert.deepEqual(outcomes, [true]);
    await talk.must('pause', { what: 'training' });
  },
};

export const keyCommands: CommandScenario[] = [
  {
    code: 'HL_COMMAND_KEY_UNWRITABLE',
    follows: 'Name a file in a folder that exists',
    command: (robot) => ['keys', 'new', robot.path('nowhere', 'a.key')],
    follow: (robot) => ['keys', 'new', robot.path('a.key')],
  },
  {
    code: 'HL_COMMAND_KEY_EXISTS',
    follows: 'Name a new file',
    given: (robot) => robot.must('keys', 'new', robot.path('a.key')),
    command: (robot) => ['keys', 'new', robot.path('a.key')],
    follow: (robot) => ['keys', 'new', robot.path('b.key')],
  },
  {
    code: 'HL_COMMAND_KEY_FILE',
    follows: 'Make one with `headland keys new FILE`',
    given: (robot) => robot.write('a.key', 'no key', 0o600),
    command: (robot) => {
      const nobody = ['--url', 'mqtt://127.0.0.1:1', '--timeout', '1'];
      return ['send', 'status', '--key', robot.path('a.key'), ...nobody];
    },
    follow: async (robot) => {
      const file = robot.path('b.key');
      await robot.must('keys', 'new', file);
      return ['send', 'status', '--key', file, '--url', 'mqtt://127.0.0.1:1', '--timeout', '1'];
    },
    // There is no broker: the command comes as far as that.
    leaves: 1,
  },
  {
    code: 'HL_COMMAND_KEY_INVALID',
    follows: 'Make one with `headland keys new FILE`, and give its public key',
    // The robot has run before.
    given: async (robot) => robot.adopt(await robot.field.labelled()),
    command: () => ['keys', 'trust', 'ed25519:short'],
    follow: async (robot) => {
      const made = await robot.headland('keys', 'new', robot.path('c.key'));
      return ['keys', 'trust', /ed25519:[\w-]{43}/.exec(made.output)![0]];
    },
  },
];

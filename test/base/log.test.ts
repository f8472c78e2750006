import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { logText } from '../../src/base/log-text.js';
import { temporaryFolder } from '../temporary-folder.js';

const LOG = new URL('../../src/base/log.js', import.meta.url).href;

/** What a process writes that logs to `file`. @param stream JOURNAL_STREAM, with which it is started */
function written(
  file: string,
  format: string,
  stream: (device: bigint, inode: bigint) => string | undefined,
): string[] {
  const fd = openSync(file, 'w');
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    const script = `
      import { createLog } from ${JSON.stringify(LOG)};
      const log = createLog({
        level: 'debug',
        format: ${JSON.stringify(format)},
        environment: process.env,
        bindings: { robot: 'r1' },
      });
      log.info({ cameras: 2, mqtt: 'mqtt://me:canary@host' }, 'ready');
      log.warn({ code: 'HL_X', remedy: 'Do this.', password: 'canary' }, 'alarm: no space\\n<0>no');
      log.error({ err: new Error('boom') }, 'cannot do it');
      log.debug('detail');`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { stdio: ['ignore', fd, 'pipe'], env: { JOURNAL_STREAM: stream(dev, ino) } },
    );
    assert.equal(status, 0, String(stderr));
  } finally {
    closeSync(fd);
  }
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

describe('the log', () => {
  it('is text with priorities on the journal', (t) => {
    const file = join(temporaryFolder(t), 'log');
    const [ready, alarm, failure, ...rest] = written(file, 'auto', (dev, ino) => `${dev}:${ino}`);
    assert.equal(ready, '<6>ready cameras=2 mqtt=mqtt://[redacted]@host');
    assert.equal(
      alarm,
      '<4>alarm: no space\\u000a<0>no code=HL_X password=[redacted] remedy="Do this."',
    );
    assert.equal(failure, '<3>cannot do it: boom');
    assert.match(rest[0]!, /^<3> {4}at /);
    assert.equal(rest.at(-1), '<7>detail');
  });

  it('is JSON everywhere else, and where the settings want it', (t) => {
    const file = join(temporaryFolder(t), 'log');
    for (const stream of [() => undefined, () => '1:1']) {
      const lines = written(file, 'auto', stream);
      const [ready, alarm] = lines.map((line) => JSON.parse(line));
      assert.deepEqual([ready.msg, ready.cameras, ready.robot], ['ready', 2, 'r1']);
      assert.equal(alarm.password, '[redacted]');
    }
    const [ready] = written(file, 'json', (dev, ino) => `${dev}:${ino}`);
    assert.equal(JSON.parse(ready!.replace(/^<6>/, '')).msg, 'ready');
    assert.match(ready!, /^<6>\{/);
    assert.equal(written(file, 'text', () => undefined)[0]?.slice(0, 15), 'ready cameras=2');
  });
});

test('no entry makes more lines than its stack has, whatever it holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (msg, value) => {
      const lines = logText(JSON.stringify({ level: 30, msg, value, text: msg }));
      assert.equal(lines.length, 1);
      assert.doesNotMatch(lines[0]!, /[\p{Cc}\u2028\u2029]/u);
    }),
  );
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DoNotDisturb } from '../../src/agent/do-not-disturb.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { HoldTable } from '../../src/storage/commands/hold-table.js';
import { openDatabase } from '../../src/storage/database.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { headland, Rig } from './daemon.js';

describe('do not disturb', { timeout: TEST_HANG_MS }, () => {
  test('a hold ends by itself, and the clock of the kernel tells when', (t) => {
    const database = openDatabase(join(temporaryFolder(t), 'state.db'));
    t.after(() => database.close());
    const clock = { boot: 'a', uptimeMs: 1_000 };
    const lock = new DoNotDisturb(new HoldTable(database), () => clock);
    assert.equal(lock.obstacle(), null);
    lock.hold('sprayer', 10, 'spraying');
    assert.deepEqual(lock.holds(), [{ holder: 'sprayer', reason: 'spraying', secondsLeft: 10 }]);
    assert.equal(lock.obstacle()?.code, 'HL_ROBOT_HELD');
    clock.uptimeMs += 9_999;
    lock.hold('sprayer', 10, null);
    clock.uptimeMs += 9_999;
    assert.equal(lock.isHeld, true, 'renewed');
    clock.uptimeMs += 2;
    assert.equal(lock.isHeld, false);
    lock.hold('sprayer', 10, null);
    clock.boot = 'b';
    assert.equal(lock.isHeld, false, 'a reboot ends what cannot be compared');
  });

  test('several hold at once; each ends only its own', (t) => {
    const database = openDatabase(join(temporaryFolder(t), 'state.db'));
    t.after(() => database.close());
    const lock = new DoNotDisturb(new HoldTable(database));
    lock.hold('a', 60, null);
    lock.hold('b', 60, null);
    assert.equal(lock.release('a'), true);
    assert.equal(lock.release('a'), false);
    assert.deepEqual(
      lock.holds().map(({ holder }) => holder),
      ['b'],
    );
  });

  test('while held nothing waits for an end that the robot itself has', async (t) => {
    const database = openDatabase(join(temporaryFolder(t), 'state.db'));
    t.after(() => database.close());
    const lock = new DoNotDisturb(new HoldTable(database));
    lock.hold('a', 60, null);
    const end = new AbortController();
    const waiting = lock.released(end.signal);
    end.abort();
    await assert.rejects(waiting, (error) => isHeadlandError(error, 'HL_ROBOT_HELD'));
  });

  test('a running robot that is held trains nothing and keeps its head', async (t) => {
    const rig = await Rig.create(t);
    const daemon = await rig.start();
    const cli = (...words: string[]) => headland(...words, '--config', rig.configFile);
    const made = cli('keys', 'new', join(rig.dir, 'operator.key'), '--json');
    const { public_key: publicKey, id } = JSON.parse(made.stdout);
    assert.equal(cli('keys', 'trust', publicKey, '--name', 'operator').status, 0);
    const send = (...words: string[]) => {
      const key = join(rig.dir, 'operator.key');
      const { status, stdout } = cli(
        'send',
        ...words,
        '--key',
        key,
        '--url',
        daemon.mqttUrl,
        '--json',
      );
      return { status, answer: JSON.parse(stdout) };
    };
    const held = send('hold', '{"holder":"sprayer","seconds":600,"reason":"spraying"}');
    assert.equal(held.status, 0);
    assert.equal(held.answer.data.holds[0].holder, 'sprayer');
    for (const [name, fields] of [
      ['retrain', '{}'],
      ['rollback', '{}'],
      ['promote', '{"version":1}'],
    ] as const) {
      const { status, answer } = send(name, fields);
      assert.equal(answer.error?.code, 'HL_ROBOT_HELD', name);
      assert.equal(status, 3);
    }
    assert.equal(send('status').answer.data.holds[0].reason, 'spraying');
    assert.match(cli('status').stdout, /held +by sprayer \(spraying\) for \d+ s more/);
    assert.match(cli('hold', 'second', '--seconds', '60').stdout, /second holds the robot/);
    assert.equal(cli('release', 'second').status, 0);
    assert.deepEqual(JSON.parse(cli('release', 'sprayer', '--json').stdout), { holds: [] });
    assert.notEqual(send('retrain').answer.error?.code, 'HL_ROBOT_HELD');
    const { entries } = JSON.parse(cli('audit', '--kind', 'command', '--json').stdout);
    const audited = entries.map(({ detail }: { detail: { name: string; key?: string } }) => detail);
    assert.ok(
      audited.some(
        (each: { name: string; key?: string }) => each.name === 'hold' && each.key === id,
      ),
    );
    assert.ok(
      audited.some(
        (each: { name: string; key?: string }) => each.name === 'status' && each.key === id,
      ),
    );
    assert.equal(cli('keys', 'revoke', id).status, 0);
    assert.equal(send('status').answer.error?.code, 'HL_COMMAND_KEY_UNKNOWN');
    const after = JSON.parse(cli('audit', '--kind', 'command', '--json').stdout).entries[0].detail;
    assert.deepEqual(
      [after.name, after.ok, after.code],
      ['status', false, 'HL_COMMAND_KEY_UNKNOWN'],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CommandTally, type TalliedCommand } from '../../../src/agent/reporting/command-tally.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { headland, Person, Rig } from '../daemon.js';

const STATUS: TalliedCommand = { name: 'status', source: 'mqtt', ok: true };

function tally() {
  const entries: Record<string, unknown>[] = [];
  const clock = { ms: 0 };
  const made = new CommandTally(
    (detail) => entries.push(detail),
    () => clock.ms,
  );
  return { entries, clock, made };
}

describe('the tally of commands', { timeout: TEST_HANG_MS }, () => {
  test('a poll every second for a day makes 144 entries, and none is uncounted', () => {
    const { entries, clock, made } = tally();
    for (let second = 0; second < 86_400; second++) {
      made.add(STATUS, `poll-${second}`);
      clock.ms += 1_000;
      made.flush();
    }
    made.flush({ isEnd: true });
    assert.equal(entries.length, 145);
    assert.deepEqual(entries[0], { ...STATUS, transaction: 'poll-0' });
    assert.deepEqual(entries[2], { ...STATUS, count: 600, seconds: 600 });
    const counted = entries.reduce((sum, { count }) => sum + Number(count ?? 1), 0);
    assert.equal(counted, 86_400);
  });

  test('who asked, and whether it was done, are counted apart', () => {
    const { entries, made } = tally();
    made.add(STATUS, undefined);
    made.add({ ...STATUS, key: 'a' }, undefined);
    made.add({ ...STATUS, key: 'b' }, undefined);
    made.add({ ...STATUS, ok: false, code: 'HL_INTERNAL' }, undefined);
    made.add({ ...STATUS, name: 'speed' }, undefined);
    assert.equal(entries.length, 5);
  });

  test('after a silence the next is an entry at once', () => {
    const { entries, clock, made } = tally();
    made.add(STATUS, undefined);
    clock.ms += 600_000;
    made.flush();
    made.add(STATUS, 'again');
    assert.deepEqual(entries, [STATUS, { ...STATUS, transaction: 'again' }]);
  });

  test('its memory is bounded, and what it forgets is recorded', () => {
    const { entries, made } = tally();
    for (let key = 0; key < 300; key++) {
      made.add({ ...STATUS, key: `${key}` }, undefined);
      made.add({ ...STATUS, key: `${key}` }, undefined);
    }
    assert.equal(entries.length, 300 + 44);
    made.flush({ isEnd: true });
    assert.equal(entries.length, 600);
  });

  test('every command of a running robot is in its audit', async (t) => {
    const rig = await Rig.create(t);
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    for (let i = 0; i < 5; i++) assert.ok((await person.command('status')).ok);
    await person.command('speed', { meters_per_second: 1 });
    await person.command('snapshot');
    await person.command('snapshot', { camera: 'none' });
    await person.command('look_alikes', { sample: 'none' });
    await daemon.stop();
    const audit = headland('audit', '--kind', 'command', '--json', '--config', rig.configFile);
    const told = JSON.parse(audit.stdout)
      .entries.map(({ detail }: { detail: Record<string, unknown> }) =>
        [detail.name, detail.source, detail.code ?? detail.ok, detail.count ?? 1].join(' '),
      )
      .reverse();
    assert.deepEqual(told, [
      'status mqtt true 1',
      'speed mqtt true 1',
      'snapshot mqtt true 1',
      'snapshot mqtt HL_FRAME_NONE 1',
      'look_alikes mqtt HL_SAMPLE_UNKNOWN 1',
      'status mqtt true 4',
    ]);
  });
});

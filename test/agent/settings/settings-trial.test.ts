import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { SettingsTrial } from '../../../src/agent/settings/settings-trial.js';
import { StartTrial } from '../../../src/agent/settings/start-trial.js';
import { temporaryFolder } from '../../temporary-folder.js';

/** A daemon that runs with content `1`, and a place that the page writes to. */
function place(t: TestContext) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'headland.yaml');
  const one = stringify({ paths: { stateDir: folder }, robot: { id: 'one' } });
  const two = one.replace('one', 'two');
  writeFileSync(file, one);
  return { file, one, two, trial: new SettingsTrial(file), now: () => readFileSync(file, 'utf8') };
}

describe('settings on trial', () => {
  test('stay when a daemon runs with them', async (t) => {
    const { file, one, two, trial, now } = place(t);
    await trial.write(two, true);
    await trial.pass();
    const start = new StartTrial(file);
    await start.begin();
    assert.equal(await start.undo(new Error('no trial')), false);
    assert.deepEqual([now(), readFileSync(`${file}.bak`, 'utf8')], [two, one]);
  });

  test('are undone by the next start when the process or the board has ended', async (t) => {
    const { file, one, two, trial, now } = place(t);
    await trial.write(two, true);
    const start = new StartTrial(file);
    await start.begin();
    assert.equal(now(), one);
    assert.equal(readFileSync(`${file}.refused`, 'utf8'), two);
    const undone = await start.pass();
    assert.equal(undone?.code, 'HL_SETTINGS_UNDONE');
    assert.match(undone?.message ?? '', /HL_SETTINGS_NOT_STARTED/);
    assert.equal(await new StartTrial(file).pass(), null);
  });

  test('that wait for a restart are tried once, then given up', async (t) => {
    const { file, one, two, trial, now } = place(t);
    await trial.write(two, false);
    await new StartTrial(file).begin();
    assert.equal(now(), two);
    await new StartTrial(file).begin();
    assert.equal(now(), one);
  });

  test('whose start a person has ended are tried again', async (t) => {
    const { file, two, trial, now } = place(t);
    await trial.write(two, false);
    const start = new StartTrial(file);
    await start.begin();
    await start.postpone();
    await new StartTrial(file).begin();
    assert.equal(now(), two);
  });

  test('go back to what a daemon has run with, not to what was never tried', async (t) => {
    const { file, one, two, trial, now } = place(t);
    await trial.write(two, false);
    await trial.write(two.replace('two', 'three'), false);
    const start = new StartTrial(file);
    await start.begin();
    assert.equal(await start.undo(new Error('cannot run')), true);
    assert.equal(now(), one);
  });

  test('that somebody has edited since are left alone', async (t) => {
    const { file, two, trial, now } = place(t);
    await trial.write(two, true);
    writeFileSync(file, two.replace('two', 'edited'));
    const start = new StartTrial(file);
    await start.begin();
    assert.equal(await start.undo(new Error('cannot run')), false);
    assert.match(now(), /edited/);
  });

  test('of a file that was not there go back to none', async (t) => {
    const { file, trial } = place(t);
    rmSync(file);
    await trial.write('robot: { id: a }\n', true);
    await trial.undo(new Error('cannot run'));
    assert.ok(!existsSync(file));
  });
});

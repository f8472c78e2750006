import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { parse } from 'yaml';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { SettingsPage } from './page.js';

async function opened(t: Parameters<typeof SettingsPage.open>[0], settings: object = {}) {
  return SettingsPage.open(t, { console: { port: await freePort() }, ...settings });
}

const THRESHOLD = ['inference', 'topK'];

describe('settings changed on the page', { timeout: TEST_HANG_MS }, () => {
  test('are written with comments, order and mode kept, and run', async (t) => {
    const page = await opened(t);
    const { configFile } = page.rig;
    const before = `# of the farm\n${readFileSync(configFile, 'utf8')}# the end\n`;
    writeFileSync(configFile, before);
    chmodSync(configFile, 0o640);
    const { status, json } = await page.change({ path: THRESHOLD, value: 1 });
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.effect, 'reload');
    const { last, values, effective, checksum } = await page.settled();
    assert.deepEqual([last.state, last.paths], ['applied', ['inference.topK']]);
    assert.equal(values.inference.topK, 1);
    assert.equal(effective.inference.topK, 1);
    assert.equal(checksum, json.checksum);
    const after = readFileSync(configFile, 'utf8');
    assert.match(after, /^# of the farm\n/);
    assert.match(after, /# the end\n/);
    assert.deepEqual(Object.keys(parse(after)).slice(0, 3), Object.keys(parse(before)).slice(0, 3));
    assert.equal(statSync(configFile).mode & 0o777, 0o640);
    assert.equal(readFileSync(`${configFile}.bak`, 'utf8'), before);
    assert.ok(!existsSync(`${configFile}.trial`));
    assert.ok(page.daemon.alive);
    const { events } = await page.get('events?kind=change');
    assert.equal(
      events.some(
        (event: { message: { text: string } }) =>
          event.message.text === 'settings changed: inference.topK',
      ),
      true,
    );
  });

  test('that are wrong are refused with their line and remedy, and nothing is written', async (t) => {
    const page = await opened(t);
    const before = readFileSync(page.rig.configFile, 'utf8');
    const { checksum } = await page.get('settings');
    const changes = [
      { path: ['cameras', 0, 'intervalMs'], value: 'soon' },
      { path: ['smaples'], value: {} },
    ];
    const checked = await page.post('settings/check', { checksum, changes });
    const line = before.split('\n').findIndex((text) => text.includes('intervalMs')) + 1;
    const [, problem] = checked.json.problems;
    const [first] = checked.json.problems;
    assert.deepEqual(
      [first.path, first.line, first.message],
      ['cameras[0].intervalMs', line, 'must be a number, not a string'],
    );
    assert.match(problem.message, /did you mean "samples"/);
    assert.ok(first.remedy.length > 0);
    const refused = await page.post('settings', { checksum, changes });
    assert.equal(refused.status, 422);
    assert.equal(refused.json.error.code, 'HL_CONFIG_INVALID');
    assert.match(
      refused.json.error.message,
      new RegExp(`cameras\\[0\\].intervalMs \\(line ${line}\\)`),
    );
    assert.equal(readFileSync(page.rig.configFile, 'utf8'), before);
  });

  test('that cannot run are undone, with the file as before', async (t) => {
    const page = await opened(t);
    const before = readFileSync(page.rig.configFile, 'utf8');
    await page.change({ path: ['models', 'backbone'], value: 'absent' });
    const { last, values } = await page.settled();
    assert.equal(last.state, 'undone');
    assert.equal(last.failure.code, 'HL_SETTINGS_UNDONE');
    assert.match(last.failure.message, /HL_MODEL_CARD_UNKNOWN/);
    assert.equal(values.models.backbone, 'tiny');
    assert.equal(readFileSync(page.rig.configFile, 'utf8'), before);
    assert.match(readFileSync(`${page.rig.configFile}.refused`, 'utf8'), /absent/);
  });

  test('that would lose the page are undone', async (t) => {
    const page = await opened(t);
    await page.change({ path: ['console', 'host'], value: '192.0.2.7' });
    const { last } = await page.settled();
    assert.equal(last.state, 'undone');
    const off = await page.change({ path: ['console', 'enabled'], value: false });
    assert.match(off.json.error.message, /the page does not switch itself off/);
  });

  test('of a file that was edited meanwhile are refused', async (t) => {
    const page = await opened(t);
    const { checksum } = await page.get('settings');
    writeFileSync(page.rig.configFile, `${readFileSync(page.rig.configFile, 'utf8')}\n# edited\n`);
    const changes = [{ path: THRESHOLD, value: 1 }];
    const { status, json } = await page.post('settings', { checksum, changes });
    assert.deepEqual([status, json.error.code], [409, 'HL_SETTINGS_CONFLICT']);
  });

  test('never name a program, a library or the file of a secret', async (t) => {
    const page = await opened(t);
    const rule = { name: 'r', labels: ['weed'], command: { path: '/bin/true' } };
    for (const change of [
      { path: ['alerts', 'rules'], value: [rule] },
      { path: ['inference', 'libraryPath'], value: '/tmp' },
      { path: ['mqtt', 'password'], value: { file: '/etc/shadow' } },
    ]) {
      const { json } = await page.change(change);
      assert.match(json.error.message, /the page does not set/, JSON.stringify(change));
    }
  });

  test('keep secrets in addresses hidden, and keep them', async (t) => {
    const cameras = [{ driver: 'ffmpeg', name: 'main', input: 'rtsp://u:canary-7@192.0.2.1/x' }];
    const page = await opened(t, { cameras });
    const text = JSON.stringify(await page.get('settings'));
    assert.ok(!text.includes('canary-7'));
    const { values } = await page.get('settings');
    const [shown] = values.cameras;
    assert.equal(shown.input, 'rtsp://[redacted]@192.0.2.1/x');
    const value = [{ ...shown, stallMs: 7_000 }];
    const { status, json } = await page.change({ path: ['cameras'], value });
    assert.equal(status, 200, JSON.stringify(json));
    const [written] = parse(readFileSync(page.rig.configFile, 'utf8')).cameras;
    assert.deepEqual([written.input, written.stallMs], [cameras[0]!.input, 7_000]);
    await page.settled();
    const edited = [{ ...shown, input: 'rtsp://[redacted]@192.0.2.2/x' }];
    const refused = await page.change({ path: ['cameras'], value: edited });
    assert.match(refused.json.error.message, /is hidden/);
  });

  test('that need a restart wait for it, and the process starts itself again', async (t) => {
    const page = await opened(t);
    const { pid } = page.daemon.process;
    const stateDir = `${page.rig.stateDir}-2`;
    const { json } = await page.change({ path: ['paths', 'stateDir'], value: stateDir });
    assert.deepEqual([json.effect, json.restartNeeded], ['restart', ['paths.stateDir']]);
    assert.deepEqual((await page.get('settings')).restartNeeded, ['paths.stateDir']);
    assert.ok(!existsSync(stateDir));
    const before = page.daemon.lines.length;
    assert.equal((await page.post('restart')).status, 202);
    await page.daemon.logged(
      (line) => page.daemon.lines.indexOf(line) >= before && line.msg === 'ready',
    );
    assert.equal(page.daemon.process.pid, pid);
    assert.ok(page.daemon.alive);
    assert.ok(existsSync(stateDir));
    const { restartNeeded, effective } = await page.get('settings');
    assert.deepEqual([restartNeeded, effective.paths.stateDir], [[], stateDir]);
    // The trial ends after the daemon has said that it is ready; the limit of the test ends the wait.
    while (existsSync(`${page.rig.configFile}.trial`)) await setTimeout(20);
    assert.equal((await page.daemon.stop()).code, 0);
  });

  test('that fail after a restart are undone, and the robot runs', async (t) => {
    const page = await opened(t);
    const before = readFileSync(page.rig.configFile, 'utf8');
    await page.change(
      { path: ['paths', 'stateDir'], value: `${page.rig.stateDir}-2` },
      { path: ['models', 'backbone'], value: 'absent' },
    );
    const lines = page.daemon.lines.length;
    await page.post('restart');
    await page.daemon.logged(
      (line) => page.daemon.lines.indexOf(line) >= lines && line.msg === 'ready',
    );
    assert.equal(readFileSync(page.rig.configFile, 'utf8'), before);
    const { last } = await page.until('settings', (view) => view.last !== null);
    assert.deepEqual([last.state, last.failure.code], ['undone', 'HL_SETTINGS_UNDONE']);
    assert.match(last.failure.message, /HL_MODEL_CARD_UNKNOWN/);
    assert.equal((await page.daemon.stop()).code, 0);
  });
});

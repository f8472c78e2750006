import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { loadConfigFile, loadLayeredConfig, loadSection } from '../../../src/config/load.js';
import { pageChangesPath, pageChangesText } from '../../../src/config/settings/page-changes.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { Rig } from '../daemon.js';
import { SettingsPage } from './page.js';

const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;

/** A configuration file with changes of the page on top. */
function layered(t: TestContext, settings: object, changes: Parameters<typeof pageChangesText>[1]) {
  const stateDir = temporaryFolder(t);
  const file = join(stateDir, 'headland.yaml');
  writeFileSync(file, stringify({ paths: { stateDir }, ...settings }));
  const changesFile = pageChangesPath(stateDir);
  writeFileSync(changesFile, pageChangesText(file, changes));
  return { file, changesFile, stateDir };
}

describe('changes of the page on top of a file', { timeout: TEST_HANG_MS }, () => {
  test('apply for the daemon and for every command', (t) => {
    const { file } = layered(t, { robot: { id: 'a' } }, [
      { path: 'robot.id', before: 'a', value: 'b' },
    ]);
    assert.equal(loadConfigFile(file).robot.id, 'b');
    assert.equal(loadSection(file, 'robot').id, 'b');
    assert.equal(loadLayeredConfig(file).refused, null);
  });

  test('give way to who edits the file', (t) => {
    const { file } = layered(t, { robot: { id: 'c' } }, [
      { path: 'robot.id', before: 'a', value: 'b' },
    ]);
    const { config, refused } = loadLayeredConfig(file);
    assert.deepEqual([config.robot.id, refused?.code], ['c', 'HL_CONFIG_CHANGES']);
  });

  test('that are damaged or do not fit leave the file alone in force', (t) => {
    const { file, changesFile } = layered(t, {}, [{ path: 'robot.id', value: 7 }]);
    const wrong = loadLayeredConfig(file);
    assert.deepEqual([wrong.config.robot.id, wrong.refused?.code], ['robot', 'HL_CONFIG_CHANGES']);
    writeFileSync(changesFile, '{"schema": 1, "chan');
    const torn = loadLayeredConfig(file);
    assert.deepEqual([torn.config.robot.id, torn.refused?.code], ['robot', 'HL_CONFIG_CHANGES']);
  });

  test('cannot make root load a library, read a secret or write elsewhere', (t) => {
    for (const [path, value] of [
      ['inference.libraryPath', '/tmp'],
      ['mqtt.password', { file: '/etc/shadow' }],
      ['paths.cacheDir', '/etc'],
      ['alerts.rules', [{ name: 'r', labels: ['a'], command: { path: '/bin/sh' } }]],
    ] as const) {
      const { file } = layered(t, {}, [{ path, value }]);
      const { config, refused } = loadLayeredConfig(file);
      assert.equal(refused?.code, 'HL_CONFIG_CHANGES', path);
      assert.equal(config.inference.libraryPath, null);
      assert.equal(config.mqtt.password, null);
    }
  });

  test('are not read through a link', (t) => {
    const { file, changesFile, stateDir } = layered(t, {}, []);
    const real = join(stateDir, 'elsewhere.json');
    writeFileSync(real, pageChangesText(file, [{ path: 'robot.id', value: 'b' }]));
    const linked = join(temporaryFolder(t), 'state');
    mkdirSync(linked);
    writeFileSync(file, stringify({ paths: { stateDir: linked } }));
    symlinkSync(real, pageChangesPath(linked));
    assert.ok(existsSync(changesFile));
    const { config, refused } = loadLayeredConfig(file);
    assert.deepEqual([config.robot.id, refused?.code], ['robot', 'HL_CONFIG_CHANGES']);
  });

  test('are what a daemon writes that may not write its file, and can be taken back', {
    skip: !isRoot && 'needs root, to be another user',
  }, async (t) => {
    const rig = await Rig.create(t, { console: { port: await freePort() } });
    chmodSync(rig.dir, 0o755);
    mkdirSync(rig.stateDir);
    mkdirSync(rig.cacheDir, { recursive: true });
    for (const folder of [rig.stateDir, rig.cacheDir]) chownSync(folder, NOBODY, NOBODY);
    const text = readFileSync(rig.configFile, 'utf8');
    const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const page = await SettingsPage.at(
      rig,
      await rig.start({ wrapper: asNobody, env: { HOME: '/' } }),
    );
    const { writtenTo } = await page.get('settings');
    assert.equal(writtenTo, pageChangesPath(rig.stateDir));
    const crop = { left: 0, top: 0.5, width: 1, height: 0.5 };
    const changed = await page.change({ path: ['cameras', 0, 'crop'], value: crop });
    assert.equal(changed.status, 200, JSON.stringify(changed.json));
    const { last, changedHere, effective } = await page.settled();
    assert.deepEqual([last.state, changedHere], ['applied', ['cameras']]);
    assert.deepEqual(effective.cameras[0].crop, crop);
    assert.deepEqual(loadConfigFile(rig.configFile).cameras[0]!.crop, crop);
    assert.equal(readFileSync(rig.configFile, 'utf8'), text);
    const moved = await page.change({ path: ['paths', 'stateDir'], value: '/tmp/x' });
    assert.match(moved.json.error.message, /the page does not set paths/);

    await page.change({ path: ['cameras', 0, 'crop'], unset: true });
    await page.until(
      'settings',
      (view) => view.changedHere.length === 0 && view.last.state === 'applied',
    );
    assert.ok(!existsSync(writtenTo));
    assert.equal((await page.daemon.stop()).code, 0);
  });
});

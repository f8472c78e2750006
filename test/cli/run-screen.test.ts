import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLI, headland, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { until } from '../telemetry/tools.js';
import { PseudoTerminal, withoutScript } from './setup/pseudo-terminal.js';

test('run tells a person at a terminal what happens, in lines of at most 80 columns', {
  skip: withoutScript,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t, { training: { everyNewLabels: 20, minLabels: 12 } });
  const command = [process.execPath, CLI, 'run', '--config', rig.configFile];
  const terminal = new PseudoTerminal(t, command, { COLUMNS: '80' });
  await terminal.until('ready: ');
  await terminal.until('no head yet: label two frames in each of two classes');
  await terminal.until('page: http://');
  const imported = headland('import', rig.photosDir, '--config', rig.configFile);
  assert.equal(imported.status, 0, imported.stderr);
  await terminal.until('label stored: ');
  await terminal.until('training started');
  await terminal.until('decides from the next frame on');
  await until('a verdict', () => /training ended|training cancelled/.test(terminal.shown));
  terminal.press('\u0003');
  assert.equal(await terminal.end(), 0, terminal.shown);
  assert.match(terminal.shown, /stopped/);
  for (const line of terminal.shown.split(/\r?\n|\r/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what erases a line takes no column
    const columns = [...line.replace(/\u001b\[K/g, '')].length;
    // A path without a space is not broken.
    assert.ok(columns <= 80 || !/ /.test(line.trim().slice(10)), line);
    assert.doesNotMatch(line, /^\{/);
  }
});

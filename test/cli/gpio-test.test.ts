import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { CLI } from '../agent/daemon.js';
import { gpioTree, usableOnoff } from '../alerts/gpio-tree.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const LINE = 529;

/** A horn that blinks for a minute, from a line that it prints; null: this cannot be tried here. */
async function blinking(
  t: TestContext,
  from: 'horn: on' | 'horn: off',
): Promise<{ child: ChildProcess; level: () => string } | null> {
  const skip = await usableOnoff();
  if (skip !== null) {
    t.skip(skip);
    return null;
  }
  const tree = gpioTree(t, [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }], [LINE]);
  const folder = temporaryFolder(t);
  const config = join(folder, 'headland.yaml');
  const horn = { name: 'horn', line: 17, signal: { kind: 'blink', onMs: 200, offMs: 50 } };
  const gpio = { driver: 'onoff', outputs: [horn] };
  writeFileSync(config, JSON.stringify({ robot: { id: 'r' }, paths: { stateDir: folder }, gpio }));
  const words = ['gpio', 'test', 'horn', '--seconds', '60', '--config', config];
  const child = spawn(...tree.command(process.execPath, CLI, ...words), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line === from) break;
  }
  return { child, level: () => readFileSync(join(tree.root, `gpio${LINE}`, 'value'), 'utf8') };
}

describe('gpio test leaves no output on', { timeout: TEST_HANG_MS }, () => {
  test('when the reader of its output closes the pipe', async (t) => {
    const horn = await blinking(t, 'horn: off');
    if (!horn) return;
    // The next line that it prints is "on".
    horn.child.stdout?.destroy();
    assert.deepEqual(await once(horn.child, 'exit'), [141, null]);
    assert.match(horn.level(), /^0/);
  });

  test('when its terminal is closed', async (t) => {
    const horn = await blinking(t, 'horn: on');
    if (!horn) return;
    horn.child.kill('SIGHUP');
    await once(horn.child, 'exit');
    assert.match(horn.level(), /^0/);
  });
});

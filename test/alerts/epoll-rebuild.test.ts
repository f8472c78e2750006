import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EventBody } from '../../src/telemetry/contract/messages.js';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** onoff with all that it needs to run and to be compiled. */
const PACKAGES = ['onoff', 'lodash.debounce', 'epoll', 'bindings', 'file-uri-to-path', 'nan'];

/** An installation of headland whose onoff may be changed. */
function install(folder: string): void {
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(root, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
  const child = 'dist/test/alerts/alerting-child.js';
  cpSync(join(root, child), join(folder, child));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    const source = join(root, 'node_modules', name);
    if (PACKAGES.includes(name)) cpSync(source, join(modules, name), { recursive: true });
    else symlinkSync(source, join(modules, name));
  }
}

test('after a change of Node.js, outputs raise an alarm until epoll is rebuilt as the remedy says', (t) => {
  if (!existsSync(join(root, 'node_modules/epoll'))) {
    t.skip('the optional package onoff is not installed');
    return;
  }
  const folder = temporaryFolder(t);
  install(folder);
  const rebuild = (flags: Record<string, string>) =>
    spawnSync('npm', ['rebuild', 'epoll'], {
      cwd: folder,
      env: { ...process.env, ...flags },
      encoding: 'utf8',
      timeout: HANG_MS,
    });
  const run = () => {
    const child = join(folder, 'dist/test/alerts/alerting-child.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [child], {
      cwd: folder,
      encoding: 'utf8',
      timeout: HANG_MS,
    });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as EventBody[];
  };

  // The headers of this Node.js let an embedder name another ABI.
  const other = rebuild({ CXXFLAGS: '-DNODE_EMBEDDER_MODULE_VERSION=999' });
  if (other.status !== 0) {
    t.skip(`epoll cannot be compiled here: ${other.stderr.trim().split('\n').at(-1)}`);
    return;
  }
  const [alarm, alert] = run();
  assert.equal(alarm?.kind, 'alarm_raised');
  assert.match(alarm.message, /epoll was compiled for another Node\.js/);
  assert.match(String(alarm.details?.remedy), /npm rebuild epoll/);
  assert.equal(alert?.kind, 'alert_raised');

  assert.equal(rebuild({}).status, 0);
  // Where there is no GPIO, that is what is wrong now.
  assert.doesNotMatch(JSON.stringify(run()), /epoll/);
});

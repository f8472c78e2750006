import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

/** The installers where any user can read them, and a PATH with these programs alone. */
function machine(t: TestContext, programs: string[]) {
  const root = temporaryFolder(t);
  chmodSync(root, 0o755);
  cpSync(fileURLToPath(new URL('../../../deploy/', import.meta.url)), join(root, 'deploy'), {
    recursive: true,
  });
  const bin = join(root, 'bin');
  mkdirSync(bin);
  for (const name of ['bash', 'dirname', 'id', ...programs]) {
    const { stdout } = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
    if (stdout.trim()) symlinkSync(stdout.trim(), join(bin, name));
  }
  return (script: string, user: object = {}) => {
    const { status, stdout, stderr } = spawnSync(
      join(bin, 'bash'),
      [join(root, 'deploy', script)],
      {
        cwd: root,
        env: { PATH: bin },
        encoding: 'utf8',
        timeout: HANG_MS,
        ...user,
      },
    );
    return { status, output: stdout + stderr };
  };
}

const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

describe('the installers', () => {
  it('say in one line what is missing and what to run when they may not install', (t) => {
    const run = machine(t, ['apt-get']);
    const tools = run('install-test-tools.sh', nobody);
    assert.equal(tools.status, 0, 'the tests go on without them');
    assert.equal(tools.output.trimEnd().split('\n').length, 1, tools.output);
    assert.match(
      tools.output,
      /^Test tools missing: .*ffmpeg.*; as root run: apt-get update && apt-get install .* ffmpeg fswebcam /,
    );
    const runtime = run('install-runtime.sh', nobody);
    assert.equal(runtime.status, 1, 'the daemon needs them');
    assert.match(runtime.output, /^Runtime tools missing: ffmpeg, fswebcam, .*python3-pip\n$/);
  });

  it('say so on a machine without apt', (t) => {
    const { status, output } = machine(t, [])('install-test-tools.sh');
    assert.equal(status, 0);
    assert.match(output, /there is no apt-get here/);
  });

  it('say nothing when nothing is missing', (t) => {
    const run = machine(t, []);
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
    const { status, output } = run('install-runtime.sh', { ...nobody, env });
    if (/missing/.test(output)) {
      t.skip(`this machine lacks something: ${output.trim()}`);
      return;
    }
    assert.deepEqual({ status, output }, { status: 0, output: '' });
  });
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { acquireStateLock, isStateLocked } from '../../../src/agent/lifetime/state-lock.js';
import { isInstanceRunning } from '../../../src/host/instance-lock.js';
import { withoutStrace } from '../../base/disk-calls.js';
import { hasCode } from '../../errors.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { CLI, headland, Rig } from '../daemon.js';

/** Runs a command without the network of this machine, as in a container. */
const APART = ['unshare', '--map-root-user', '--net'];
const withoutNamespaces =
  spawnSync(APART[0]!, [...APART.slice(1), 'true']).status !== 0 && 'needs namespaces (unshare)';

const MODULE = new URL('../../../src/agent/lifetime/state-lock.js', import.meta.url).href;

/** Another process that takes a lock and says so. @param prefix a command that runs it */
function taker(directory: string, prefix: readonly string[] = []): [string, string[]] {
  const script = `const { acquireStateLock } = await import(${JSON.stringify(MODULE)});
    if (process.env.HEADLAND_TEST_WAITS) {
      await acquireStateLock(${JSON.stringify(directory)}, 'train');
      console.log('waits');
      await new Promise((go) => process.stdin.once('data', go));
    }
    try {
      const { unlocked } = await acquireStateLock(${JSON.stringify(directory)}, 'run');
      console.log('held', unlocked);
      setInterval(() => {}, 1000);
    } catch ({ code }) { console.log(code); }`;
  const [command, ...args] = [...prefix, process.execPath, '--input-type=module', '-e', script];
  return [command!, args];
}

async function spawnTaker(t: TestContext, directory: string, prefix: readonly string[] = []) {
  const child = spawn(...taker(directory, prefix), { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

describe('the lock of a state folder', () => {
  test('is seen in another network namespace, and ends with its process', {
    skip: withoutNamespaces,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const lock = await acquireStateLock(folder, 'run');
    assert.equal(lock.unlocked, null);
    assert.equal((await spawnTaker(t, folder, APART)).said, 'HL_ALREADY_RUNNING');
    await lock.release();

    const apart = await spawnTaker(t, folder, APART);
    assert.equal(apart.said, 'held null');
    assert.equal(await isInstanceRunning(folder, 'run'), false, 'its socket is elsewhere');
    assert.equal(await isStateLocked(folder, 'run'), true);
    assert.equal(await isStateLocked(folder, 'train'), false);
    await assert.rejects(acquireStateLock(folder, 'run'), hasCode('HL_ALREADY_RUNNING'));
    apart.child.kill('SIGKILL');
    await once(apart.child, 'exit');
    assert.equal(await isStateLocked(folder, 'run'), false);
    const again = await acquireStateLock(folder, 'run');
    assert.equal(again.unlocked, null);
    await again.release();
  });

  test('is one per purpose, also within a process, and leaves nothing but empty files', async (t) => {
    const folder = temporaryFolder(t);
    const lock = await acquireStateLock(folder, 'run');
    await assert.rejects(acquireStateLock(folder, 'run'), hasCode('HL_ALREADY_RUNNING'));
    const other = await acquireStateLock(folder, 'train');
    await lock.release();
    await (await acquireStateLock(folder, 'run')).release();
    await other.release();
    assert.deepEqual(readdirSync(folder).sort(), ['run.lock', 'train.lock']);
  });

  test('does not depend on what is in its file', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'run.lock'), 'garbage of another program');
    const lock = await acquireStateLock(folder, 'run');
    assert.equal(lock.unlocked, null);
    await lock.release();
  });

  test('is the socket alone where the folder cannot be locked: the robot must start', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'run.lock'));
    const lock = await acquireStateLock(folder, 'run');
    assert.match(lock.unlocked ?? '', /run\.lock/);
    await assert.rejects(acquireStateLock(folder, 'run'), hasCode('HL_ALREADY_RUNNING'));
    await lock.release();
    const gone = await acquireStateLock(join(folder, 'gone'), 'run');
    assert.notEqual(gone.unlocked, null);
    assert.equal(existsSync(join(folder, 'gone')), false, 'only the daemon creates it');
    await gone.release();
  });

  test('is the socket alone on a file system without locks', {
    skip: withoutStrace,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const [command, args] = taker(folder);
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, HEADLAND_TEST_WAITS: '1' },
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    // As NFS without its lock service answers; only from now on, because Node.js and libsql need fcntl to start.
    const strace = [
      '-f',
      '-p',
      String(child.pid),
      '-o',
      '/dev/null',
      '--inject=fcntl:error=ENOLCK',
    ];
    const tracer = spawn('strace', strace, { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => tracer.kill('SIGKILL'));
    await once(tracer.stderr, 'data');
    child.stdin.end('go\n');
    const [said] = await once(child.stdout, 'data');
    assert.match(String(said), /^held .*no locks$/m);
    assert.deepEqual(readdirSync(folder).sort(), ['run.lock', 'train.lock']);
  });

  test('is not given up by its process while it forgets the lock', async (t) => {
    const folder = temporaryFolder(t);
    const script = `const { acquireStateLock } = await import(${JSON.stringify(MODULE)});
      await acquireStateLock(${JSON.stringify(folder)}, 'run');
      for (let i = 0; i < 5; i++) { gc(); await new Promise((done) => setTimeout(done, 10)); }
      console.log('collected'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const [command, args] = taker(folder, withoutNamespaces ? [] : APART);
    assert.equal(
      spawnSync(command, args, { encoding: 'utf8' }).stdout.trim(),
      'HL_ALREADY_RUNNING',
    );
  });
});

describe('two daemons on one state folder', () => {
  test('in different network namespaces: the second ends', {
    skip: withoutNamespaces,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const daemon = await rig.start();
    const [command, ...args] = [...APART, process.execPath, CLI, 'run', '--config', rig.configFile];
    const second = spawnSync(command!, args, { encoding: 'utf8' });
    assert.notEqual(second.status, 0);
    assert.match(second.stdout + second.stderr, /HL_ALREADY_RUNNING/);
    const backup = join(rig.dir, 'everything.backup');
    assert.equal(headland('backup', backup, '--config', rig.configFile).status, 0);
    for (const options of [
      ['restore', backup],
      ['verify', '--repair'],
    ]) {
      const given = [...options, '--config', rig.configFile];
      const beside = spawnSync(command!, [...APART.slice(1), process.execPath, CLI, ...given], {
        encoding: 'utf8',
      });
      assert.match(beside.stderr, /HL_ALREADY_RUNNING/, given.join(' '));
    }
    assert.equal((await daemon.stop()).code, 0);
  });
});

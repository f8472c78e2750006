import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withoutStrace } from '../base/disk-calls.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Person, Rig } from './daemon.js';

/** Calls that create, change or remove files, and those that open connections. */
const WATCHED =
  'open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,truncate,connect,sendto,bind';

/**
 * A whole working day in small, under strace: frames, labels, a training in its own process, a
 * promotion. Nothing may be written outside the state, cache and temporary folders, and no
 * connection opened that the configuration does not name.
 */
test('writes only into its own folders and connects only where the configuration says', {
  skip: withoutStrace,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const trace = join(rig.dir, 'trace');
  const temporary = join(rig.dir, 'tmp');
  const home = join(rig.dir, 'home');
  const daemon = await rig.start({
    wrapper: [
      'strace',
      '-D',
      '-ff',
      '-qq',
      '-y',
      '-s',
      '512',
      '-e',
      `trace=${WATCHED}`,
      '-o',
      trace,
    ],
    env: { TMPDIR: temporary, HOME: home, XDG_CACHE_HOME: join(home, '.cache') },
  });
  const person = await Person.connect(t, daemon.mqttUrl);
  await person.labelFrames(rig, 40);
  await person.command('retrain');
  const { body: report } = await person.until(
    ({ topic }) => topic === 'headland/r1/training/report',
  );
  assert.equal(report.outcome, 'promoted', report.reason);
  await daemon.stop();

  const calls = readdirSync(rig.dir)
    .filter((file) => file.startsWith('trace.'))
    .flatMap((file) => readFileSync(join(rig.dir, file), 'utf8').split('\n'));
  assert.ok(
    calls.some((call) => call.includes('headland.db') && call.includes('O_RDWR')),
    'the watch saw the database opened, so it works',
  );
  const allowed = [rig.stateDir, rig.cacheDir, temporary, '/dev/', '/proc/'];
  const strayWrites = calls
    .filter((call) => !/= -1 E/.test(call) && changesFiles(call))
    .filter(
      (call) => !writtenPaths(call).every((path) => allowed.some((dir) => path.startsWith(dir))),
    );
  assert.deepEqual(strayWrites, []);
  assert.equal(existsSync(home), false, 'the home folder was not even created');

  const port = new URL(daemon.mqttUrl).port;
  const consolePort = new URL(daemon.consoleUrl).port;
  const strayConnections = calls
    .filter((call) => /^(connect|sendto|bind)\(/.test(call) && /sin6?_addr|AF_INET/.test(call))
    .filter((call) => {
      const local = call.includes('inet_addr("127.0.0.1")');
      const known = [port, consolePort, '0'].some((number) => call.includes(`htons(${number})`));
      return !(local && known);
    });
  assert.deepEqual(strayConnections, []);
});

function changesFiles(call: string): boolean {
  if (/^(open|openat|openat2)\(/.test(call)) return /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(call);
  return /^(creat|mkdir|rename|unlink|link|symlink|truncate)/.test(call);
}

/** Absolute paths named by a call; relative ones are resolved by strace's own `-y` annotation. */
function writtenPaths(call: string): string[] {
  const [head] = call.split(' = ');
  const paths = [...head!.matchAll(/"([^"]*)"/g)].map(([, path]) => path!);
  const folder = /AT_FDCWD<([^>]*)>/.exec(head!)?.[1];
  return paths.map((path) =>
    path.startsWith('/') || folder === undefined ? path : join(folder, path),
  );
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rsyncArguments } from '../../src/sync/rsync/rsync-arguments.js';
import { rsyncError } from '../../src/sync/rsync/rsync-errors.js';
import { hasCode } from '../errors.js';
import { TEST_HANG_MS } from '../liveness.js';
import { smallDisk } from '../samples/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { PASSWORD, type RsyncDaemon, startRsyncDaemon, withoutRsync } from './rsync-daemon.js';
import {
  admit,
  labelIn,
  openSyncRobot,
  passOf,
  ROBOT,
  type SyncRobot,
  synchroniserOf,
} from './support.js';

const OPTIONS = { skip: withoutRsync, timeout: TEST_HANG_MS };

function robotFor(
  t: TestContext,
  { port }: Pick<RsyncDaemon, 'port'>,
  { module = 'farm', password = PASSWORD, ...sync }: Record<string, unknown> = {},
): SyncRobot {
  const file = join(temporaryFolder(t), 'password');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return openSyncRobot(t, {
    target: `rsync://robot@127.0.0.1:${port}/${module}/fields`,
    timeoutMs: 10_000,
    rsync: { password: { file } },
    ...sync,
  });
}

function folderOf({ root }: RsyncDaemon): string {
  return join(root, 'fields', ROBOT);
}

function filesOf(daemon: RsyncDaemon): string[] {
  const folder = folderOf(daemon);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** One letter a file, in the order in which they got their names: picture, metadata. */
function kindsInOrder(daemon: RsyncDaemon): string {
  const named = filesOf(daemon).map((name) => {
    const { ctimeNs } = statSync(join(folderOf(daemon), name), { bigint: true });
    return { name, ctimeNs };
  });
  named.sort((a, b) => (a.ctimeNs < b.ctimeNs ? -1 : 1));
  return named.map(({ name }) => (name.endsWith('.json') ? 'm' : 'p')).join('');
}

/** rsync gives a file that it sends a new inode. */
function inodeOf(daemon: RsyncDaemon, name: string): number {
  return statSync(join(folderOf(daemon), name)).ino;
}

test('an rsync daemon gets pictures, then metadata, readable for others', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = robotFor(t, daemon);
  const samples = [await admit(robot, 1), await admit(robot, 2)];
  const report = await passOf(synchroniserOf(robot, {}));
  assert.deepEqual([report.pictures, report.left.due], [2, 0]);
  assert.deepEqual(
    filesOf(daemon),
    samples.flatMap(({ id }) => [`${id}.jpg`, `${id}.sample.json`]).sort(),
  );
  const file = join(daemon.root, 'fields', ROBOT, `${samples[0]!.id}.jpg`);
  assert.deepEqual(
    readFileSync(file),
    Buffer.from(robot.state.task().samples.picture(samples[0]!.id)!),
  );
  assert.equal(statSync(file).mode & 0o777, 0o644);
  assert.equal(kindsInOrder(daemon), 'ppmm');
  assert.equal(existsSync(join(robot.stateDir, 'sync')), false, 'no copy stays behind');
});

test('a changed label of the same length replaces the metadata alone', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = robotFor(t, daemon);
  const sample = await admit(robot, 1, 'weed');
  await passOf(synchroniserOf(robot, {}));
  const before = inodeOf(daemon, `${sample.id}.jpg`);
  robot.state.task().samples.label(sample.id, 'crop', 'cli');
  const { pictures, updates } = await passOf(synchroniserOf(robot, {}));
  assert.deepEqual([pictures, updates], [0, 1]);
  const sidecar = join(folderOf(daemon), `${sample.id}.sample.json`);
  assert.equal(labelIn(readFileSync(sidecar)), 'crop');
  assert.equal(inodeOf(daemon, `${sample.id}.jpg`), before);
});

test('what is there already is not sent again after a crash', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = robotFor(t, daemon);
  const { id } = await admit(robot, 1);
  await passOf(synchroniserOf(robot, {}));
  const before = [`${id}.jpg`, `${id}.sample.json`].map((name) => inodeOf(daemon, name));
  const { signal } = new AbortController();
  mkdirSync(join(robot.stateDir, 'sync', 'pictures', ROBOT), { recursive: true });
  writeFileSync(join(robot.stateDir, 'sync', 'pictures', ROBOT, 'left-over.jpg'), 'half');
  await synchroniserOf(robot, {}).run({ signal, again: true });
  const after = [`${id}.jpg`, `${id}.sample.json`].map((name) => inodeOf(daemon, name));
  assert.deepEqual(after, before);
  assert.equal(filesOf(daemon).includes('left-over.jpg'), false);
});

test('the copies of a batch stay within their bound', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = robotFor(t, daemon);
  robot.config.sync.rsync.maxBatchBytes = 12_000;
  for (let number = 0; number < 9; number++) await admit(robot, number);
  const { pictures } = await passOf(synchroniserOf(robot, {}));
  assert.equal(pictures, 9);
  assert.match(kindsInOrder(daemon), /^(p{1,4}m{1,4}){3,9}$/);
});

test('failures of the daemon have their own codes', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const cases: [given: Record<string, unknown>, code: string][] = [
    [{ password: 'wrong' }, 'HL_SYNC_DENIED'],
    [{ module: 'nowhere' }, 'HL_SYNC_TARGET_MISSING'],
    [{ module: 'farm/not/there' }, 'HL_SYNC_TARGET_MISSING'],
    [{ module: 'readonly' }, 'HL_SYNC_DENIED'],
  ];
  for (const [given, code] of cases) {
    const robot = robotFor(t, daemon, given);
    await admit(robot, 1);
    await assert.rejects(passOf(synchroniserOf(robot, {})), hasCode(code), JSON.stringify(given));
    const { sent, due } = await synchroniserOf(robot, {}).survey(new AbortController().signal);
    assert.deepEqual([sent, due], [0, 1]);
    assert.equal(existsSync(join(robot.stateDir, 'sync')), false);
  }
  const robot = robotFor(t, { port: 1 });
  await admit(robot, 1);
  await assert.rejects(passOf(synchroniserOf(robot, {})), hasCode('HL_SYNC_UNREACHABLE'));
});

test('a full disk of the server is named; sending goes on after it', OPTIONS, async (t) => {
  const disk = smallDisk(t, '64k');
  if (disk === null) return t.skip('no small disk can be mounted here');
  const daemon = await startRsyncDaemon(t, disk);
  const filler = join(disk, 'filler');
  const robot = robotFor(t, daemon);
  await admit(robot, 1);
  assert.throws(() => writeFileSync(filler, Buffer.alloc(1_000_000)));
  await assert.rejects(passOf(synchroniserOf(robot, {})), hasCode('HL_SYNC_TARGET_FULL'));
  writeFileSync(filler, '');
  const { left } = await passOf(synchroniserOf(robot, {}));
  assert.equal(left.due, 0);
});

test('without rsync the error says how to install it', async (t) => {
  const robot = robotFor(t, { port: 1 });
  await admit(robot, 1);
  const pass = passOf(synchroniserOf(robot, { PATH: '/nonexistent' }));
  await assert.rejects(pass, hasCode('HL_SYNC_PROGRAM_MISSING'));
});

test('without room for the copies nothing is sent, and the disk is named', OPTIONS, async (t) => {
  const daemon = await startRsyncDaemon(t);
  const robot = robotFor(t, daemon);
  await admit(robot, 1);
  writeFileSync(join(robot.stateDir, 'sync-is-a-file'), '');
  const blocked = { ...robot, config: structuredClone(robot.config) };
  blocked.config.paths.stateDir = join(robot.stateDir, 'sync-is-a-file');
  await assert.rejects(passOf(synchroniserOf(blocked, {})), hasCode('HL_SYNC_STAGING'));
  assert.deepEqual(filesOf(daemon), []);
});

test(
  'over ssh: without questions, and no part of the target is read by a shell',
  OPTIONS,
  async (t) => {
    const bin = temporaryFolder(t);
    const seen = join(bin, 'arguments');
    // Stands in for the connection alone: the rsync of the server runs here.
    writeFileSync(
      join(bin, 'ssh'),
      `#!/bin/sh
printf '%s\\n' "$@" > ${seen}
while [ "$1" != farm.example ]; do shift; done
shift
exec sh -c "$*"
`,
    );
    chmodSync(join(bin, 'ssh'), 0o755);
    const served = temporaryFolder(t);
    const robot = openSyncRobot(t, {
      target: `robot@farm.example:${served}`,
      rsync: {
        sshKeyFile: '/etc/headland/key',
        knownHostsFile: '/etc/headland/hosts',
        sshPort: 2222,
      },
    });
    const sample = await admit(robot, 1);
    const { left } = await passOf(synchroniserOf(robot, { PATH: `${bin}:${process.env.PATH}` }));
    assert.equal(left.due, 0);
    assert.deepEqual(readdirSync(join(served, ROBOT)).sort(), [
      `${sample.id}.jpg`,
      `${sample.id}.sample.json`,
    ]);
    const given = readFileSync(seen, 'utf8').split('\n');
    for (const option of [
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      'IdentityFile=/etc/headland/key',
      'IdentitiesOnly=yes',
      'UserKnownHostsFile=/etc/headland/hosts',
    ]) {
      assert.ok(given.includes(option), option);
    }
    assert.equal(given[given.indexOf('-p') + 1], '2222');
    assert.equal(
      given.some((argument) => argument.includes(served)),
      false,
      'protected arguments',
    );
  },
);

test('ssh that fails has its own words', OPTIONS, async (t) => {
  const cases: [script: string, code: string][] = [
    ['echo "Host key verification failed." >&2; exit 255', 'HL_SYNC_HOST_UNKNOWN'],
    ['echo "robot@farm: Permission denied (publickey)." >&2; exit 255', 'HL_SYNC_DENIED'],
    [
      'echo "ssh: connect to host farm port 22: No route to host" >&2; exit 255',
      'HL_SYNC_UNREACHABLE',
    ],
    ['echo "bash: line 1: rsync: command not found" >&2; exit 127', 'HL_SYNC_PROGRAM_MISSING'],
    ['exit 3', 'HL_SYNC_UNREACHABLE'],
  ];
  for (const [script, code] of cases) {
    const bin = temporaryFolder(t);
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const robot = openSyncRobot(t, { target: 'robot@farm.example:pictures' });
    await admit(robot, 1);
    const pass = passOf(synchroniserOf(robot, { PATH: `${bin}:${process.env.PATH}` }));
    await assert.rejects(pass, hasCode(code), script);
  }
});

test('any other exit code is passed on with the words of rsync', () => {
  const { code, message } = rsyncError('farm', 23, 'rsync: strange\nrsync error: x (code 23)\n');
  assert.equal(code, 'HL_SYNC_RSYNC_FAILED');
  assert.equal(message, 'farm: rsync: some files were not stored (exit code 23): rsync: strange');
});

test('rsync knows every argument, and none can come from the target', OPTIONS, () => {
  const given = rsyncArguments(
    {
      kind: 'daemon',
      destination: 'rsync://127.0.0.1:1/-e/',
      timeoutMs: 1_500,
      sshKeyFile: null,
      knownHostsFile: null,
      sshPort: 22,
    },
    'pictures/./r1/',
  );
  const end = given.indexOf('--');
  assert.deepEqual(given.slice(end + 1), ['pictures/./r1/', 'rsync://127.0.0.1:1/-e/']);
  assert.ok(given.includes('--timeout=2'));
  execFileSync('rsync', [...given.slice(0, end), '--version']);
});

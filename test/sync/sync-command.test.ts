import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { CLI } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutOpenssl, writeCertificates } from '../telemetry/certificates.js';
import { temporaryFolder } from '../temporary-folder.js';
import { failing, KEYS, S3Server, silent } from './s3-server.js';
import { AWS_ENVIRONMENT, admit, openSyncRobot, s3Settings } from './support.js';

const OPTIONS = { timeout: TEST_HANG_MS };

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: string[], env: NodeJS.ProcessEnv = AWS_ENVIRONMENT): ChildProcess {
  return spawn(process.execPath, [CLI, 'sync', ...args], {
    env: { PATH: process.env.PATH, COLUMNS: '80', ...env },
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

const run = (args: string[], env?: NodeJS.ProcessEnv) => ended(start(args, env));

test('says what would be sent, sends it, and says what was sent', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const config = ['--config', robot.configFile];
  const { id } = await admit(robot, 1);
  const plan = await run([...config, '--dry-run']);
  assert.match(plan.stdout, /^would send 1 sample, pictures [\d.]+ kB to s3:\/\/field-pictures\//);
  assert.deepEqual(store.requests, []);
  const first = await run(config);
  assert.match(first.stdout, /^sent 1 picture \([\d.]+ kB\) to s3:.*\nleft to send: nothing\n$/);
  robot.state.task().samples.label(id, 'crop', 'cli');
  const second = await run(config);
  assert.match(second.stdout, /^sent 0 pictures and 1 change of metadata \(/);
  const json = JSON.parse((await run([...config, '--json', '--again'])).stdout);
  assert.deepEqual([json.pictures, json.updates, json.refused], [1, 0, []]);
  assert.deepEqual(json.left, { samples: 0, pictureBytes: 0 });
  assert.deepEqual([plan.code, first.code, second.code], [0, 0, 0]);
});

test('status shows what is left and the last error, in 80 columns', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store));
  const config = ['--config', robot.configFile];
  await admit(robot, 1);
  store.fault = () => failing(403, 'AccessDenied', `Access Denied ${'to this robot '.repeat(8)}`);
  const failed = await run(config);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /HL_SYNC_DENIED/);
  const { stdout, code } = await run(['status', ...config]);
  assert.equal(code, 0);
  assert.match(stdout, /left to send +1 sample/);
  assert.match(stdout, /last success +never/);
  assert.match(stdout, /last error +HL_SYNC_DENIED/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  store.fault = () => null;
  await run(config);
  const status = JSON.parse((await run(['status', '--json', ...config])).stdout);
  assert.deepEqual([status.sent, status.left.samples, status.error], [1, 0, null]);
  assert.equal(store.requests.length, 3);
});

test('without a target nothing is sent, and nothing is stored about it', OPTIONS, async (t) => {
  const robot = openSyncRobot(t, {});
  await admit(robot, 1);
  const { code, stderr } = await run(['--config', robot.configFile], {});
  assert.equal(code, 1);
  assert.match(stderr, /HL_SYNC_OFF/);
  const tables = robot.state.database
    .prepare<{ name: string }>("SELECT name FROM sqlite_master WHERE name LIKE 'sync%'")
    .all();
  assert.deepEqual(tables, []);
});

test(
  'two passes never run at the same time; an interrupted one ends with 130',
  OPTIONS,
  async (t) => {
    const store = await S3Server.start(t);
    const robot = openSyncRobot(t, s3Settings(store, { timeoutMs: 3_600_000 }));
    const config = ['--config', robot.configFile];
    await admit(robot, 1);
    const asked = new Promise<void>((resolve) => {
      store.fault = () => {
        resolve();
        return silent;
      };
    });
    const child = start(config);
    t.after(() => child.kill('SIGKILL'));
    const first = ended(child);
    await asked;
    const second = await run(config);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /HL_SYNC_RUNNING/);
    child.kill('SIGINT');
    const { code, stderr } = await first;
    assert.equal(code, 130);
    assert.match(stderr, /HL_SYNC_CANCELLED/);
  },
);

test('keys from files are used, and appear nowhere', OPTIONS, async (t) => {
  const store = await S3Server.start(t);
  store.sessionToken = KEYS.sessionToken;
  const secrets = temporaryFolder(t);
  const reference = Object.fromEntries(
    Object.entries(KEYS).map(([name, value]) => {
      const file = join(secrets, name);
      writeFileSync(file, `${value}\n`, { mode: 0o600 });
      return [name, { file }];
    }),
  );
  const robot = openSyncRobot(t, s3Settings(store));
  const configFile = join(temporaryFolder(t), 'headland.yaml');
  const { sync, ...settings } = robot.config;
  const withKeys = { ...sync, s3: { ...sync.s3, ...reference } };
  writeFileSync(configFile, stringify({ ...settings, sync: withKeys }));
  await admit(robot, 1);
  const config = ['--config', configFile];
  const outputs = [await run(config, {}), await run(['status', ...config], {})];
  assert.equal(store.puts.length, 2);
  // With everything that a store could throw back at us.
  store.fault = (_key, body) =>
    failing(403, 'InvalidAccessKeyId', `${KEYS.accessKeyId} ${body.subarray(0, 4)}`);
  outputs.push(await run([...config, '--again', '--json'], {}));
  outputs.push(await run(['status', '--json', ...config], {}));
  const printed = spawn(process.execPath, [CLI, 'config', 'print', configFile]);
  outputs.push(await ended(printed));
  const state = filesBelow(robot.stateDir).map((file) => readFileSync(file, 'latin1'));
  for (const value of Object.values(KEYS)) {
    for (const { stdout, stderr } of outputs) assert.ok(!`${stdout}${stderr}`.includes(value));
    assert.ok(!state.some((content) => content.includes(value)));
  }
});

test('a certificate of an authority of the farm is trusted once it is named', {
  ...OPTIONS,
  skip: withoutOpenssl,
}, async (t) => {
  const folder = temporaryFolder(t);
  writeCertificates(folder);
  const read = (name: string) => readFileSync(join(folder, name));
  const store = await S3Server.start(t, { key: read('server.key'), cert: read('server.crt') });
  const robot = openSyncRobot(t, s3Settings(store));
  await admit(robot, 1);
  const config = ['--config', robot.configFile];
  const refused = await run(config);
  assert.match(refused.stderr, /HL_SYNC_UNTRUSTED/);
  const ca = { ...AWS_ENVIRONMENT, NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt') };
  const { code, stderr } = await run(config, ca);
  assert.equal(code, 0, stderr);
  assert.equal(store.puts.length, 2);
});

test('a password in the target is refused, and not repeated', OPTIONS, async (t: TestContext) => {
  for (const target of [
    's3://AKIDKANARIE:kanarie7f3a9c@bucket/prefix',
    'rsync://robot:kanarie7f3a9c@farm/module/x',
    'robot:kanarie7f3a9c@farm:/x',
  ]) {
    const file = join(temporaryFolder(t), 'headland.yaml');
    writeFileSync(file, stringify({ sync: { target } }));
    const { code, stdout, stderr } = await run(['--config', file]);
    assert.equal(code, 2, target);
    assert.match(stderr, /use s3:\/\/bucket\/prefix/);
    assert.equal(`${stdout}${stderr}`.includes('kanarie7f3a9c'), false, stderr);
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile());
}

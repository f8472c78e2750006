import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DoctorReport, doctorReportSchema } from '../../../src/agent/doctor/doctor-report.js';
import { sha256Hex } from '../../../src/base/hash.js';
import { httpCamera, type Viewer } from '../../camera/sources.js';
import { withoutTool } from '../../camera/support.js';
import { checkSaid } from '../../docs/remedies/scenario.js';
import { until } from '../../fleet/hub-fixture.js';
import { HubStandIn } from '../../fleet/robot/hub-stand-in.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort, listen } from '../../ports.js';
import { Recorder } from '../../recorder.js';
import {
  privateKey,
  tlsListener,
  withoutOpenssl,
  writeCertificates,
} from '../../telemetry/certificates.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { CLI, Daemon, headland, Rig } from '../daemon.js';

type Found = DoctorReport['checks'][number]['findings'][number];

const withoutFfmpeg = withoutTool('ffmpeg');

/** Runs `doctor` as a person does beside the daemon. */
function examine(rig: Rig, ...args: string[]) {
  return examineIn({}, rig, ...args);
}

async function examineIn(environment: NodeJS.ProcessEnv, rig: Rig, ...args: string[]) {
  const env = { ...process.env, ...environment };
  const output = await new Promise<string>((resolve) => {
    const words = [CLI, 'doctor', '--config', rig.configFile, '--json', ...args];
    execFile(process.execPath, words, { env }, (_error, stdout) => resolve(stdout));
  });
  const { checks } = doctorReportSchema.parse(JSON.parse(output));
  return new Map(checks.map((check) => [check.name, check]));
}

test('beside a running daemon: its camera is left to it, and everything is fine', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const port = await freePort();
  const rig = await Rig.create(t, {
    console: { port },
    embeddedBroker: { port: await freePort() },
  });
  const daemon = await rig.start();
  const before = daemon.lines.length;
  const images = join(rig.dir, 'images');
  const checks = await examine(rig, '--images', images);
  for (const name of ['backbone', 'engine', 'heads', 'store', 'cameras', 'broker', 'page']) {
    assert.equal(checks.get(name)?.state, 'ok', JSON.stringify(checks.get(name)));
  }
  assert.equal(checks.get('cameras')!.findings[0]!.facts.from, 'daemon');
  assert.deepEqual(readdirSync(images), ['main.jpg']);
  assert.match(checks.get('page')!.findings[0]!.reason, new RegExp(`:${port}/ answers`));
  assert.ok(daemon.alive);
  // Nothing that the daemon would warn about.
  const warned = daemon.lines.slice(before).filter(({ level }) => Number(level) >= 40);
  assert.deepEqual(warned, []);
});

test('beside a daemon whose page and broker chose their ports, it says what it can', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  await rig.start();
  const checks = await examine(rig, '--only', 'cameras', 'broker', 'page');
  assert.equal(checks.get('broker')!.state, 'ok');
  assert.deepEqual(
    ['cameras', 'page'].map((name) => checks.get(name)!.state),
    ['skipped', 'skipped'],
  );
});

test('a camera that the daemon has lost, and a page that it could not open', {
  skip: withoutFfmpeg,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  const port = await listen(silent);
  t.after(() => silent.close());
  const rig = await Rig.create(t, {
    cameras: [{ driver: 'ffmpeg', input: '/dev/video77' }],
    cameraBackoff: { initialMs: 60_000, maxMs: 60_000 },
    console: { port },
    embeddedBroker: { port: await freePort() },
  });
  const daemon = await rig.start();
  await daemon.logged(({ code }) => code === 'HL_CAMERA_DEVICE_MISSING');
  const sick = await examine(rig, '--only', 'cameras', 'page');
  for (const [check, code, follows] of [
    ['cameras', 'HL_DOCTOR_CAMERA_LOST', 'stop the daemon and check again'],
    ['page', 'HL_DOCTOR_PAGE_SILENT', 'Set console.port to a free port'],
  ] as const) {
    const [finding] = sick.get(check)!.findings;
    assert.equal(finding!.code, code, JSON.stringify(finding));
    const said = { code, message: finding!.reason, remedy: finding!.remedy };
    checkSaid({ code, follows }, said);
  }
  assert.match(sick.get('cameras')!.findings[0]!.reason, /HL_CAMERA_DEVICE_MISSING/);

  await daemon.stop();
  rig.configure({
    console: { port: await freePort() },
    embeddedBroker: { port: await freePort() },
  });
  const well = await examine(rig, '--only', 'cameras', 'page');
  assert.deepEqual(
    [...well.values()].map(({ state }) => state),
    ['ok', 'ok'],
  );
  const again = new Daemon(rig, {});
  t.after(() => again.stop('SIGKILL'));
  await again.logged(({ msg }) => msg === 'ready');
  const running = await examine(rig, '--only', 'cameras', 'page');
  assert.deepEqual(
    [...running.values()].map(({ state }) => state),
    ['ok', 'ok'],
  );
});

test('a hub that is silent, keeps the robot out, or wants what it cannot do', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const rig = await Rig.create(t, {
    mqtt: { url: broker.url, backoffInitialMs: 50 },
    fleet: { enabled: true },
  });
  const looked = async () => (await examine(rig, '--only', 'fleet')).get('fleet')!.findings;
  assert.deepEqual(
    (await looked()).map(({ state }) => state),
    ['skipped'],
  );
  const listener = await HubStandIn.connect(t, broker.url, 'unknown');
  await rig.start();
  const { tasks } = await listener.reports.until(() => true, 'a report');
  const check = (code: string, follows: string, finding: Found | undefined) => {
    assert.equal(finding?.code, code, JSON.stringify(finding));
    assert.equal(finding.state, 'warning');
    checkSaid({ code, follows }, { code, message: finding.reason, remedy: finding.remedy });
  };
  check('HL_DOCTOR_FLEET_SILENT', 'Start the hub', (await looked())[0]);
  const hub = await HubStandIn.connect(t, broker.url, tasks[0]!.backbone.checksum);
  await hub.want({}, { quarantined: 'its labels mean something else' });
  await until('the daemon has heard it', async () => (await looked())[0]?.state === 'ok');
  const [, kept, ...more] = await looked();
  check('HL_DOCTOR_FLEET_QUARANTINED', 'an operator ends it: `headland fleet release', kept);
  assert.match(kept!.reason, /its labels mean something else/);
  assert.deepEqual(more, []);
  await hub.want({ backbone: 'b'.repeat(64) });
  await listener.reported((task) => task.problem !== null);
  check('HL_FLEET_OTHER_BACKBONE', 'as on the other robots', (await looked())[1]);
  await hub.want({ backbone: tasks[0]!.backbone.checksum });
  await until('nothing is wrong', async () => {
    return (await looked()).every(({ state }) => state === 'ok');
  });
});

test('a camera that gave images, and is silent since it was opened again, is lost', {
  skip: withoutFfmpeg,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const port = await freePort();
  let jpeg = Buffer.alloc(0);
  const viewers = new Recorder<Viewer>();
  const input = await httpCamera(t, (viewer) => {
    viewers.add(viewer);
    if (viewers.all.length > 1) return;
    for (let image = 0; image < 20; image++) viewer.send(jpeg);
    viewer.finish();
  });
  const rig = await Rig.create(t, {
    cameras: [{ driver: 'ffmpeg', input, stallMs: 600_000 }],
    cameraBackoff: { initialMs: 100, maxMs: 100 },
    console: { port },
    embeddedBroker: { port: await freePort() },
  });
  const folder = join(rig.photosDir, 'weed');
  jpeg = readFileSync(join(folder, readdirSync(folder)[0]!));
  await rig.start();
  await viewers.count(2, 'viewers');
  const image = await fetch(`http://127.0.0.1:${port}/api/frame.jpg?camera=main`);
  assert.equal(image.status, 200, 'the page still has an image');
  const { findings } = (await examine(rig, '--only', 'cameras')).get('cameras')!;
  assert.equal(findings[0]!.code, 'HL_DOCTOR_CAMERA_LOST', JSON.stringify(findings));
});

test('a database whose daemon was killed is examined as a copy, and stays as it was', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const daemon = await rig.start();
  await daemon.stop('SIGKILL');
  const log = join(rig.stateDir, 'headland.db-wal');
  assert.ok(existsSync(log));
  const files = () =>
    readdirSync(rig.stateDir)
      .filter((name) => name.startsWith('headland.db'))
      .sort()
      .map((name) => {
        const path = join(rig.stateDir, name);
        const { ino, mtimeMs } = statSync(path);
        return [name, ino, mtimeMs, sha256Hex(readFileSync(path))];
      });
  const before = files();
  const copies = join(rig.dir, 'copies');
  // Of a process that was ended, and of one that runs.
  const left = `headland-inspect-${spawnSync('true').pid}-x`;
  const other = `headland-inspect-${process.pid}-x`;
  for (const name of [left, other]) mkdirSync(join(copies, name), { recursive: true });
  const { findings } = (await examineIn({ TMPDIR: copies }, rig, '--only', 'store')).get('store')!;
  assert.equal(findings[0]!.state, 'ok', JSON.stringify(findings));
  assert.deepEqual(files(), before);
  assert.deepEqual(readdirSync(copies), [other]);
});

test('with a certificate of its own: doctor and status reach a broker that asks for it', {
  skip: withoutMosquitto || withoutOpenssl,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const dir = temporaryFolder(t);
  writeCertificates(dir);
  chmodSync(dir, 0o755);
  const port = await freePort();
  await Mosquitto.start(t, tlsListener(port, dir));
  const mqtt = {
    url: `mqtts://127.0.0.1:${port}`,
    caFile: join(dir, 'ca.crt'),
    certFile: join(dir, 'r1.crt'),
    key: { file: privateKey(dir, 'r1') },
  };
  const rig = await Rig.create(t, { mqtt });
  const daemon = await rig.start();
  await daemon.logged(({ msg }) => msg === 'connected to the broker');
  const { status, stdout, stderr } = headland('status', '--config', rig.configFile, '--json');
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).mqtt.connected, true);
  const checks = await examine(rig, '--only', 'broker');
  // A certificate of openssl lasts 30 days by default, and so does the patience of doctor.
  const codes = checks.get('broker')!.findings.map(({ code }) => code);
  assert.deepEqual(
    codes.filter((code) => code !== 'HL_DOCTOR_CERTIFICATE_EXPIRES'),
    [null, null, null, null, null],
  );
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type DoctorReport, doctorReportSchema } from '../../src/agent/doctor/doctor-report.js';
import { CHECK_NAMES } from '../../src/agent/doctor/every-check.js';
import { runChecks } from '../../src/agent/doctor/run-checks.js';
import { renderReport } from '../../src/cli/doctor/render-report.js';
import { headland } from '../agent/daemon.js';
import { Patient } from '../docs/remedies/doctor-scenario.js';
import { Field } from '../docs/remedies/field.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const REFERENCE = fileURLToPath(new URL('../../../docs/reference/', import.meta.url));

/** Every file below a folder: kind, owner, mode, time of change and content. */
function fingerprint(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mode, uid, mtimeMs } = lstatSync(path);
      const content = lstatSync(path).isSymbolicLink()
        ? readlinkSync(path)
        : statSync(path).isFile()
          ? createHash('sha256').update(readFileSync(path)).digest('hex')
          : '';
      return [name, mode, uid, mtimeMs, content].join(' ');
    });
}

describe('headland doctor', { timeout: TEST_HANG_MS }, () => {
  test('finds nothing wrong with a trained robot, and changes nothing', async (t) => {
    const field = await Field.create(t);
    const patient = new Patient(t, field.robot());
    patient.robot.adopt(await field.trained());
    const { robot } = patient;
    const before = fingerprint(robot.dir);
    const cacheBefore = fingerprint(field.rig.cacheDir);
    const { status, stdout } = await patient.run('--json');
    const report = doctorReportSchema.parse(JSON.parse(stdout));
    assert.deepEqual(
      report.checks.map(({ name }) => name),
      CHECK_NAMES,
    );
    const wrong = report.checks.filter(({ state }) => state === 'failed' || state === 'warning');
    assert.deepEqual(wrong, []);
    assert.equal(status, 0);
    assert.equal(report.robot, 'r1');
    const told = (name: string): string =>
      report.checks.find((check) => check.name === name)!.findings[0]!.reason;
    assert.match(told('heads'), /head 1 serves.*intact.*fits.*crop, stone, weed/);
    assert.match(told('engine'), /onnxruntime-node [\d.]+ cpu, 32 bits.*ONNX Runtime.*no 8-bit/);
    assert.match(told('cameras'), /\d+ x \d+ pixels, brightness .* good/);
    assert.deepEqual(fingerprint(robot.dir), before);
    assert.deepEqual(fingerprint(field.rig.cacheDir), cacheBefore);
  });

  test('creates no folder for a robot that has never run', async (t) => {
    const field = await Field.create(t);
    const patient = new Patient(t, field.robot());
    const { status, stdout } = await patient.run('--json');
    assert.notEqual(status, null);
    doctorReportSchema.parse(JSON.parse(stdout));
    assert.deepEqual(readdirSync(patient.robot.dir), ['headland.yaml']);
  });

  test('without a valid configuration, skips what needs one and says so', (t) => {
    const file = join(temporaryFolder(t), 'headland.yaml');
    writeFileSync(file, 'robot: {name: r1}\n');
    const { status, stdout } = headland('doctor', '--config', file, '--json');
    assert.equal(status, 2);
    const report = doctorReportSchema.parse(JSON.parse(stdout));
    assert.equal(report.robot, null);
    const states = new Map(report.checks.map(({ name, state }) => [name, state]));
    assert.equal(states.get('configuration'), 'failed');
    assert.equal(states.get('node'), 'ok');
    for (const name of ['backbone', 'engine', 'heads', 'store', 'cameras', 'broker', 'disk']) {
      assert.equal(states.get(name), 'skipped', name);
    }
    const broker = report.checks.find(({ name }) => name === 'broker');
    assert.match(broker!.findings[0]!.reason, /needs a valid configuration \(HL_CONFIG_INVALID\)/);
  });

  test('knows its checks', () => {
    const { status, stderr } = headland('doctor', '--only', 'horoscope');
    assert.equal(status, 2);
    assert.match(stderr, /Allowed choices are configuration, node/);
  });

  test('beside a service, another user than root is told what only root can see', {
    skip: process.getuid?.() !== 0 && 'needs root, to become another user',
  }, async (t) => {
    const field = await Field.create(t);
    const robot = field.robot();
    robot.adopt(await field.trained());
    const patient = new Patient(t, robot, { uid: 65_534, gid: 65_534 });
    patient.systemd();
    chmodSync(robot.stateDir, 0o700);
    const password = robot.write('password', 'swordfish', 0o600);
    robot.configure({ mqtt: { url: 'mqtt://127.0.0.1:1', password: { file: password } } });
    const { stdout } = await patient.run('--only', 'heads', 'store', 'broker', '--json');
    const { checks } = doctorReportSchema.parse(JSON.parse(stdout));
    for (const { name, state, findings } of checks) {
      assert.equal(state, 'skipped', name);
      assert.match(findings[0]!.reason, /Only root can check this: sudo headland doctor/);
    }
  });

  test('a check that hangs or ends its process costs only itself', async (t) => {
    const field = await Field.create(t);
    const robot = field.robot();
    // The process hangs in the second check and dies in the third.
    const script = `
      const send = process.send;
      if (send) process.send = (message, ...rest) => {
        const sent = send.call(process, message, ...rest);
        if (message.type === 'began' && message.name === 'disk') for (;;);
        if (message.type === 'began' && message.name === 'memory') {
          console.error('illegal instruction');
          process.kill(process.pid, 'SIGILL');
        }
        return sent;
      };`;
    const results = await runChecks({
      request: { configFile: robot.configFile, imagesDir: null },
      checks: ['watchdog', 'memory', 'disk', 'node'],
      environment: {
        ...process.env,
        NODE_OPTIONS: `--require ${robot.write('preload.cjs', script)}`,
      },
      limitMs: (name) => (name === 'disk' ? 500 : 600_000),
    });
    assert.deepEqual(
      results.map(({ name, findings }) => [name, findings[0]!.code]),
      [
        ['node', null],
        ['disk', 'HL_DOCTOR_TIMEOUT'],
        ['memory', 'HL_DOCTOR_CRASHED'],
        ['watchdog', null],
      ],
    );
    assert.match(results[2]!.findings[0]!.reason, /was ended by SIGILL/);
  });
});

describe('the report', () => {
  const finding = {
    subject: null,
    code: null,
    remedy: null,
    facts: {},
    state: 'ok' as const,
  };
  const report: DoctorReport = {
    schema: 1,
    version: '0.1.0',
    at: '2026-05-03T19:40:11.002Z',
    configFile: '/etc/headland/headland.yaml',
    robot: 'r1',
    state: 'failed',
    checks: [
      {
        name: 'cameras',
        state: 'failed',
        durationSeconds: 1,
        findings: [
          {
            ...finding,
            state: 'failed',
            subject: 'front',
            code: 'HL_CAMERA_DEVICE_MISSING',
            reason: '/dev/video0 does not exist, and neither does anything else that could be used',
            remedy: 'Plug the camera in, or correct input in the configuration. '.repeat(3).trim(),
          },
          { ...finding, subject: 'rear', reason: '640 x 480 pixels: good' },
        ],
      },
    ],
    summary: { ok: 0, warning: 0, failed: 1, skipped: 0 },
  };

  test('fits in 80 columns', () => {
    const text = renderReport(report, { columns: 80 }, {});
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(text, /^FAILED {3}cameras {8}front: \/dev\/video0/m);
    assert.match(text, /^ {6}what to do: Plug the camera in/m);
    assert.match(text, /^ok {7} {15}rear: 640 x 480/m);
    assert.match(text, /\n\n0 ok, 0 warnings, 1 failed, 0 skipped$/);
  });

  test('docs/reference/doctor-schema.json says what the code says', () => {
    const path = join(REFERENCE, 'doctor-schema.json');
    const current = {
      $id: 'https://headland.invalid/schema/doctor.json',
      title: 'headland doctor',
      ...JSON.parse(JSON.stringify(z.toJSONSchema(doctorReportSchema))),
    };
    if (process.env.UPDATE_DOCTOR_SCHEMA) {
      writeFileSync(path, `${JSON.stringify(current, null, 2)}\n`);
    }
    assert.deepEqual(
      JSON.parse(readFileSync(path, 'utf8')),
      current,
      'run: UPDATE_DOCTOR_SCHEMA=1 node test/run.mjs cli/doctor; ' +
        'npx biome format --write docs/reference/doctor-schema.json',
    );
  });
});

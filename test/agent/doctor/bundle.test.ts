import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { unzipSync } from 'fflate';
import { parse } from 'yaml';
import { z } from 'zod';
import { namesSecret, Scrubber } from '../../../src/agent/doctor/bundle/scrubber.js';
import { settingsText } from '../../../src/agent/doctor/bundle/settings-text.js';
import { writeSupportBundle } from '../../../src/agent/doctor/bundle/support-bundle.js';
import type { DoctorReport } from '../../../src/agent/doctor/doctor-report.js';
import { secretsOf } from '../../../src/agent/doctor/software/configured-secrets.js';
import { configJsonSchema } from '../../../src/config/json-schema.js';
import { validateConfig } from '../../../src/config/load.js';
import { AuditLog } from '../../../src/storage/audit-table.js';
import { openDatabase } from '../../../src/storage/database.js';
import { ReportLog } from '../../../src/storage/report-log.js';
import { Patient } from '../../docs/remedies/doctor-scenario.js';
import { Field } from '../../docs/remedies/field.js';
import { TEST_HANG_MS } from '../../liveness.js';

/** Makes values that stand nowhere else. */
class Canaries {
  readonly all: string[] = [];

  next(what: string): string {
    const value = `Canary${this.all.length}x${what}Zq7`;
    this.all.push(value);
    return value;
  }
}

/** Paths of the settings that refer to a secret, by the JSON Schema. */
function secretSettings(): string[] {
  const found: string[] = [];
  const isReference = (node: Record<string, unknown>): boolean =>
    JSON.stringify(node).includes('"credential"') && !('properties' in node);
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties } = z
      .object({ properties: z.record(z.string(), z.unknown()) })
      .partial()
      .parse(node);
    for (const [name, inner] of Object.entries(properties ?? {})) {
      const own = path === '' ? name : `${path}.${name}`;
      if (typeof inner === 'object' && inner !== null && isReference({ ...inner })) found.push(own);
      else visit(inner, own);
    }
  };
  visit(configJsonSchema(), '');
  return found;
}

test('every setting that refers to a secret is known to doctor', () => {
  const settings = secretSettings();
  assert.ok(settings.length >= 7, settings.join());
  const tls = { mode: 'files', certFile: '/etc/robot.pem' };
  const config: Record<string, unknown> = { console: { tls } };
  for (const path of settings) {
    let at = config;
    const names = path.split('.');
    for (const name of names.slice(0, -1)) {
      at[name] ??= {};
      at = z.record(z.string(), z.unknown()).parse(at[name]) && (at[name] as typeof config);
    }
    at[names.at(-1)!] = { file: `/secrets/${path}` };
  }
  const known = secretsOf(validateConfig(config)).map(({ setting }) => setting);
  assert.deepEqual(known.sort(), settings.sort());
});

describe('a support bundle', { timeout: TEST_HANG_MS }, () => {
  /** Puts a canary into everything that can hold a secret, and packs a bundle. */
  async function packed(patient: Patient, isValid: boolean, images: boolean) {
    const { robot, env } = patient;
    const canaries = new Canaries();
    const next = (what: string): string => canaries.next(what);
    const secret = (name: string) => ({ file: robot.write(`secrets/${name}`, next(name), 0o600) });
    const pem = `-----BEGIN PRIVATE KEY-----\n${next('pemline0000000')}\n-----END PRIVATE KEY-----\n`;
    const settings = {
      robot: { id: 'r1' },
      mqtt: {
        url: `mqtt://someone:${next('url')}@127.0.0.1:1/`,
        username: 'someone',
        password: isValid ? secret('password') : next('plain'),
        key: { file: robot.write('secrets/key', pem, 0o600) },
      },
      console: { token: secret('token-of-the-page'), port: 0 },
      cameras: [
        { name: 'main', driver: 'replay', path: robot.photosDir },
        {
          name: 'yard',
          driver: 'ffmpeg',
          input: `http://admin:${next('camera')}@127.0.0.1:1/video?pwd=${next('query')}&key=${next('key')}`,
        },
        {
          name: 'gate',
          driver: 'ffmpeg',
          input: `http://127.0.0.1:1/user=admin&password=${next('path')}/1`,
        },
      ],
      alerts: {
        rules: [
          {
            name: 'call',
            labels: ['weed'],
            command: {
              path: '/usr/bin/curl',
              arguments: [
                '--silent',
                `--header=X-Robot: ${next('header')}`,
                next('argument'),
                `https://hooks.invalid/services/${next('hook')}`,
              ],
            },
          },
        ],
      },
      models: {
        mirrors: [`https://u:${next('mirror')}@mirror.invalid/`],
        pipCommand: ['pip', `--index-url=https://u:${next('pip')}@pypi.invalid/simple`],
      },
      sync: {
        target: 's3://bucket/prefix',
        s3: {
          accessKeyId: secret('access'),
          secretAccessKey: secret('secret'),
          sessionToken: secret('session'),
        },
        rsync: { password: secret('rsync') },
      },
    };
    robot.configure(settings);
    const yaml = readFileSync(robot.configFile, 'utf8');
    // A comment is no setting.
    writeFileSync(robot.configFile, `# the old password was ${next('comment')}\n${yaml}`);
    Object.assign(env, {
      AWS_ACCESS_KEY_ID: next('awsid'),
      AWS_SECRET_ACCESS_KEY: next('awssecret'),
      AWS_SESSION_TOKEN: next('awstoken'),
      RSYNC_PASSWORD: next('rsyncenv'),
      HTTPS_PROXY: `http://proxy:${next('proxy')}@127.0.0.1:1`,
      HEADLAND_MODEL_MIRRORS: `https://u:${next('mirrorenv')}@mirror.invalid/`,
      SOME_API_TOKEN: next('apitoken'),
    });
    // A comment is read nowhere, so nothing else can repeat it.
    const repeated = canaries.all.filter((value) => !value.includes('comment'));
    // A log repeats known secrets, and shows others in many ways.
    const log = [
      ...repeated.map((value) => `it said ${value}`),
      ...repeated.map((value) => `it said ${Buffer.from(value).toString('base64')}`),
      `Authorization: Basic ${next('basic')}`,
      `{"msg":"failed","password":"${next('jsonlog')}"}`,
      `connecting with token=${next('assigned')}`,
      `Bearer ${next('bearer')}`,
      `GET http://x:${next('loguser')}@host/?a=${next('logquery')}`,
      `-----BEGIN RSA PRIVATE KEY-----\n${next('logpem')}\n-----END RSA PRIVATE KEY-----`,
      'the camera delivers images',
    ].join('\n');
    patient.systemd();
    const unit = [
      '[Service]',
      `Environment=MY_PASSWORD=${next('unitenv')}`,
      `Environment="OTHER_TOKEN=${next('unitquoted')}" PLAIN=value`,
      `Environment="MQTT_PASSWORD=correct ${next('unitwords')} battery" 'B=x ${next('unitapostrophe')}' \\`,
      `  C="x ${next('unitinner')}"`,
      `Environment="OPEN=x ${next('unitopen')}`,
      `SetCredential=mqtt:${next('unitcredential')}`,
      'WatchdogSec=30',
      '',
    ].join('\n');
    robot.write('log', log);
    robot.write('unit', unit);
    patient.tool('journalctl', `cat ${robot.path('log')}`);
    const show = `cat ${robot.path('unit.properties')}`;
    patient.tool('systemctl', `case "$1" in cat) cat ${robot.path('unit')};; show) ${show};; esac`);
    const database = openDatabase(join(robot.stateDir, 'headland.db'));
    new AuditLog(database).append('command', {
      note: `token: ${next('audit')}`,
      position: { latitude: 52.1234567, longitude: 9.7654321, state: 'fixed' },
    });
    const summary = { trainingId: 't1', task: 'main', outcome: 'failed', headVersion: null };
    const reason = `cannot open rtsp://admin:${next('report')}@camera/`;
    const report = { ...summary, reason, finishedAt: '2026-05-03T19:40:11.002Z' };
    new ReportLog(database).append(report, { reason, password: next('body') });
    database.close();

    const file = robot.path('bundle.zip');
    const only = ['--only', 'configuration', 'cameras', 'broker', 'clock'];
    const shown = images ? ['--images', robot.path('shown')] : [];
    const { stdout, stderr } = await patient.run(...only, '--bundle', file, '--json', ...shown);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const files = unzipSync(readFileSync(file));
    return { files, canaries: canaries.all, output: stdout + stderr };
  }

  test('waits for no pipe in the place of the configuration', async (t) => {
    const robot = (await Field.create(t)).robot();
    const pipe = robot.path('pipe');
    execFileSync('mkfifo', [pipe]);
    const report: DoctorReport = {
      schema: 1,
      version: '0',
      at: '2026-05-03T19:40:11.002Z',
      configFile: pipe,
      robot: null,
      state: 'failed',
      checks: [],
      summary: { ok: 0, warning: 0, failed: 0, skipped: 0 },
    };
    const file = robot.path('bundle.zip');
    const { missing } = await writeSupportBundle({
      file,
      report,
      configFile: pipe,
      environment: process.env,
      images: [],
    });
    assert.ok(missing.includes('settings.yaml'));
  });

  for (const isValid of [true, false]) {
    const what = isValid ? 'valid' : 'invalid';
    test(`holds no secret, with a ${what} configuration, nor does what is printed`, async (t) => {
      const field = await Field.create(t);
      const patient = new Patient(t, field.robot());
      mkdirSync(patient.robot.stateDir);
      const { files, canaries, output } = await packed(patient, isValid, false);
      assert.ok(canaries.length >= 42, String(canaries.length));
      const texts = Object.entries(files).map(([name, bytes]) => [
        name,
        Buffer.from(bytes).toString('utf8'),
      ]);
      for (const [name, text] of [...texts, ['the output', output]]) {
        const seen = canaries.filter(
          (value) => text!.includes(value) || text!.includes(Buffer.from(value).toString('base64')),
        );
        assert.deepEqual(seen, [], `${name}\n${text!.slice(0, 3_000)}`);
      }
      // What is left is worth sending.
      const content = Object.fromEntries(texts);
      const { checks } = JSON.parse(content['doctor.json']!);
      assert.equal(checks.length, 4);
      assert.match(content['settings.yaml']!, /id: r1/);
      assert.match(content['settings.yaml']!, /path: \/usr\/bin\/curl/);
      assert.match(content['log.txt']!, /the camera delivers images/);
      assert.match(content['unit.txt']!, / PLAIN=[\s\S]*\n {2}C=[\s\S]*WatchdogSec=30/);
      assert.match(content['versions.json']!, /"onnxruntime-node": "1\./);
      assert.match(content['packages.txt']!, /\n|not available/);
      if (isValid) assert.match(content['reports.json']!, /cannot open rtsp:[\s\S]*"fixed"/);
      for (const [name, text] of texts) assert.doesNotMatch(text!, /52\.1234|9\.7654/, name);
      assert.ok(!Object.keys(files).some((name) => name.startsWith('images/')));
    });
  }

  test('holds images only when they are asked for', async (t) => {
    const field = await Field.create(t);
    const patient = new Patient(t, field.robot());
    mkdirSync(patient.robot.stateDir);
    const { files } = await packed(patient, true, true);
    assert.deepEqual(
      Object.keys(files).filter((name) => name.startsWith('images/')),
      ['images/main.jpg'],
    );
    assert.match(Buffer.from(files['README.txt']!).toString(), /It contains images/);
  });
});

test('settings without the arguments of commands, however short', () => {
  const command = { path: '/bin/x', arguments: ['-p', '1234'] };
  const written = settingsText({ alerts: { rules: [{ command }] } });
  assert.deepEqual(parse(written), {
    alerts: { rules: [{ command: { path: '/bin/x', arguments: ['[redacted]'] } }] },
  });
});

describe('the scrubber', () => {
  test('hides a known value in every encoding, and the longer of two first', () => {
    const scrubber = new Scrubber(['s w', 'pa"ss wörd', 'pa']);
    for (const text of [
      'x pa"ss wörd y',
      JSON.stringify({ a: 'pa"ss wörd' }),
      encodeURIComponent('pa"ss wörd'),
      Buffer.from('pa"ss wörd').toString('base64'),
      Buffer.from('pa"ss wörd').toString('hex'),
    ]) {
      const scrubbed = scrubber.text(text);
      assert.match(scrubbed, /\[redacted\]/, text);
      assert.doesNotMatch(scrubbed, /w.rd|\bpa|cGEi|706122/, text);
    }
    assert.equal(scrubber.text('a page of papers'), 'a page of papers', 'too short to be a secret');
  });

  test('leaves names of files and of credentials', () => {
    const text = 'password: { file: /etc/headland/mqtt-password }\ntoken:\n  credential: page\n';
    assert.equal(new Scrubber([]).text(text), text);
    assert.ok(
      namesSecret('secretAccessKey') && namesSecret('RSYNC_PASSWORD') && namesSecret('key'),
    );
    assert.ok(!namesSecret('keepaliveSeconds') && !namesSecret('username'));
  });
});

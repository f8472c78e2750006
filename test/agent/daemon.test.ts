import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { CLI, Person, Rig } from './daemon.js';

describe('the daemon', { concurrency: false }, () => {
  for (const protocol of [4, 5] as const) {
    test(`labels sent to mosquitto (MQTT ${protocol === 5 ? '5' : '3.1.1'}) become a head that serves`, {
      skip: withoutMosquitto,
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const broker = await Mosquitto.start(t);
      const rig = await Rig.create(t, {
        mqtt: { url: broker.url, protocol: protocol === 5 ? '5' : '3.1.1' },
      });
      const daemon = await rig.start();
      const person = await Person.connect(t, broker.url, protocol);
      const before = await person.until(({ topic }) => topic === 'headland/r1/prediction');
      assert.equal(before.body.label, 'unknown');
      assert.equal(before.body.head_version, null);

      await person.labelFrames(rig, 50);
      const answer = await person.command('retrain');
      assert.equal(answer.ok, true, JSON.stringify(answer));
      const { body: report } = await person.until(
        ({ topic }) => topic === 'headland/r1/training/report',
      );
      assert.equal(report.training_id, answer.data.training_id);
      assert.equal(report.outcome, 'promoted', report.reason);
      assert.equal(report.head_version, 1);
      const after = await person.until(
        ({ topic, body }) => topic === 'headland/r1/prediction' && body.head_version === 1,
      );
      assert.equal(after.body.top.length, 3);
      assert.equal(before.body.belief, undefined, 'without a head there is none');
      const lasting = await person.until(
        ({ topic, body }) => topic === 'headland/r1/prediction' && body.scene_frames >= 2,
      );
      assert.match(lasting.body.belief_label, /^(crop|stone|weed|unknown)$/);
      assert.ok(lasting.body.belief > 0 && lasting.body.belief <= 1);
      const model = await person.until(
        ({ topic, body }) => topic === 'headland/r1/model' && body.head_version === 1,
      );
      assert.deepEqual(model.body.labels, ['crop', 'stone', 'weed']);
      assert.ok(person.received.some(({ topic }) => topic === 'headland/r1/training/progress'));

      assert.equal((await daemon.stop()).code, 0);
      const offline = await person.until(
        ({ topic, body }) => topic === 'headland/r1/status' && body.state === 'offline',
      );
      assert.equal(offline.body.reason, 'stopped');

      const again = await rig.start();
      const seen = person.received.length;
      await person.until(
        (message) =>
          person.received.indexOf(message) >= seen &&
          message.topic === 'headland/r1/prediction' &&
          message.body.head_version === 1,
      );
      const status = await person.command('status');
      assert.equal(status.data.samples.labelled, 50);
      await again.stop();

      const audit = [CLI, 'audit', '--config', rig.configFile, '--json'];
      const { stdout } = spawnSync(process.execPath, audit, { encoding: 'utf8' });
      const entries: { kind: string; detail: Record<string, unknown> }[] =
        JSON.parse(stdout).entries.reverse();
      const first = (kind: string) => entries.find((entry) => entry.kind === kind)?.detail;
      assert.deepEqual(
        entries.filter(({ kind }) => kind === 'started').map(({ detail }) => detail.boot),
        [before.body.boot, status.boot],
      );
      assert.equal(first('command')?.ok, true);
      assert.equal(first('training')?.trainingId, report.training_id);
      assert.ok(entries.some(({ kind, detail }) => kind === 'serving' && detail.version === 1));
      assert.ok(entries.some(({ kind, detail }) => kind === 'command' && detail.name === 'status'));

      const why = [CLI, 'models', 'why', '1', '--recompute', '--config', rig.configFile];
      const words = spawnSync(process.execPath, why, { encoding: 'utf8' });
      assert.equal(words.status, 0, words.stderr);
      assert.match(
        words.stdout,
        /^head 1 \(\w+, trained .*\), promoted\.\s+First\s+head:\s+right\s+on\s+\d+\s+of\s+\d+\s+pictures\.\s+First\s+head:\s+\d+\s+of\s+\d+\s+right\.\s+On\s+\d+\s/,
      );
      assert.match(words.stdout, /recomputed: same decision, answers identical bit for bit/);
      const json = spawnSync(process.execPath, [...why, '--json'], { encoding: 'utf8' });
      const { decision, record, recomputed } = JSON.parse(json.stdout);
      assert.equal(decision.promote, true);
      assert.equal(record.input.samples.length, decision.samples);
      assert.deepEqual([recomputed.same, recomputed.differences], [true, []]);
    });
  }

  test('works with its own broker, answers every kind of bad command and stays alive', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    writeFileSync(join(rig.photosDir, 'crop', 'text.jpg'), 'this is no picture\n');
    const whole = readFileSync(join(rig.photosDir, 'weed', 'weed_000.jpg'));
    writeFileSync(join(rig.photosDir, 'weed', 'cut.jpg'), whole.subarray(0, whole.length / 2));
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');

    const refusals: [string, Record<string, unknown>, string][] = [
      [
        'label',
        { sample: '01900000-0000-7000-8000-000000000000', label: 'weed' },
        'HL_SAMPLE_UNKNOWN',
      ],
      ['label', { frame: 'gone-main-1', label: 'weed' }, 'HL_FRAME_GONE'],
      ['label', { label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { frame: 'x', label: 'unknown' }, 'HL_FRAME_GONE'],
      ['retrain', { force: true }, 'HL_COMMAND_INVALID'],
      ['rollback', {}, 'HL_HEAD_NO_PREVIOUS'],
      ['promote', { version: 99 }, 'HL_HEAD_UNKNOWN_VERSION'],
    ];
    for (const [name, payload, code] of refusals) {
      const answer = await person.command(name, payload);
      assert.equal(answer.ok, false, name);
      assert.equal(answer.error.code, code, JSON.stringify(answer));
      assert.ok(answer.error.remedy.length > 0);
    }
    const refusedAs = (code: string) =>
      person.until(
        ({ topic, body }) =>
          topic === 'headland/r1/event' && body.kind === 'command_refused' && body.code === code,
      );
    await person.publish('headland/r1/cmd/dance', '{}');
    await refusedAs('HL_COMMAND_UNKNOWN');
    await person.publish('headland/r1/cmd/label', '{"frame": ');
    await refusedAs('HL_COMMAND_INVALID_JSON');
    await person.publish('headland/r1/cmd/label', Buffer.alloc(1_000_000, 'x'));
    await refusedAs('HL_COMMAND_TOO_LARGE');
    await daemon.logged(
      (line) => line.code === 'HL_PICTURE_INVALID' || /cut\.jpg/.test(String(line.msg)),
    );

    const few = await person.command('retrain');
    assert.equal(few.ok, true);
    const { body: report } = await person.until(
      ({ topic }) => topic === 'headland/r1/training/report',
    );
    assert.equal(report.outcome, 'failed');
    assert.equal(report.error.code, 'HL_TRAINING_TOO_FEW_LABELS');

    assert.deepEqual((await person.command('pause', { what: 'inference' })).data.paused, [
      'inference',
    ]);
    await person.until(
      ({ topic, body }) => topic === 'headland/r1/status' && body.state === 'paused',
    );
    await person.command('resume', { what: 'inference' });
    assert.ok(daemon.alive);
    const page = await fetch(daemon.consoleUrl);
    assert.equal(page.status, 200);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a rule on unknown frames raises an alert over MQTT', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t, {
      alerts: { rules: [{ name: 'strange', labels: ['unknown'], matches: 3, ofFrames: 5 }] },
    });
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    // It may have been raised before this person listened: a pause lets it end, and frames raise it
    // again.
    await daemon.logged((line) => line.msg === 'alert raised');
    await person.command('pause', { what: 'inference' });
    const event = (kind: string) =>
      person.until(({ topic, body }) => topic === 'headland/r1/event' && body.kind === kind);
    assert.equal((await event('alert_cleared')).body.details.rule, 'strange');
    await person.command('resume', { what: 'inference' });
    assert.equal((await event('alert_raised')).body.details.label, 'unknown');
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a second daemon on the same state is refused', { timeout: TEST_HANG_MS }, async (t) => {
    const rig = await Rig.create(t);
    const daemon = await rig.start();
    const second = spawnSync(process.execPath, [CLI, 'run', '--config', rig.configFile], {
      encoding: 'utf8',
      timeout: HANG_MS,
    });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /HL_ALREADY_RUNNING/);
    await daemon.stop();
  });

  test('a backbone with one flipped byte is refused by name', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const models = join(rig.dir, 'models');
    for (const file of [join(models, 'tiny.onnx'), cachedModel(rig.cacheDir)]) {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(file, bytes);
    }
    const { status, stderr } = spawnSync(
      process.execPath,
      [CLI, 'run', '--config', rig.configFile],
      {
        encoding: 'utf8',
        timeout: HANG_MS,
      },
    );
    assert.equal(status, 1);
    assert.match(stderr, /HL_MODEL_UNAVAILABLE.*SHA-256/s);
  });

  test('a misspelt setting stops the start and names the right one', async (t) => {
    const rig = await Rig.create(t, { smaples: {} });
    const { status, stderr } = spawnSync(
      process.execPath,
      [CLI, 'run', '--config', rig.configFile],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 2);
    assert.match(stderr, /HL_CONFIG_INVALID.*did you mean "samples"/s);
  });
});

function cachedModel(cacheDir: string): string {
  const found = readdirSync(cacheDir, { recursive: true, encoding: 'utf8' }).find((file) =>
    /\/tiny\/model\.onnx$|tiny.*model\.onnx$/.test(file),
  );
  return join(cacheDir, found!);
}

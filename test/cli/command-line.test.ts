import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Daemon, headland, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';

describe('the command line', { concurrency: false }, () => {
  test('imports class folders, trains, lists, rolls back and exports', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    writeFileSync(join(rig.photosDir, 'crop', 'text.jpg'), 'this is no picture\n');
    mkdirSync(join(rig.photosDir, 'empty'));

    const early = headland('train', ...at, '--json');
    assert.equal(early.status, 1);
    assert.equal(JSON.parse(early.stdout).error.code, 'HL_TRAINING_TOO_FEW_LABELS');

    const imported = headland(
      'import',
      rig.photosDir,
      '--group-pattern',
      '_(\\d+)',
      ...at,
      '--json',
    );
    assert.equal(imported.status, 0, imported.stderr);
    const report = JSON.parse(imported.stdout);
    assert.equal(report.imported, 72);
    assert.equal(report.quarantined.length, 1);
    assert.equal(report.quarantined[0].code, 'HL_PICTURE_INVALID');
    assert.match(JSON.stringify(report.warnings), /HL_IMPORT_EMPTY_CLASS/);

    const first = headland('train', ...at, '--json');
    assert.equal(first.status, 0, first.stdout + first.stderr);
    assert.equal(JSON.parse(first.stdout).result.version, 1);
    const withoutNews = headland('train', ...at, '--json');
    assert.equal(withoutNews.status, 3, withoutNews.stdout + withoutNews.stderr);
    assert.equal(JSON.parse(withoutNews.stdout).outcome, 'refused');
    const heads = JSON.parse(headland('models', 'heads', ...at, '--json').stdout);
    assert.deepEqual(
      heads.map((head: { version: number; current: boolean }) => [head.version, head.current]),
      [
        [1, true],
        [2, false],
      ],
    );
    assert.match(headland('models', 'why', '2', ...at).stdout, /No gain/);
    assert.match(headland('rollback', '2', ...at).stdout, /head 2 is serving/);
    assert.match(headland('rollback', ...at).stdout, /head 1 is serving/);
    assert.equal(headland('rollback', '99', ...at).status, 1);

    const trainings = JSON.parse(headland('audit', '--kind', 'training', ...at, '--json').stdout);
    assert.deepEqual(
      trainings.entries.map(({ detail }: { detail: Record<string, unknown> }) => [
        detail.trigger,
        detail.outcome,
        detail.version,
      ]),
      [
        ['cli', 'refused', 2],
        ['cli', 'promoted', 1],
        ['cli', 'failed', null],
      ],
    );
    const last = headland('audit', '--limit', '1', ...at).stdout;
    assert.match(last, /^\S+Z +command +name: rollback,.*source: cli,.*HL_HEAD_UNKNOWN_VERSION/s);
    assert.equal(headland('audit', '--limit', 'all', ...at).status, 2);

    const target = join(rig.dir, 'exported');
    const exported = headland('export-samples', target, ...at, '--json');
    assert.equal(exported.status, 0, exported.stderr);
    assert.equal(JSON.parse(exported.stdout).samples, 72);
  });

  test('labels a waiting sample and refuses one that does not exist', async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    assert.match(headland('label', ...at).stdout, /no samples are waiting/);
    const refused = headland('label', '01900000-0000-7000-8000-000000000000', 'weed', ...at);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /HL_SAMPLE_UNKNOWN/);
    assert.equal(headland('label', 'only-an-id', ...at).status, 2);
  });

  test('labels a sample with its look-alikes, and lists them on request', async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    assert.equal(headland('label', 'an-id', 'weed', '--dry-run', ...at).status, 2);
    assert.equal(headland('label', '--alike', ...at).status, 2);
    assert.equal(headland('label', 'an-id', '--alike', ...at).status, 2);
    const store = rig.openSamples(t);
    const keep = (x: number, y: number): string => {
      const { sample } = store.admit({
        jpeg: Buffer.from(`${x} ${y}`),
        label: null,
        labelSource: null,
        group: 'pass 1',
        source: 'main',
        capturedAtMs: 1_700_000_000_000,
        dhash: '0'.repeat(16),
      });
      const features = Float32Array.of(x, y);
      store.putFeatures([
        { sampleId: sample.id, backboneChecksum: 'sum', recipe: '', view: 0, features },
      ]);
      return sample.id;
    };
    const [sample, alike, other] = [keep(1, 0), keep(1, 0.1), keep(0, 1)];
    const listed = headland('label', sample, '--alike', '--dry-run', ...at);
    assert.match(
      listed.stdout,
      new RegExp(`1 waiting sample like ${sample}.*${alike} +0.995`, 's'),
    );
    assert.equal(store.labelRevision(), 0);
    const done = headland('label', sample, 'weed', '--alike', ...at);
    assert.equal(done.stdout.trim(), `${sample}: weed, and 1 waiting sample like it`);
    assert.deepEqual(
      [sample, alike, other].map((id) => store.get(id)?.label),
      ['weed', 'weed', null],
    );
    const none = headland('label', other, '--alike', '--dry-run', ...at);
    assert.match(none.stdout, /no waiting sample looks like/);
    const json = headland('label', other, 'crop', '--alike', '--json', ...at);
    assert.deepEqual(
      JSON.parse(json.stdout).samples.map(({ id }: { id: string }) => id),
      [other],
    );
  });

  test('checks, prints and describes the configuration', async (t) => {
    const rig = await Rig.create(t);
    assert.equal(headland('config', 'check', rig.configFile).status, 0);
    const secret = join(rig.dir, 'secret');
    writeFileSync(secret, 'swordfish\n', { mode: 0o600 });
    const yaml = readFileSync(rig.configFile, 'utf8');
    writeFileSync(rig.configFile, `${yaml}\nmqtt:\n  password: {file: ${secret}}\n`);
    const printed = headland('config', 'print', rig.configFile);
    assert.equal(printed.status, 0, printed.stderr);
    assert.match(printed.stdout, /groupWindowMs: 30000/);
    assert.doesNotMatch(printed.stdout, /swordfish/);
    const schema = JSON.parse(headland('config', 'schema').stdout);
    assert.equal(schema.properties.robot.type, 'object');
    assert.equal(headland('config', 'check', join(rig.dir, 'none.yaml')).status, 2);
  });

  test('lists and verifies backbones, and detects a damaged one', async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const cards = JSON.parse(headland('models', 'list', ...at, '--json').stdout);
    const tiny = cards.find((card: { name: string }) => card.name === 'tiny');
    assert.deepEqual([tiny.cached, tiny.default], [true, true]);
    assert.equal(headland('models', 'verify', ...at).status, 0);
    const file = join(rig.cacheDir, 'backbones', 'tiny', 'model.onnx');
    const bytes = readFileSync(file);
    bytes[100]! ^= 1;
    writeFileSync(file, bytes);
    const damaged = headland('models', 'verify', 'tiny', ...at, '--json');
    assert.equal(damaged.status, 1);
    assert.equal(JSON.parse(damaged.stdout)[0].error.code, 'HL_MODEL_CHECKSUM');
  });

  test('an unknown command is wrong usage', () => {
    assert.equal(headland('dance').status, 2);
    assert.equal(headland('--version').status, 0);
  });

  test('status reports that no daemon answers', async (t) => {
    const rig = await Rig.create(t, { mqtt: { url: 'mqtt://127.0.0.1:1' } });
    const { status, stderr } = headland('status', '--config', rig.configFile);
    assert.equal(status, 1);
    assert.match(stderr, /HL_STATUS_NO_ANSWER/);
  });

  test('a signal during the start ends the daemon', { timeout: TEST_HANG_MS }, async (t) => {
    const rig = await Rig.create(t);
    const daemon = new Daemon(rig, {});
    t.after(() => daemon.stop('SIGKILL'));
    await daemon.logged((line) => line.msg === 'backbone ready');
    assert.deepEqual(await daemon.stop(), { code: 0 });
  });
});

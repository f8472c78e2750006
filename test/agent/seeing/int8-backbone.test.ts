import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeSmallCard } from '../../backbone/small-network.js';
import { headland, Person, Rig } from '../daemon.js';

test('from labels to a daemon that serves an 8-bit backbone', { timeout: 1_800_000 }, async (t) => {
  const rig = await Rig.create(t);
  const cardsDir = join(rig.dir, 'cards');
  writeSmallCard(cardsDir);
  const configure = (backbone: string) =>
    rig.writeConfig({
      robot: { id: 'r1' },
      paths: { stateDir: rig.stateDir, cacheDir: rig.cacheDir },
      models: { backbone, cardsDir, allowDownload: false },
      cameras: [{ driver: 'replay', path: rig.photosDir, intervalMs: 20 }],
      augmentation: { views: 1 },
      training: { everyNewLabels: 0, minLabels: 12 },
      embeddedBroker: { port: 0 },
      console: { port: 0 },
    });
  const at = ['--config', rig.configFile, '--json'];
  configure('small');
  assert.equal(headland('import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at).status, 0);
  const first = headland('train', ...at);
  assert.equal(first.status, 0, first.stdout + first.stderr);

  configure('small-int8');
  const early = headland('train', ...at);
  assert.equal(early.status, 1);
  assert.equal(JSON.parse(early.stdout).error.code, 'HL_MODEL_NOT_QUANTIZED');
  assert.match(early.stderr, /headland models quantize small/);

  const made = headland('models', 'quantize', ...at);
  assert.equal(made.status, 0, made.stdout + made.stderr);
  const report = JSON.parse(made.stdout);
  assert.equal(report.variant, 'small-int8');
  assert.equal(report.kept, true);
  const listed = JSON.parse(headland('models', 'list', ...at).stdout);
  const row = listed.find(({ name }: { name: string }) => name === 'small-int8');
  assert.deepEqual([row.cached, row.default], [true, true]);

  const second = headland('train', ...at);
  assert.ok([0, 3].includes(second.status as number), second.stdout + second.stderr);
  const { result } = JSON.parse(second.stdout);
  assert.ok(result.forwards > 0, 'features of the two never mix: all were embedded again');
  assert.equal(headland('rollback', String(result.version), ...at.slice(0, 2)).status, 0);

  const daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  const info = await person.until(({ topic }) => topic === 'headland/r1/info');
  assert.equal(info.body.backbone, 'small-int8');
  assert.equal(info.body.backbone_checksum, report.checksum);
  const { body } = await person.until(
    ({ topic, body: prediction }) =>
      topic === 'headland/r1/prediction' && prediction.head_version === result.version,
  );
  assert.ok(body.top.length > 0, JSON.stringify(body));

  const file = join(rig.dir, 'joined.onnx');
  const exported = headland('export', file, ...at);
  assert.equal(exported.status, 0, exported.stdout + exported.stderr);

  // The cache comes from a machine whose kernels computed something else.
  await daemon.stop();
  const record = join(rig.cacheDir, 'backbones', 'small-int8', 'card.json');
  const card = JSON.parse(readFileSync(record, 'utf8'));
  card.golden.features = card.golden.features.map((value: number) => 1.2 * value);
  writeFileSync(record, JSON.stringify(card));
  const moved = await rig.start();
  const witness = await Person.connect(t, moved.mqttUrl);
  const other = await witness.until(({ topic }) => topic === 'headland/r1/info');
  assert.equal(other.body.backbone, 'small');
  assert.equal(other.body.backbone_instead_of, 'small-int8');
  const answered = await witness.until(({ topic }) => topic === 'headland/r1/prediction');
  const old = JSON.parse(first.stdout).result.version;
  assert.equal(answered.body.head_version, old, 'the head that was learnt on fp32 stands in');
  const again = headland('train', ...at);
  assert.ok([0, 3].includes(again.status as number), again.stdout + again.stderr);
  assert.match(again.stderr, /HL_MODEL_INT8_DIFFERS/);
});

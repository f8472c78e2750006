import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Backbone } from '../../src/backbone/backbone.js';
import { loadCard } from '../../src/backbone/card-folders.js';
import { Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import { compareAccuracy } from '../../src/evaluation/backbone/quantize-accuracy.js';
import { spread } from '../../src/evaluation/backbone/quantize-pictures.js';
import { decide, runQuantization } from '../../src/evaluation/backbone/quantize-run.js';
import { pullModel } from '../../src/models/pull-model.js';
import { probeIntegerKernels } from '../../src/models/quantize/kernels.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { writeSmallCard } from '../backbone/small-network.js';
import { pullOptions } from '../backbone/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { drawPicture } from '../training/fixture.js';

const log = silentLog();
const LABELS = ['crop', 'weed', 'stone'];
const PER_LABEL = 20;

interface Place {
  dir: string;
  cacheDir: string;
  store: SampleStore;
  settings: ReturnType<typeof configSchema.parse>;
}

async function place(
  t: Parameters<typeof temporaryFolder>[0],
  quantization: object = {},
): Promise<Place> {
  const dir = temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const cardsDir = join(dir, 'cards');
  await pullModel(writeSmallCard(cardsDir), pullOptions(cacheDir));
  const database = openDatabase(join(dir, 'headland.db'));
  t.after(() => database.close());
  const settings = configSchema.parse({ models: { backbone: 'small', cardsDir }, quantization });
  return { dir, cacheDir, store: new SampleStore(database, settings.samples), settings };
}

async function fill(store: SampleStore): Promise<void> {
  for (const label of LABELS) {
    for (let index = 0; index < PER_LABEL; index++) {
      store.admit({
        jpeg: await drawPicture(label, index),
        label,
        labelSource: 'import',
        group: `${label}/${index >> 1}`,
        source: 'import',
        capturedAtMs: index,
        dhash: index.toString(16).padStart(16, '0'),
      });
    }
  }
}

async function run(
  { settings, cacheDir, store }: Place,
  photosDir: string | null = null,
  others: SampleStore[] = [],
) {
  return runQuantization({
    name: 'small',
    settings,
    cacheDir,
    stores: [store, ...others],
    photosDir,
    log,
    kernels: await probeIntegerKernels(),
    onProgress: () => {},
  });
}

describe('quantizing from the robot’s own frames', () => {
  test('too few frames are refused with the way out; a folder of photos will do', async (t) => {
    const here = await place(t);
    await assert.rejects(run(here), (error: unknown) => {
      return isHeadlandError(error, 'HL_QUANTIZE_TOO_FEW_FRAMES') && /--photos/.test(error.remedy!);
    });
    const photos = join(here.dir, 'photos', 'deep');
    mkdirSync(photos, { recursive: true });
    for (let i = 0; i < 40; i++) {
      writeFileSync(join(photos, `${i}.jpg`), await drawPicture(LABELS[i % 3]!, i));
    }
    writeFileSync(join(photos, 'broken.jpg'), 'no picture');
    const report = await run(here, join(here.dir, 'photos'));
    assert.equal(report.kept, true);
    assert.deepEqual(report.accuracies, []);
    assert.equal(report.pictures.calibration + report.pictures.compared, 40);
    await assert.rejects(run(here, join(here.dir, 'absent')), (error: unknown) =>
      isHeadlandError(error, 'HL_QUANTIZE_PHOTOS_UNREADABLE'),
    );
  });

  test('what is refused leaves the cache as it was; what is kept compares on labels', async (t) => {
    const strict = await place(t, { minCosine: 1 });
    await fill(strict.store);
    const refused = await run(strict);
    assert.equal(refused.kept, false);
    assert.match(refused.reason, /below the limit of 1$/);
    const { settings, cacheDir, store } = strict;
    const relaxed = { settings: configSchema.parse({ models: settings.models }), cacheDir, store };
    const variant = await loadCard('small-int8', settings.models.cardsDir);
    await assert.rejects(openBackbone({ card: variant, cacheDir, threads: 1, log }), (e: unknown) =>
      isHeadlandError(e, 'HL_MODEL_NOT_QUANTIZED'),
    );
    const kept = await run({ ...strict, ...relaxed });
    assert.equal(kept.kept, true, kept.reason);
    const [accuracy] = kept.accuracies;
    const training = store.list({ holdout: false, limit: 1_000 }).length;
    assert.equal(accuracy?.samples, training);
    assert.equal(accuracy?.classes, 3);
    assert.ok(accuracy!.fp32 > 0.6, 'the pictures are told apart');
    assert.ok(Math.abs(accuracy!.loss) < 0.1);
    const opened = await openBackbone({ card: variant, cacheDir, threads: 1, log });
    assert.equal(opened.checksum, kept.checksum);
    await opened.close();
  });

  test('the labels of every task are compared, each by itself', async (t) => {
    const here = await place(t);
    await fill(here.store);
    const other = here.store.forTask('colour');
    for (const { id, group } of here.store.list({ holdout: false, limit: 1_000 })) {
      other.label(id, group.startsWith('crop') ? 'green' : 'brown', 'cli');
    }
    const report = await run(here, null, [other]);
    assert.deepEqual(
      report.accuracies.map(({ task, classes }) => [task, classes]),
      [
        ['main', 3],
        ['colour', 2],
      ],
    );
    const used = report.pictures.calibration + report.pictures.compared;
    assert.equal(used, here.store.counts().total, 'no picture twice');
  });

  test('accuracy falls when features are ruined', async (t) => {
    const { settings, cacheDir, store } = await place(t);
    await fill(store);
    const card = await loadCard('small', settings.models.cardsDir);
    const backbone = await openBackbone({ card, cacheDir, threads: 1, log });
    t.after(() => backbone.close());
    let turn = 0;
    const ruined: Backbone = {
      name: 'ruined',
      checksum: 'ruined',
      inputSize: backbone.inputSize,
      featureSize: backbone.featureSize,
      engine: 'none',
      embed: async () =>
        Float32Array.from({ length: backbone.featureSize }, (_, i) =>
          Math.abs(Math.sin(i * 7 + turn++)),
        ),
      close: async () => {},
    };
    const options = { fit: 'squash' as const, maxBytes: 1e7, maxPixels: 1e7 };
    const compared = await compareAccuracy({
      store,
      fp32: new Embedder(backbone, options),
      int8: new Embedder(ruined, options),
      maxLabelled: 600,
      onStep: () => {},
    });
    assert.ok(compared!.loss > 0.2, JSON.stringify(compared));
    assert.equal(decide(FINE, [compared!], { ...LIMITS, minLabelled: 20 }).kept, false);
  });
});

const FINE = { pictures: 8, cosine: 0.995, leastCosine: 0.99, relativeError: 0.05 };
const LIMITS = configSchema.parse({}).quantization;
const lossOf = (loss: number, standardError: number, samples = 500, task = 'main') => ({
  task,
  samples,
  classes: 3,
  fp32: 0.9,
  int8: 0.9 - loss,
  loss,
  standardError,
});

test('the decision: features first, then accuracy as far as the samples can tell', () => {
  assert.equal(decide({ ...FINE, cosine: 0.97 }, [], LIMITS).kept, false);
  assert.equal(decide({ ...FINE, cosine: Number.NaN }, [], LIMITS).kept, false);
  assert.equal(decide(FINE, [], LIMITS).kept, true);
  assert.equal(decide(FINE, [lossOf(0.004, 0.001)], LIMITS).kept, true);
  assert.equal(decide(FINE, [lossOf(0.02, 0.004)], LIMITS).kept, false);
  assert.equal(decide(FINE, [lossOf(0.008, 0.004)], LIMITS).kept, true);
  assert.match(decide(FINE, [lossOf(0.2, 0.01, 50)], LIMITS).reason, /too few/);
});

test('the decision: the task that loses most decides', () => {
  const [fine, bad] = [lossOf(0.004, 0.001), lossOf(0.02, 0.004, 500, 'gate')];
  for (const accuracies of [
    [fine, bad],
    [bad, fine],
  ]) {
    const { kept, reason } = decide(FINE, accuracies, LIMITS);
    assert.equal(kept, false);
    assert.match(reason, /2\.00 points of accuracy lost for gate/);
  }
  const few = lossOf(0.2, 0.01, 50, 'gate');
  assert.equal(decide(FINE, [fine, few], LIMITS).kept, true, 'too few labels do not decide');
});

test('pictures are spread over all there are', () => {
  assert.deepEqual(spread([1, 2, 3], 5), [1, 2, 3]);
  assert.deepEqual(spread([...Array(10).keys()], 5), [0, 2, 4, 6, 8]);
});

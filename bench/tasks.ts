import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import type { Frame } from '../src/camera/camera.js';
import { FrameStage } from '../src/camera/stage/frame-stage.js';
import { validateConfig } from '../src/config/load.js';
import type { Head } from '../src/head/head.js';
import { OnnxFitEngine } from '../src/training/fit/fit-engine.js';
import { fitHead, headOf } from '../src/training/fit/fit-head.js';
import { leftOutAnswers } from '../src/training/verdict/unknown-threshold.js';
import { cameraPictures } from './support/camera-pictures.js';
import { type BenchFrame, benchPerception } from './support/perception.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { syntheticSet } from './support/synthetic.js';
import { quantile, round, took } from './support/timings.js';

const WARM_UP = 8;
const PICTURES = 80;
const SAMPLES = 400;
const FURTHER_TASKS = ['t2', 't3', 't4'];

/**
 * The cost of tasks and regions: pictures of 640 x 480, from the JPEG to the decisions of every task,
 * turn by turn in the same run with one task, with four tasks on the whole image, and with one task on
 * two and six regions; beside it the bare forward pass. The heads are as a training makes them of 400
 * samples of ten classes: ridge, class Gaussians, novelty. One picture after the other.
 */
export async function run(): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const camera = (name: string, columns: number, rows: number) => ({
    driver: 'simulated',
    name,
    ...(columns * rows > 1 ? { regions: { columns, rows } } : {}),
  });
  const config = validateConfig({
    paths: { cacheDir, stateDir: cacheDir },
    cameras: [camera('1x1', 1, 1), camera('4x1', 1, 1), camera('1x2', 2, 1), camera('1x6', 3, 2)],
    tasks: [{ name: 't1' }, ...FURTHER_TASKS.map((name) => ({ name, cameras: ['4x1'] }))],
  });
  const card = await preparedCard(config);
  const bare = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const headMs = new Map<string, number[]>();
  const perception = benchPerception(config, {
    onPerceived: ({ camera: name }: BenchFrame, { timings }) => {
      headMs.set(name, [...(headMs.get(name) ?? []), timings.headMs]);
    },
  });
  await perception.start();
  const head = await trainedHead(bare.checksum);
  const jpegs = await cameraPictures();
  const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = config.inference;
  const setups = config.cameras.map((section) => ({
    name: section.name,
    stage: new FrameStage(
      section,
      { maxBytes, maxPixels },
      {
        onFrame: (frame) => perception.submit(frame),
        onRefused: (_, error) => {
          throw error;
        },
        onQuality: () => {},
      },
    ),
    pictureMs: [] as number[],
  }));
  const show = async (name: string, n: number): Promise<number> => {
    const { stage } = setups.find((setup) => setup.name === name)!;
    const jpeg = jpegs[n % jpegs.length]!;
    const frame: Frame = { camera: name, region: null, sequence: n + 1, capturedAtMs: n, jpeg };
    return took(async () => stage.submit(frame));
  };

  await perception.swapHead('t1', { version: 1, head });
  for (let n = 0; n < PICTURES; n++) await show('1x1', n);
  const oneTaskMib = residentMib();
  for (const task of FURTHER_TASKS) await perception.swapHead(task, { version: 1, head });
  for (let n = 0; n < PICTURES; n++) await show('4x1', n);
  const fourTasksMib = residentMib();

  headMs.clear();
  const engineMs: number[] = [];
  const image = drawn(bare.inputSize);
  for (let n = 0; n < WARM_UP + PICTURES; n++) {
    if (n === WARM_UP) headMs.clear();
    for (const { name, pictureMs } of setups) {
      const wholeMs = await show(name, n);
      if (n >= WARM_UP) pictureMs.push(wholeMs);
    }
    const engine = await took(() => bare.embed(image));
    if (n >= WARM_UP) engineMs.push(engine);
  }
  for (const { stage } of setups) stage.close();
  await perception.stop();
  await bare.close();

  const headMsOf = (name: string): number => quantile(headMs.get(name)!, 0.5);
  const frameMs = quantile(setups[0]!.pictureMs, 0.5);
  const furtherTaskMs = (headMsOf('4x1') - headMsOf('1x1')) / FURTHER_TASKS.length;
  return {
    backbone: config.models.backbone,
    pictures: PICTURES,
    engine_ms_p50: quantile(engineMs, 0.5),
    further_task_ms: round(furtherTaskMs),
    further_task_share_of_frame: round(furtherTaskMs / frameMs),
    rss_mib_one_task: oneTaskMib,
    rss_mib_four_tasks: fourTasksMib,
    setups: setups.map(({ name, pictureMs }) => ({
      tasks_x_regions: name.replace('x', ' x '),
      picture_ms_p50: quantile(pictureMs, 0.5),
      pictures_per_second: round(1_000 / quantile(pictureMs, 0.5)),
      head_ms_p50: headMsOf(name),
    })),
  };
}

/** A head as a training makes it. */
async function trainedHead(backboneChecksum: string): Promise<Head> {
  const set = syntheticSet(SAMPLES);
  const engine = await OnnxFitEngine.create(1);
  const { recipe, novelty } = await fitHead(set, {
    learners: ['ridge'],
    budgetMs: 60_000,
    classGaussians: true,
    engine,
    onCandidate: () => {},
  });
  await engine.close();
  return {
    ...headOf(recipe, {
      labels: Array.from({ length: set.classCount }, (_, index) => `class-${index}`),
      featureSize: set.featureSize,
      backboneChecksum,
    }),
    ...leftOutAnswers(set, recipe.leaveGroupOutProbabilities),
    novelty,
  };
}

function drawn(sizePixels: number) {
  const data = new Uint8Array(3 * sizePixels * sizePixels).map((_, i) => (i * 31) & 255);
  return { width: sizePixels, height: sizePixels, data };
}

function residentMib(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../src/base/random.js';
import { defaultConfig } from './support/life-cell.js';
import { drawPhotos, type Photo, readPhotoSet } from './support/life-data.js';
import { openKeepingEmbedder } from './support/life-features.js';
import { estimate } from './support/life-metrics.js';
import { removeFolder, scratchFolder } from './support/life-run.js';
import { sharedFolder } from './support/places.js';
import { simulateLabels } from './support/queue-simulation.js';
import { measureQueue } from './support/queue-timings.js';

/**
 * `npm run -s bench -- queue [--draws N] [--only-timings]`: how many labels a person needs until the head is
 * good when the robot's queue orders the questions, against random order and against the newest first, and
 * what the queue costs. Training parts of the photo sets only, divided anew for each draw; a test photo is
 * never looked at. The learner is the product's instant learner over the product's store.
 */
const SETS = ['grocery', 'roads'];
const ORDERS = ['queue', 'random', 'newest'] as const;
const MAX_LABELS = 100;
const TARGETS = [0.5, 0.6, 0.7, 0.8, 0.9];
const POINTS = [10, 20, 30, 40, 60, 80, 100];
/** Every class of a long tail has this share of the one before. */
const TAIL = 0.7;
const LEAST_OF_CLASS = 3;

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const timings = measureQueue();
  if (options.includes('--only-timings')) return { timings };
  const at = options.indexOf('--draws');
  const draws = at < 0 ? 12 : Number(options[at + 1]);
  const shared = sharedFolder();
  if (shared === null) throw new Error('the photo sets are not here: set HEADLAND_SHARED');
  const figures: Record<string, unknown>[] = [];
  const folder = scratchFolder();
  const embedder = await openKeepingEmbedder(defaultConfig(folder));
  for (const name of SETS) {
    const set = await readPhotoSet(name, join(shared, 'data', name));
    const features = new Map<string, Float32Array>();
    for (const { path, sha256 } of set.photos) {
      const bytes = readFileSync(join(set.folder, path));
      features.set(sha256, (await embedder.embedPicture(bytes)).features);
    }
    for (const pool of ['even', 'long-tail'] as const) {
      for (const order of ORDERS) {
        const lives = Array.from({ length: draws }, (_, seed) => {
          const { train, test, classes } = drawPhotos(set, 'train', seed);
          const random = createRandom(1_000 + seed);
          const kept = pool === 'even' ? train : longTail(train, classes, random);
          const photos = inPasses(kept, random);
          return simulateLabels({
            photos,
            test,
            classes,
            features,
            order,
            random,
            most: MAX_LABELS,
          });
        });
        figures.push({ set: name, pool, order, ...summary(lives) });
        process.stderr.write(`${JSON.stringify(figures.at(-1))}\n`);
      }
    }
  }
  removeFolder(folder);
  return { backbone: embedder.backbone.name, draws, max_labels: MAX_LABELS, figures, timings };
}

type Life = ReturnType<typeof simulateLabels>;

function summary(lives: readonly Life[]): Record<string, unknown> {
  const macroF1 = Object.fromEntries(
    POINTS.map((labels) => [labels, estimate(lives.map((life) => life.macroF1At(labels)))]),
  );
  const labelsTo = Object.fromEntries(
    TARGETS.map((target) => {
      // A life that never gets there counts as the most labels: a lower bound.
      const needed = lives.map((life) => life.labelsTo(target) ?? MAX_LABELS);
      const reached = lives.filter((life) => life.labelsTo(target) !== null).length;
      return [target, { labels: estimate(needed).mean, reached }];
    }),
  );
  const asked = lives.flatMap((life) => life.asked);
  const offered = asked.filter((each) => each.offered);
  const reasons = Object.fromEntries(
    [...new Set(asked.map(({ reason }) => reason))].map((reason) => [
      reason,
      asked.filter((each) => each.reason === reason).length,
    ]),
  );
  return {
    macro_f1: macroF1,
    labels_to: labelsTo,
    offered_share: asked.length > 0 ? offered.length / asked.length : null,
    offered_right:
      offered.length > 0 ? offered.filter((each) => each.right).length / offered.length : null,
    guess_right: asked.length > 0 ? asked.filter((each) => each.right).length / asked.length : null,
    reasons,
  };
}

/** Classes in a drawn order, each rarer than the one before. */
function longTail(photos: readonly Photo[], classes: readonly string[], random: Random): Photo[] {
  const most = Math.max(...classes.map((c) => photos.filter(({ label }) => label === c).length));
  return shuffledBy(classes, random).flatMap((label, i) => {
    const own = shuffledBy(
      photos.filter((photo) => photo.label === label),
      random,
    );
    return own.slice(0, Math.max(LEAST_OF_CLASS, Math.round(most * TAIL ** i)));
  });
}

/** Groups one after the other, as a robot passes what it sees. */
function inPasses(photos: readonly Photo[], random: Random): Photo[] {
  const groups = shuffledBy([...new Set(photos.map(({ group }) => group))], random);
  return groups.flatMap((group) =>
    photos.filter((photo) => photo.group === group).sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
}

function shuffledBy<T>(items: readonly T[], random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

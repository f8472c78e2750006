import { createRandom } from '../src/base/random.js';
import type { Head } from '../src/head/head.js';
import { headProbabilities, indexOfLargest } from '../src/head/score.js';
import type { TrainingSet } from '../src/head/training-set.js';
import { fitRecipe } from '../src/training/fit/recipes.js';
import { fitBeginner } from '../src/training/instant/beginner.js';
import { type CorrectionOptions, correctHead } from '../src/training/instant/correction.js';
import { groceryPhotos, type Photo } from './support/grocery.js';
import { type Features, groceryFeatures } from './support/photo-features.js';
import { StreamRig } from './support/stream-rig.js';

/**
 * `npm run -s bench -- instant [--no-daemon | --only-daemon]`: what labels learnt at once do to the accuracy on other
 * photos, how humble a head of the first labels is, and how long a label takes to show in the
 * decisions of a daemon. Everything but the time is from the training half of the grocery photos.
 */
const BACKBONE = 'efficientnet-lite0-288';
const DRAWS = 24;
const LAMBDAS = [0.05, 0.1, 0.2, 0.3, 1];
const BASE_PER_CLASS = 10;
/** As many as the daemon takes. */
const REPLAYED = { known: 100, newClass: 200 };
const LATENCY_LABELS = 30;

interface World {
  photos: readonly Photo[];
  data: Features;
  train: readonly number[];
  classes: readonly string[];
}

interface Score {
  accuracy: number;
  logLoss: number;
}

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const found = groceryPhotos();
  if (!found) throw new Error('the grocery photos are not here: set HEADLAND_SHARED');
  if (options.includes('--only-daemon')) return { label_to_decision_ms: await latencies(found) };
  const data = await groceryFeatures(BACKBONE, found);
  const train = [...found.photos.keys()].filter((i) => found.photos[i]!.split === 'train');
  const classes = [...new Set(found.photos.map(({ label }) => label))].sort();
  const world = { photos: found.photos, data, train, classes };
  const learning = {
    backbone: BACKBONE,
    draws: DRAWS,
    known: knownClasses(world),
    new_class: newClass(world),
    beginner: beginners(world),
  };
  if (options.includes('--no-daemon')) return learning;
  return { ...learning, label_to_decision_ms: await latencies(found) };
}

/** Labels of known classes on top of a trained head; points of accuracy on photos of other groups. */
function knownClasses(world: World): Record<string, unknown>[] {
  const table = new Table(['wrong_share', 'labels', 'lambda']);
  draws(world, (draw) => {
    const head = ridge(world, draw.base, world.classes);
    const before = score(world, head, draw.test);
    const replayed = draw.shuffled(draw.base).slice(0, REPLAYED.known);
    for (const wrongShare of [0, 0.2]) {
      for (const count of [1, 5, 10, 20]) {
        const taught = draw.shuffled(draw.rest).slice(0, count);
        const labels = taught.map((i, k) =>
          k < Math.round(wrongShare * count) ? draw.other(i) : labelOf(world, i),
        );
        const fitted = ridge(world, [...draw.base, ...taught], world.classes, labels);
        const again = score(world, fitted, draw.test).accuracy - before.accuracy;
        for (const lambda of LAMBDAS) {
          const corrected = correct(world, head, taught, labels, replayed, { lambda });
          const after = score(world, corrected, draw.test);
          table.add([wrongShare, count, lambda], {
            gain_points: after.accuracy - before.accuracy,
            log_loss_change: after.logLoss - before.logLoss,
            fitted_again_gain_points: again,
            taught_answered_so_percent: score(world, corrected, taught, labels).accuracy,
          });
        }
      }
    }
  });
  return table.rows(['gain_points']);
}

/** A class that the trained head does not know. */
function newClass(world: World): Record<string, unknown>[] {
  const table = new Table(['labels', 'lead', 'lambda']);
  draws(world, (draw, number) => {
    const late = world.classes[number % world.classes.length]!;
    const base = draw.base.filter((i) => labelOf(world, i) !== late);
    const head = ridge(
      world,
      base,
      world.classes.filter((label) => label !== late),
    );
    const pool = [...draw.base, ...draw.rest].filter((i) => labelOf(world, i) === late);
    const shown = draw.test.filter((i) => labelOf(world, i) === late);
    const others = draw.test.filter((i) => labelOf(world, i) !== late);
    if (shown.length === 0) return;
    const before = score(world, head, others).accuracy;
    const replayed = draw.shuffled(base).slice(0, REPLAYED.newClass);
    for (const count of [2, 3, 5, 10]) {
      const taught = pool.slice(0, count);
      const labels = taught.map((i) => labelOf(world, i));
      const again = score(world, ridge(world, [...base, ...taught], world.classes), shown).accuracy;
      for (const lead of [0, 1, 2]) {
        for (const lambda of LAMBDAS) {
          const corrected = correct(world, head, taught, labels, replayed, {
            lambda,
            newClassLead: lead,
          });
          table.add([count, lead, lambda], {
            recall_percent: score(world, corrected, shown).accuracy,
            fitted_again_recall_percent: again,
            others_gain_points: score(world, corrected, others).accuracy - before,
          });
        }
      }
    }
  });
  return table.rows([]);
}

/** Means, and the worst of some, of what each draw measured under the same conditions. */
class Table {
  readonly #cells = new Map<string, { keys: number[]; values: Record<string, number>[] }>();

  constructor(private readonly names: readonly string[]) {}

  add(keys: number[], values: Record<string, number>): void {
    const cell = this.#cells.get(keys.join()) ?? { keys, values: [] };
    cell.values.push(values);
    this.#cells.set(keys.join(), cell);
  }

  rows(worstOf: readonly string[]): Record<string, unknown>[] {
    return [...this.#cells.values()].map(({ keys, values }) => {
      const row: Record<string, number> = {};
      for (const [i, name] of this.names.entries()) row[name] = keys[i]!;
      for (const name of Object.keys(values[0]!)) row[name] = mean(values.map((v) => v[name]!));
      for (const name of worstOf) row[`worst_${name}`] = Math.min(...values.map((v) => v[name]!));
      return row;
    });
  }
}

/** Heads of the first labels: is their log-loss ever above that of the class frequencies? */
function beginners(world: World): Record<string, unknown>[] {
  return [2, 4, 8, 12].flatMap((classCount) =>
    [2, 3, 5, 10].map((perClass) => {
      const rows = draws(world, (draw) => {
        const classes = draw.shuffled(world.classes).slice(0, classCount);
        const of = (all: readonly number[], most: number): number[] =>
          classes.flatMap((label) => all.filter((i) => labelOf(world, i) === label).slice(0, most));
        const taught = of([...draw.base, ...draw.rest], perClass);
        const { head, prior } = fitBeginner(
          taught.map((i) => {
            const { label, group } = world.photos[i]!;
            return { label, group, features: vector(world, i) };
          }),
          '',
        );
        const test = of(draw.test, 25);
        const plain = score(world, head, test);
        const humble = score(world, head, test, undefined, prior);
        return { accuracy: plain.accuracy, plain: plain.logLoss, humble: humble.logLoss };
      });
      const limit = Math.log(classCount);
      return {
        classes: classCount,
        labels_per_class: perClass,
        accuracy: mean(rows.map((row) => row.accuracy)),
        log_loss: mean(rows.map((row) => row.humble)),
        worst_log_loss: Math.max(...rows.map((row) => row.humble)),
        without_prior_worst_log_loss: Math.max(...rows.map((row) => row.plain)),
        log_loss_of_frequencies: limit,
        draws_above_it: rows.filter((row) => row.humble > limit).length,
      };
    }),
  );
}

/** From the command `label` to the first prediction that has learnt it, by a daemon of its own. */
async function latencies(found: { folder: string; photos: Photo[] }) {
  const camera = { driver: 'replay', path: found.folder, intervalMs: 30, shuffleSeed: 1 };
  const rig = await StreamRig.create(found, { cameras: [camera] });
  try {
    await rig.start();
    let revision = 0;
    const label = async (name: string): Promise<number> => {
      const { body } = await rig.until(({ topic }) => topic === 'prediction', 10_000);
      const startMs = performance.now();
      const { data } = await rig.ask('label', { frame: body.frame_id, label: name });
      const before = revision;
      revision = data.label_revision;
      rig.heard.splice(0, rig.heard.length - 5);
      // A photo that has this label already teaches nothing.
      if (revision === before) return label(name);
      const shown = await rig.until(
        (heard) => heard.topic === 'prediction' && heard.body.label_revision >= data.label_revision,
        10_000,
      );
      rig.heard.length = 0;
      return shown.momentMs - startMs;
    };
    const silently = async (name: string): Promise<void> => {
      rig.heard.length = 0;
      const { body } = await rig.until(({ topic }) => topic === 'prediction', 10_000);
      await rig.ask('label', { frame: body.frame_id, label: name });
    };
    for (const name of ['a', 'b', 'a']) await silently(name);
    rig.heard.length = 0;
    const beginner: number[] = [];
    for (let i = 0; i < LATENCY_LABELS; i++) beginner.push(await label('ba'[i % 2]!));
    const { ok } = await rig.ask('retrain');
    if (!ok) throw new Error('no training');
    await rig.until(({ topic }) => topic === 'training/report', 240_000);
    await rig.ask('promote', { version: 1 });
    await rig.until(({ topic, body }) => topic === 'prediction' && body.head_version === 1, 10_000);
    rig.heard.length = 0;
    const known: number[] = [];
    for (let i = 0; i < LATENCY_LABELS; i++) known.push(await label('ab'[i % 2]!));
    const fresh: number[] = [];
    for (let i = 0; i < LATENCY_LABELS / 5; i++) {
      await silently(`new ${i}`);
      rig.heard.length = 0;
      fresh.push(await label(`new ${i}`));
    }
    return { beginner: spread(beginner), known_class: spread(known), new_class: spread(fresh) };
  } finally {
    await rig.close();
  }
}

function spread(values: number[]): Record<string, number> {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  return { labels: sorted.length, p50: at(0.5), p95: at(0.95), first: values[0]! };
}

interface Draw {
  /** The head's own: so many photos of each class. */
  base: number[];
  /** Photos of the same groups as those of the base, not learnt. */
  rest: number[];
  /** Of other groups. */
  test: number[];
  shuffled<T>(values: readonly T[]): T[];
  /** A class that a photo does not show. */
  other(photo: number): string;
}

function draws<T>(world: World, work: (draw: Draw, number: number) => T): T[] {
  return Array.from({ length: DRAWS }, (_, number) => {
    const random = createRandom(number + 1);
    const shuffled = <V>(values: readonly V[]): V[] => {
      const all = [...values];
      for (let i = all.length - 1; i > 0; i--) {
        const j = Math.floor(random.next() * (i + 1));
        [all[i], all[j]] = [all[j]!, all[i]!];
      }
      return all;
    };
    // Of each class, so that none loses all its photos to the test.
    const held = new Set(
      world.classes.flatMap((label) => {
        const own = world.train.filter((i) => labelOf(world, i) === label);
        const groups = shuffled([...new Set(own.map((i) => world.photos[i]!.group))]);
        return groups.slice(0, Math.floor(0.4 * groups.length));
      }),
    );
    const test = world.train.filter((i) => held.has(world.photos[i]!.group));
    const pool = shuffled(world.train.filter((i) => !held.has(world.photos[i]!.group)));
    const base: number[] = [];
    const rest: number[] = [];
    for (const label of world.classes) {
      const members = pool.filter((i) => labelOf(world, i) === label);
      base.push(...members.slice(0, BASE_PER_CLASS));
      rest.push(...members.slice(BASE_PER_CLASS));
    }
    const other = (photo: number): string =>
      shuffled(world.classes.filter((label) => label !== labelOf(world, photo)))[0]!;
    return work({ base, rest, test, shuffled, other }, number);
  });
}

function ridge(
  world: World,
  rows: readonly number[],
  classes: readonly string[],
  lastLabels: readonly string[] = [],
): Head {
  const given = rows.map((i) => labelOf(world, i));
  given.splice(rows.length - lastLabels.length, lastLabels.length, ...lastLabels);
  const groups = [...new Set(rows.map((i) => world.photos[i]!.group))];
  const set: TrainingSet = {
    features: matrix(world, rows),
    rows: rows.length,
    classCount: classes.length,
    featureSize: world.data.featureSize,
    labels: Int32Array.from(given, (label) => classes.indexOf(label)),
    groups: Int32Array.from(rows, (i) => groups.indexOf(world.photos[i]!.group)),
    isView: new Uint8Array(rows.length),
    samples: Int32Array.from(rows, (_, i) => i),
  };
  const { fit, temperature } = fitRecipe(set, 'ridge', 'sqrt-l2');
  return {
    learner: 'ridge',
    labels: classes,
    featureSize: set.featureSize,
    backboneChecksum: '',
    transform: fit.transform,
    weights: fit.weights,
    bias: fit.bias,
    temperature,
  };
}

function correct(
  world: World,
  head: Head,
  taught: readonly number[],
  labels: readonly string[],
  replayed: readonly number[],
  options: CorrectionOptions,
): Head {
  const lesson = {
    features: matrix(world, [...taught, ...replayed]),
    labels: [...labels, ...replayed.map((i) => labelOf(world, i))],
  };
  return correctHead(head, lesson, options);
}

function score(
  world: World,
  head: Head,
  rows: readonly number[],
  labels = rows.map((i) => labelOf(world, i)),
  prior?: { share: number; frequencies: readonly number[] },
): Score {
  const p = headProbabilities(head, matrix(world, rows));
  const c = head.labels.length;
  let right = 0;
  let logLoss = 0;
  for (const [row, label] of labels.entries()) {
    const hit = head.labels[indexOfLargest(p, row * c, c)] === label;
    const column = head.labels.indexOf(label);
    let own = column < 0 ? 0 : p[row * c + column]!;
    if (prior) own = (1 - prior.share) * own + prior.share * prior.frequencies[column]!;
    logLoss -= Math.log(Math.max(own, 1e-12)) / rows.length;
    right += Number(hit);
  }
  return { accuracy: (100 * right) / rows.length, logLoss };
}

function labelOf(world: World, photo: number): string {
  return world.photos[photo]!.label;
}

function vector({ data: { features, featureSize } }: World, photo: number): Float32Array {
  return features.subarray(photo * featureSize, (photo + 1) * featureSize);
}

function matrix(world: World, rows: readonly number[]): Float32Array {
  const { featureSize } = world.data;
  const out = new Float32Array(rows.length * featureSize);
  for (const [i, photo] of rows.entries()) out.set(vector(world, photo), i * featureSize);
  return out;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

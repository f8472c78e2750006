import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabelQueue } from '../../src/agent/teaching/label-queue.js';
import { silentLog } from '../../src/base/log.js';
import type { Random } from '../../src/base/random.js';
import { validateConfig } from '../../src/config/load.js';
import { headProbabilities } from '../../src/head/score.js';
import { mixWithPrior } from '../../src/head/serving/prior.js';
import type { ServingHead } from '../../src/perception/perception-protocol.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { learn } from '../../src/training/instant/learn.js';
import type { Photo } from './life-data.js';
import { scoresOf } from './life-metrics.js';

const CHECKSUM = 'f'.repeat(64);
/** Every label is learnt up to this number, then every fourth: the curve is smooth there. */
const EVERY_LABEL_TO = 20;
const THEN_EVERY = 4;

export interface Simulation {
  /** In the order in which the robot saw them. */
  photos: readonly Photo[];
  test: readonly Photo[];
  classes: readonly string[];
  /** By SHA-256 of the photo. */
  features: ReadonlyMap<string, Float32Array>;
  order: 'queue' | 'random' | 'newest';
  random: Random;
  most: number;
}

export interface Asked {
  reason: string;
  offered: boolean;
  /** The guess is the true label. */
  right: boolean;
}

/** A person answers the questions of one robot, whose instant learner learns from them. */
export function simulateLabels(simulation: Simulation) {
  const { photos, test, classes, features, order, random, most } = simulation;
  const folder = mkdtempSync(join(tmpdir(), 'headland-queue-'));
  const { samples, inference } = validateConfig({ paths: { stateDir: folder, cacheDir: folder } });
  const database = openDatabase(join(folder, 'headland.db'));
  const store = new SampleStore(database, samples);
  let serving: ServingHead | null = null;
  const queue = new LabelQueue({
    task: 'main',
    perception: { backbone: backboneInfo(features), serving: () => serving },
    samples: store,
    inference,
    log: silentLog(),
    // A person takes seconds for an answer: the robot has read everything by then.
    nowMs: () => 0,
  });
  const curve: { labels: number; macroF1: number }[] = [];
  const asked: Asked[] = [];
  try {
    const truth = keep(store, photos, features);
    for (let labels = 1; labels <= Math.min(most, photos.length); labels++) {
      const waiting = store.waitingIds();
      const question = order === 'queue' ? queue.next(1).items[0] : undefined;
      const id =
        question?.sample.id ??
        (order === 'newest' ? waiting.at(-1)! : waiting[random.int(waiting.length)]!);
      const label = truth.get(id)!;
      if (question?.guess) {
        const right = question.guess.ranked[0]?.label === label;
        asked.push({ reason: question.reason, offered: question.offered, right });
      }
      store.label(id, label, 'console');
      if (labels > EVERY_LABEL_TO && labels % THEN_EVERY > 0) continue;
      const learnt = learn(store, { backboneChecksum: CHECKSUM, base: null, sinceRevision: 0 }, 2);
      if (learnt) {
        const { head, prior } = learnt;
        serving = { version: null, head, ...(prior ? { prior } : {}) };
      }
      curve.push({ labels, macroF1: serving ? score(serving, test, classes, features) : 0 });
    }
  } finally {
    queue.stop();
    database.close();
    rmSync(folder, { recursive: true });
  }
  return {
    asked,
    macroF1At: (labels: number) => curve.findLast((point) => point.labels <= labels)!.macroF1,
    /** The first number of labels from which the score stays there; null: never. */
    labelsTo(target: number): number | null {
      const below = curve.findLast((point) => point.macroF1 < target);
      return curve.find(({ labels }) => labels > (below?.labels ?? 0))?.labels ?? null;
    },
  };
}

function backboneInfo(features: ReadonlyMap<string, Float32Array>) {
  const [first] = features.values();
  return {
    name: 'kept',
    checksum: CHECKSUM,
    engine: 'kept',
    inputSize: 288,
    insteadOf: null,
    featureSize: first!.length,
  };
}

/** Admits the photos as samples that wait. @returns the true label by sample */
function keep(
  store: SampleStore,
  photos: readonly Photo[],
  features: ReadonlyMap<string, Float32Array>,
): Map<string, string> {
  return store.batch(() => {
    const truth = new Map<string, string>();
    for (const [i, { sha256, label, group }] of photos.entries()) {
      const { sample } = store.admit({
        jpeg: Buffer.from(sha256),
        label: null,
        labelSource: null,
        group,
        source: 'main',
        capturedAtMs: 1_700_000_000_000 + i * 10_000,
        dhash: '0'.repeat(16),
      });
      store.putFeatures([
        {
          sampleId: sample.id,
          backboneChecksum: CHECKSUM,
          recipe: '',
          view: 0,
          features: features.get(sha256)!,
        },
      ]);
      truth.set(sample.id, label);
    }
    return truth;
  });
}

function score(
  { head, prior }: ServingHead,
  test: readonly Photo[],
  classes: readonly string[],
  features: ReadonlyMap<string, Float32Array>,
): number {
  const probabilities = new Float64Array(test.length * classes.length);
  for (const [row, { sha256 }] of test.entries()) {
    const own = headProbabilities(head, features.get(sha256)!);
    if (prior) mixWithPrior(prior, own);
    for (const [c, label] of head.labels.entries()) {
      probabilities[row * classes.length + classes.indexOf(label)] = own[c]!;
    }
  }
  const truth = test.map(({ label }) => classes.indexOf(label));
  return scoresOf(probabilities, truth, classes, classes).macroF1;
}

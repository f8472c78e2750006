import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scores } from './life-metrics.js';
import { scoresOf } from './life-metrics.js';
import { digest, keep, keptJson, lifeCache } from './life-places.js';
import { removeFolder, scratchFolder } from './life-run.js';
import { runPeer } from './python.js';

export const PEERS = [
  'frigate',
  'logistic',
  'logistic-l2',
  'svm',
  'lda',
  'nearest-mean',
  'gaussian',
] as const;
export type Peer = (typeof PEERS)[number];

/** These only guess: what they call a distance or a margin is no probability. */
const GUESSERS: readonly Peer[] = ['svm', 'nearest-mean', 'gaussian'];
/** Raised whenever bench/peers/life.py or the scores change. */
const VERSION = 1;

/** Features of one photo with a name that stands for them in every run. */
export interface NamedRow {
  name: string;
  features: Float32Array;
}

/** What peers learn at one stage, and what they are asked. */
export interface PeerTask {
  labelled: { row: NamedRow; label: string }[];
  /** Of each kind of photo the same photos, in the same order. */
  query: { kind: string; rows: NamedRow[] }[];
  truth: readonly number[];
  classes: readonly string[];
  alive: readonly string[];
  seed: number;
}

export type PeerScores = Record<Peer, Record<string, Scores>>;

/** Scores by peer and kind of photo for each task; computed once for the same labels and photos. */
export async function askPeers(tasks: readonly PeerTask[]): Promise<PeerScores[]> {
  const files = tasks.map((task) => PEERS.map((peer) => fileOf(task, peer)));
  const missing = tasks.flatMap((task, t) =>
    PEERS.flatMap((peer, p) => {
      return keptJson(files[t]![p]!) === null ? [{ task, peer, file: files[t]![p]! }] : [];
    }),
  );
  if (missing.length > 0) await compute(missing);
  return tasks.map((_, t) => {
    const entries = PEERS.map((peer, p) => [peer, keptJson(files[t]![p]!)!]);
    return Object.fromEntries(entries) as PeerScores;
  });
}

function fileOf({ labelled, query, truth, alive, classes, seed }: PeerTask, peer: Peer): string {
  const key = digest([
    VERSION,
    peer,
    seed,
    classes,
    alive,
    truth,
    labelled.map(({ row, label }) => [row.name, label]),
    query.map(({ kind, rows }) => [kind, rows.map(({ name }) => name)]),
  ]);
  return join(lifeCache(), 'peers', key.slice(0, 2), `${key}.json`);
}

async function compute(
  missing: readonly { task: PeerTask; peer: Peer; file: string }[],
): Promise<void> {
  const folder = scratchFolder();
  try {
    const index = new Map<string, number>();
    const vectors: Float32Array[] = [];
    const rowOf = ({ name, features }: NamedRow): number => {
      const known = index.get(name);
      if (known !== undefined) return known;
      index.set(name, vectors.push(features) - 1);
      return vectors.length - 1;
    };
    const tasks = missing.map(({ task, peer }, i) => ({
      method: peer,
      seed: task.seed,
      rows: task.labelled.map(({ row }) => rowOf(row)),
      labels: task.labelled.map(({ label }) => task.classes.indexOf(label)),
      query: task.query.flatMap(({ rows }) => rows.map(rowOf)),
      out: join(folder, `${i}.f32`),
    }));
    const featureSize = vectors[0]!.length;
    const all = new Float32Array(vectors.length * featureSize);
    vectors.forEach((vector, i) => {
      all.set(vector, i * featureSize);
    });
    const features = join(folder, 'features.f32');
    writeFileSync(features, all);
    const classes = missing[0]!.task.classes.length;
    await runPeer('life.py', { features, featureSize, classes, tasks });
    for (const [i, { task, peer, file }] of missing.entries()) {
      keep(file, JSON.stringify(score(task, peer, readFileSync(tasks[i]!.out))));
    }
  } finally {
    removeFolder(folder);
  }
}

function score(
  { query, truth, classes, alive }: PeerTask,
  peer: Peer,
  bytes: Buffer,
): Record<string, Scores> {
  const answers = new Float32Array(new Uint8Array(bytes).buffer);
  const size = truth.length * classes.length;
  const options = { hasProbabilities: !GUESSERS.includes(peer) };
  return Object.fromEntries(
    query.map(({ kind }, i) => {
      const own = Float64Array.from(answers.subarray(i * size, (i + 1) * size), (p) =>
        // Rounding to 32 bits may leave the bounds by a hair.
        Math.min(1, Math.max(0, p)),
      );
      return [kind, scoresOf(own, truth, classes, alive, options)];
    }),
  );
}

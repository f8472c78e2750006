import { clusterNearDuplicates } from '../../../head/clusters.js';
import type { SampleStore } from '../../../samples/store.js';
import { type LabelledSample, readLabelled } from '../../../training/data/collect.js';
import { originals } from '../../../training/data/feature-matrix.js';
import type { PauseGate } from '../../../training/job/pause-gate.js';

/** Vectors read at once. */
const CHUNK_SAMPLES = 256;
/** Of a sum of shares. */
export const ROUNDING = 1e-9;

/** Labelled originals with their features. */
export interface Rows {
  /** rows x featureSize, row-major, as they are stored. */
  features: Float32Array;
  rows: number;
  labels: string[];
  /** Weight of each: 1 / number of its near-duplicates, or 1. */
  shares: Float64Array;
  ids: string[];
  /** Samples without features. */
  pending: number;
}

/** Weight of each sample of a class, by its id. */
export type GivenClass = ReadonlyMap<string, number>;

export interface Selection {
  backbone: string;
  featureSize: number;
}

/**
 * The samples that may be in a contribution: training samples with features of the running backbone, of
 * classes that are shared and have enough of them, near-duplicates counted once.
 *
 * With noise every sample weighs 1: the weights of near-duplicates depend on each other, so that one sample
 * could change the sums by more than the noise hides.
 */
export async function contributedRows(
  store: SampleStore,
  {
    neverShare,
    minSamplesPerClass,
    sigma,
    ...selection
  }: Selection & { neverShare: readonly string[]; minSamplesPerClass: number; sigma: number },
  gate: PauseGate,
): Promise<Rows> {
  const withheld = new Set(neverShare);
  const samples = readLabelled(store).filter(
    ({ label, holdout }) => !holdout && !withheld.has(label),
  );
  const all = await rowsOf(store, samples, selection, gate);
  const counts = new Map<string, number>();
  for (const [row, label] of all.labels.entries()) {
    counts.set(label, (counts.get(label) ?? 0) + all.shares[row]!);
  }
  const kept = keepRows(all, selection.featureSize, (row) => {
    return (counts.get(all.labels[row]!) ?? 0) >= minSamplesPerClass - ROUNDING;
  });
  return sigma > 0 ? { ...kept, shares: new Float64Array(kept.rows).fill(1) } : kept;
}

/** Labelled samples of one part, with features, of labels that are shared. */
export async function judgedRows(
  store: SampleStore,
  part: 'training' | 'holdout',
  { neverShare, ...selection }: Selection & { neverShare: readonly string[] },
  gate: PauseGate,
): Promise<Rows> {
  const withheld = new Set(neverShare);
  const samples = readLabelled(store).filter(
    ({ label, holdout }) => holdout === (part === 'holdout') && !withheld.has(label),
  );
  return rowsOf(store, samples, selection, gate);
}

/**
 * The rows of a class as they were once, whatever labels their samples have now.
 * @returns null: features of one are missing
 */
export function rowsAsGiven(
  store: SampleStore,
  label: string,
  given: GivenClass,
  { backbone, featureSize }: Selection,
): Rows | null {
  const ids = [...given.keys()];
  const features = new Float32Array(ids.length * featureSize);
  const found = store.features(ids, backbone, '', 0);
  for (const [row, id] of ids.entries()) {
    const vector = found.get(id)?.[0];
    if (vector?.length !== featureSize) return null;
    features.set(vector, row * featureSize);
  }
  const labels = ids.map(() => label);
  const shares = Float64Array.from(given.values());
  return { features, rows: ids.length, labels, shares, ids, pending: 0 };
}

async function rowsOf(
  store: SampleStore,
  samples: readonly LabelledSample[],
  { backbone, featureSize }: Selection,
  gate: PauseGate,
): Promise<Rows> {
  const features = new Float32Array(samples.length * featureSize);
  const kept: LabelledSample[] = [];
  for (let start = 0; start < samples.length; start += CHUNK_SAMPLES) {
    await gate.pass();
    const chunk = samples.slice(start, start + CHUNK_SAMPLES);
    originals(store, chunk, backbone).forEach((vector, i) => {
      if (vector?.length !== featureSize) return;
      features.set(vector, kept.length * featureSize);
      kept.push(chunk[i]!);
    });
  }
  const used = features.subarray(0, kept.length * featureSize);
  const labels = kept.map((sample) => sample.label);
  const groups = kept.map((sample) => sample.group);
  return {
    features: used,
    rows: kept.length,
    labels,
    shares: sharesOfClusters(clusterNearDuplicates(used, featureSize, labels, groups)),
    ids: kept.map((sample) => sample.id),
    pending: samples.length - kept.length,
  };
}

function sharesOfClusters(clusters: Int32Array): Float64Array {
  const sizes = new Map<number, number>();
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  return Float64Array.from(clusters, (cluster) => 1 / sizes.get(cluster)!);
}

export function keepRows(rows: Rows, featureSize: number, keep: (row: number) => boolean): Rows {
  const kept = [...rows.ids.keys()].filter(keep);
  if (kept.length === rows.rows) return rows;
  const features = new Float32Array(kept.length * featureSize);
  kept.forEach((row, i) => {
    features.set(
      rows.features.subarray(row * featureSize, (row + 1) * featureSize),
      i * featureSize,
    );
  });
  return {
    features,
    rows: kept.length,
    labels: kept.map((row) => rows.labels[row]!),
    shares: Float64Array.from(kept, (row) => rows.shares[row]!),
    ids: kept.map((row) => rows.ids[row]!),
    pending: rows.pending,
  };
}

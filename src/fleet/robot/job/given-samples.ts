import { z } from 'zod';
import { sha256Hex } from '../../../base/hash.js';
import { parseRecord } from '../../../base/values/parse-record.js';
import type { ClassSums } from '../../../head/sums/class-sums.js';
import type { TaskSums } from '../../../head/sums/task-sums.js';
import type { SampleStore } from '../../../samples/store.js';
import {
  type GivenClass,
  keepRows,
  ROUNDING,
  type Rows,
  rowsAsGiven,
  type Selection,
} from './contributed-samples.js';

/** The samples of each class as they were when the robot last sent it. */
export type Given = ReadonlyMap<string, GivenClass>;

/** What a contribution holds. */
export interface SettledRows {
  rows: Rows;
  /** Classes whose sums are those of the contribution before, because samples are gone. */
  copied: { label: string; sums: ClassSums }[];
  /** By class: the samples in the contribution. */
  included: Given;
  /** By class: the samples that were sent last, in this contribution or an earlier one. */
  given: Given;
}

const givenSchema = z.object({
  classes: z.array(
    z.object({ label: z.string(), samples: z.array(z.tuple([z.string(), z.number()])) }),
  ),
});

export function encodeGiven(given: Given): Uint8Array {
  const classes = [...given]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([label, samples]) => ({ label, samples: [...samples] }));
  return Buffer.from(JSON.stringify({ classes }));
}

/** Null: it is not what {@link encodeGiven} makes. */
export function decodeGiven(bytes: Uint8Array): Given | null {
  const parsed = givenSchema.safeParse(parseRecord(Buffer.from(bytes).toString('utf8')));
  if (!parsed.success) return null;
  return new Map(parsed.data.classes.map(({ label, samples }) => [label, new Map(samples)]));
}

/** The samples of each class. */
export function givenOf({ ids, labels, shares }: Rows): Given {
  const given = new Map<string, Map<string, number>>();
  for (const [row, label] of labels.entries()) {
    const samples = given.get(label) ?? new Map<string, number>();
    given.set(label, samples.set(ids[row]!, shares[row]!));
  }
  return given;
}

/**
 * How much two states of a class differ: the sum of the differences of weights. A sample that comes or goes
 * makes 1, a near-duplicate of others less.
 */
export function changeOf(before: GivenClass, now: GivenClass): number {
  let change = 0;
  for (const id of new Set([...before.keys(), ...now.keys()])) {
    change += Math.abs((now.get(id) ?? 0) - (before.get(id) ?? 0));
  }
  return change;
}

/**
 * Keeps classes as they were sent last until enough of their samples have changed: the difference of two sums
 * that differ in one sample is that sample's features.
 *
 * @param now what would be sent if nothing had been sent before
 * @param last sums that were sent in the same basis; null: there are none
 */
export function settle(
  store: SampleStore,
  now: Rows,
  before: Given,
  last: TaskSums | null,
  {
    neverShare,
    minSamplesPerClass,
    ...selection
  }: Selection & { neverShare: readonly string[]; minSamplesPerClass: number },
): SettledRows {
  const current = givenOf(now);
  const held = [...before].filter(([label, samples]) => {
    if (neverShare.includes(label)) return false;
    const change = changeOf(samples, current.get(label) ?? new Map());
    return change > ROUNDING && change < minSamplesPerClass - ROUNDING;
  });
  if (held.length === 0) {
    return { rows: now, copied: [], included: current, given: new Map([...before, ...current]) };
  }
  const isHeld = new Set(held.map(([label]) => label));
  const parts = [keepRows(now, selection.featureSize, (row) => !isHeld.has(now.labels[row]!))];
  const copied: SettledRows['copied'] = [];
  const included = new Map([...current].filter(([label]) => !isHeld.has(label)));
  for (const [label, samples] of held) {
    const asGiven = rowsAsGiven(store, label, samples, selection);
    const known = last?.classes.find((each) => each.label === label);
    if (asGiven !== null) parts.push(asGiven);
    else if (known) copied.push(known);
    // Without its samples and its sums the class is left out until enough has changed.
    else continue;
    included.set(label, samples);
  }
  return {
    rows: joined(parts),
    copied,
    included,
    given: new Map([...before, ...included]),
  };
}

/** The same content has the same digest, whatever the order of samples and classes. */
export function contentOf(included: Given, about: readonly unknown[]): string {
  const samples = [...included]
    .flatMap(([label, own]) => [...own].map(([id, share]) => JSON.stringify([id, label, share])))
    .sort()
    .join('\n');
  return sha256Hex(`${JSON.stringify(about)}\n${samples}`);
}

function joined(parts: readonly Rows[]): Rows {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const length = parts.reduce((sum, part) => sum + part.features.length, 0);
  const features = new Float32Array(length);
  const shares = new Float64Array(rows);
  let at = 0;
  let row = 0;
  for (const part of parts) {
    features.set(part.features, at);
    shares.set(part.shares, row);
    at += part.features.length;
    row += part.rows;
  }
  return {
    features,
    rows,
    labels: parts.flatMap(({ labels }) => labels),
    shares,
    ids: parts.flatMap(({ ids }) => ids),
    pending: parts.reduce((sum, { pending }) => sum + pending, 0),
  };
}

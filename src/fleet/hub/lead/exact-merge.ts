import { flatLength, flatten } from '../../../head/sums/class-sums.js';
import { ExactSums } from '../../../head/sums/exact-sums.js';
import { decodeSums } from '../../../head/sums/task-sums.js';
import type { HubTables } from '../store/hub-store.js';
import { BY_HUB } from '../store/tables/audit-rows.js';
import type { MergedRow } from '../store/tables/merged-rows.js';
import type { ScopeRow } from '../store/tables/scope-rows.js';

/** The merged sums of a class, while they are in memory. */
export interface MergedClass {
  robots: number;
  sums: ExactSums;
}

/**
 * Brings the merged sums of a task up to date: subtracts what they hold of a robot, and adds its newest sums,
 * for up to `limit` robots. Exact: any order, and any number of transactions, give the same bits.
 * @returns number of robots that were changed
 */
export async function mergePending(
  tables: HubTables,
  scopeId: number,
  limit: number,
): Promise<number> {
  const scope = await tables.scopes.lock(scopeId);
  if (scope === null || scope.directions === null) return 0;
  const pending = await tables.contributions.pending(scopeId, limit);
  if (pending.length === 0) return 0;
  const length = flatLength(scope.directions);
  const changed = new Map<string, MergedClass>();
  const of = async (label: string): Promise<MergedClass> => {
    const known = changed.get(label) ?? (await readClass(tables, scopeId, label, length));
    changed.set(label, known);
    return known;
  };
  for (const { robot, object, wanted, due } of pending) {
    const before = await tables.contributions.mergedBytes(scopeId, robot);
    const after = wanted === 1 ? await tables.contributions.bytes(scopeId, robot, 'sums') : null;
    for (const { label, sums } of before === null ? [] : decodeSums(before).classes) {
      const merged = await of(label);
      merged.sums.subtract(flatten(sums));
      merged.robots -= 1;
    }
    for (const { label, sums } of after === null ? [] : decodeSums(after).classes) {
      const merged = await of(label);
      merged.sums.add(flatten(sums));
      merged.robots += 1;
    }
    await tables.contributions.setMerged(scopeId, robot, after === null ? null : object, due);
    await tables.robots.touch(robot);
  }
  for (const [label, merged] of changed) await writeClass(tables, scopeId, label, merged);
  await tables.scopes.changed(scopeId);
  return pending.length;
}

export interface Recomputation {
  robots: number;
  samples: number;
  /** Labels whose merged sums were not what the recomputation gives. */
  differing: string[];
}

const NOTHING: Recomputation = { robots: 0, samples: 0, differing: [] };

/**
 * Computes the merged sums of a task anew from what the robots sent, and compares bit for bit. What differs is
 * replaced.
 */
export async function recompute(
  tables: HubTables,
  scopeId: number,
  nowMs: number,
): Promise<Recomputation> {
  const steps = new RecomputeSteps(scopeId);
  await steps.begin(tables);
  while (await steps.add(tables, Number.MAX_SAFE_INTEGER));
  return (await steps.end(tables, nowMs)) ?? NOTHING;
}

/**
 * The same in several transactions, between which the hub takes messages: for ten thousand robots it lasts a
 * minute. A robot may send other sums meanwhile: what the merged sums hold of it stays until the next merge.
 */
export class RecomputeSteps {
  readonly #classes = new Map<string, MergedClass>();
  #scope: ScopeRow | null = null;
  #robots: readonly { robot: string }[] = [];
  #added = 0;

  constructor(private readonly scopeId: number) {}

  async begin(tables: HubTables): Promise<void> {
    this.#scope = await tables.scopes.lock(this.scopeId);
    this.#robots = await tables.contributions.merged(this.scopeId);
  }

  /** Adds up to `limit` robots. @returns false: all are added */
  async add(tables: HubTables, limit: number): Promise<boolean> {
    if (this.#scope === null || this.#scope.directions === null) return false;
    const length = flatLength(this.#scope.directions);
    for (const { robot } of this.#robots.slice(this.#added, this.#added + limit)) {
      const bytes = await tables.contributions.mergedBytes(this.scopeId, robot);
      for (const { label, sums } of bytes === null ? [] : decodeSums(bytes).classes) {
        const merged = this.#classes.get(label) ?? { robots: 0, sums: new ExactSums(length) };
        this.#classes.set(label, merged);
        merged.sums.add(flatten(sums));
        merged.robots += 1;
      }
    }
    this.#added = Math.min(this.#robots.length, this.#added + limit);
    return this.#added < this.#robots.length;
  }

  /** Compares. @returns null: the merged sums have changed since the beginning, and nothing is known */
  async end(tables: HubTables, nowMs: number): Promise<Recomputation | null> {
    const { scopeId } = this;
    const before = this.#scope;
    const scope = await tables.scopes.lock(scopeId);
    if (scope === null || scope.directions === null) return NOTHING;
    const isSameState =
      scope.changes === before?.changes && scope.basisChecksum === before.basisChecksum;
    if (!isSameState) return null;
    const length = flatLength(scope.directions);
    const differing: string[] = [];
    const labels = new Set([...this.#classes.keys(), ...(await tables.merged.labels(scopeId))]);
    for (const label of [...labels].sort()) {
      const fresh = this.#classes.get(label) ?? { robots: 0, sums: new ExactSums(length) };
      const stored = await tables.merged.find(scopeId, label);
      if (stored !== null && isSame(stored, rowOf(label, fresh))) continue;
      differing.push(label);
      await writeClass(tables, scopeId, label, fresh);
    }
    await tables.scopes.recomputed(scopeId, nowMs);
    const robots = this.#robots.length;
    if (differing.length > 0) {
      await tables.scopes.changed(scopeId);
      await tables.audit.add({
        atMs: nowMs,
        by: BY_HUB,
        action: 'merge-differed',
        robot: null,
        task: scope.task,
        detail: { labels: differing.slice(0, 20), robots },
      });
    }
    const all = [...this.#classes.values()];
    const samples = all.reduce((sum, { sums }) => sum + (sums.value()[0] ?? 0), 0);
    return { robots, samples, differing };
  }
}

/** The merged sums of all classes, as robots name them. */
export async function readMerged(
  tables: HubTables,
  scopeId: number,
  directions: number,
): Promise<{ label: string; merged: MergedClass }[]> {
  const length = flatLength(directions);
  const classes: { label: string; merged: MergedClass }[] = [];
  for (const label of await tables.merged.labels(scopeId)) {
    classes.push({ label, merged: await readClass(tables, scopeId, label, length) });
  }
  return classes;
}

async function readClass(
  tables: HubTables,
  scope: number,
  label: string,
  length: number,
): Promise<MergedClass> {
  const row = await tables.merged.find(scope, label);
  if (row === null) return { robots: 0, sums: new ExactSums(length) };
  const parts = { coarse: valuesOf(row.high), fine: valuesOf(row.low) };
  return { robots: row.robots, sums: new ExactSums(length, parts) };
}

async function writeClass(
  tables: HubTables,
  scope: number,
  label: string,
  merged: MergedClass,
): Promise<void> {
  if (merged.robots === 0) await tables.merged.remove(scope, label);
  else await tables.merged.put(scope, rowOf(label, merged));
}

function rowOf(label: string, { robots, sums }: MergedClass): MergedRow {
  return { label, robots, high: bytesOf(sums.coarse), low: bytesOf(sums.fine) };
}

function isSame(a: MergedRow, b: MergedRow): boolean {
  return (
    a.robots === b.robots &&
    Buffer.compare(a.high, b.high) === 0 &&
    Buffer.compare(a.low, b.low) === 0
  );
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** In memory of their own, aligned. */
function valuesOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}

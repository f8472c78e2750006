import {
  type ClassSums,
  flatLength,
  flatten,
  plus,
  unflatten,
} from '../../../head/sums/class-sums.js';
import { ExactSums } from '../../../head/sums/exact-sums.js';
import { decodeSums, type TaskSums } from '../../../head/sums/task-sums.js';
import type { LoadedTask } from './round-protocol.js';

const NOTHING: Pick<TaskSums, 'classes' | 'sigma'> = { classes: [], sigma: 0 };

interface Merged {
  robots: number;
  sums: ExactSums;
}

/** The merged sums of a fleet in memory, of which those of a robot can be left out exactly. */
export class FleetSums {
  readonly #task: LoadedTask;
  readonly #classes: Map<string, Merged>;

  constructor(task: LoadedTask) {
    this.#task = task;
    const length = flatLength(task.directions);
    this.#classes = new Map(
      task.classes.map(({ label, robots, coarse, fine }) => [
        label,
        { robots, sums: new ExactSums(length, { coarse, fine }) },
      ]),
    );
  }

  /** Sums by the names of the fleet. @param bytes encoded sums of a robot to leave out; null: none */
  without(bytes: Uint8Array | null): TaskSums {
    const { classes: own, sigma } = bytes === null ? NOTHING : decodeSums(bytes);
    for (const { label, sums } of own) this.#move(label, sums, -1);
    try {
      return this.#named(Math.max(0, this.#task.variance - sigma ** 2));
    } finally {
      for (const { label, sums } of own) this.#move(label, sums, 1);
    }
  }

  #move(label: string, sums: ClassSums, sign: 1 | -1): void {
    const merged = this.#classes.get(label);
    if (!merged) throw new Error(`the merged sums lack the class "${label}"`);
    if (sign === 1) merged.sums.add(flatten(sums));
    else merged.sums.subtract(flatten(sums));
    merged.robots += sign;
  }

  #named(variance: number): TaskSums {
    const { backbone, basisChecksum, directions, aliases, neverShared } = this.#task;
    const nameOf = new Map(aliases.map(({ label, instead }) => [label, instead]));
    const byName = new Map<string, ClassSums>();
    for (const [label, { robots, sums }] of [...this.#classes].sort(byLabel)) {
      const name = nameOf.get(label) ?? label;
      if (robots === 0 || neverShared.includes(label) || neverShared.includes(name)) continue;
      const own = unflatten(sums.value(), directions);
      if (!(own.samples > 0)) continue;
      const before = byName.get(name);
      byName.set(name, before ? plus(before, own) : own);
    }
    const classes = [...byName].sort(byLabel).map(([label, sums]) => ({ label, sums }));
    const sigma = Math.sqrt(variance);
    return { backboneChecksum: backbone, basisChecksum, directions, sigma, classes };
  }
}

function byLabel([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

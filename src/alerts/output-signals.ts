import type { Config } from '../config/schema.js';

export type Signal = Config['gpio']['outputs'][number]['signal'];

interface Level {
  lit: boolean;
  /** Time from the start of the signal to its next change, milliseconds; null: no more change. */
  nextMs: number | null;
}

/**
 * The level of a signal at a time since its start.
 * @param sinceMs 0 or more
 */
export function levelAt(signal: Signal, sinceMs: number): Level {
  switch (signal.kind) {
    case 'steady':
      return { lit: true, nextMs: null };
    case 'pulse':
      return partAt([signal.pulseMs], false, sinceMs);
    case 'blink':
      return partAt([signal.onMs, signal.offMs], true, sinceMs);
    case 'pattern':
      return partAt(signal.partsMs, signal.repeat, sinceMs);
  }
}

/** @param partsMs on, off, on, …; a last part "on" of a repeated pattern runs into its first */
function partAt(partsMs: readonly number[], repeat: boolean, sinceMs: number): Level {
  const wholeMs = partsMs.reduce((sum, partMs) => sum + partMs, 0);
  const roundMs = repeat ? Math.floor(sinceMs / wholeMs) * wholeMs : 0;
  let endMs = roundMs;
  for (const [index, partMs] of partsMs.entries()) {
    endMs += partMs;
    if (sinceMs < endMs) return { lit: index % 2 === 0, nextMs: endMs };
  }
  return { lit: false, nextMs: null };
}

/** What the outputs show while alerts want them on. Times are monotonic, milliseconds. */
export class OutputSignals {
  readonly #signals: ReadonlyMap<string, Signal>;
  /** Start of the signal of each output that is wanted on. */
  readonly #startMs = new Map<string, number>();
  #nextMs: number | null = null;

  constructor(outputs: Config['gpio']['outputs']) {
    this.#signals = new Map(outputs.map(({ name, signal }) => [name, signal]));
  }

  /**
   * The outputs to switch on at `nowMs`, which must not run backwards.
   * @param wanted outputs that an alert wants on
   */
  lit(wanted: ReadonlySet<string>, nowMs: number): Set<string> {
    for (const name of this.#startMs.keys()) if (!wanted.has(name)) this.#startMs.delete(name);
    const lit = new Set<string>();
    this.#nextMs = null;
    for (const name of wanted) {
      const startMs = this.#startMs.get(name) ?? nowMs;
      this.#startMs.set(name, startMs);
      const level = levelAt(this.#signals.get(name) ?? { kind: 'steady' }, nowMs - startMs);
      if (level.lit) lit.add(name);
      if (level.nextMs !== null) this.#nextMs = earlier(this.#nextMs, startMs + level.nextMs);
    }
    return lit;
  }

  /** When one of the signals changes next; null: none does. */
  get nextMs(): number | null {
    return this.#nextMs;
  }
}

/** The earlier of two times; null means never. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

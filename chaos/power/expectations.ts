import type { DiskEvent } from './disk-trace.js';
import { differenceOf, type Facts, type PartName } from './facts.js';

/** What a program had begun and acknowledged at each event of its trace, for one part of the state. */
export class Expectations {
  readonly #facts: Facts[] = [];
  /** Numbers of the events at which the actions began, and were done. */
  readonly #begun: number[] = [];
  readonly #done: number[] = [];

  constructor(events: readonly DiskEvent[], part: PartName) {
    for (const [number, event] of events.entries()) {
      if (event.kind !== 'mark') continue;
      const [, verb, index, json] = /^(\w+) (?:\w+) (\d+) ?(.*)$/.exec(event.text) ?? [];
      if (!event.text.startsWith(`${verb} ${part} `)) continue;
      if (verb === 'begin') this.#begun.push(number);
      else if (verb === 'done') this.#done.push(number);
      else this.#facts[Number(index)] = JSON.parse(json ?? '') as Facts;
    }
    if (this.#facts.length === 0) throw new Error(`nothing was done with ${part}`);
  }

  get actions(): number {
    return this.#facts.length;
  }

  /** Whether an action of this part was acknowledged with this event. */
  isDone(number: number): boolean {
    return this.#done.includes(number);
  }

  /** The first difference to what a state must hold after a cut before event `end`; null: none. */
  check(found: Facts, end: number): string | null {
    const done = countBelow(this.#done, end);
    const begun = countBelow(this.#begun, end);
    // The first action opens the state: before it, a start makes an empty one.
    const before = this.#facts[Math.max(0, done - 1)]!;
    return differenceOf(found, before, begun > done ? this.#facts[begun - 1]! : null);
  }
}

function countBelow(numbers: readonly number[], end: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < end) low = middle + 1;
    else high = middle;
  }
  return low;
}

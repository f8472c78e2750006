// Forked by `chaos power`: enumerates the states of one trace and checks its share of them.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../src/base/errors.js';
import { createRandom, type Random } from '../../src/base/random.js';
import { anyCut, plainCuts } from './cuts.js';
import { Disk, type Fates } from './disk.js';
import { type DiskTrace, readDiskTrace } from './disk-trace.js';
import { Expectations } from './expectations.js';
import { type Facts, isPartName, PARTS, type PartName } from './facts.js';
import type { Share, ShareOutcome } from './share.js';

const MOST_VIOLATIONS = 20;
/** So many states are opened between two collections of what they have left. */
const OPENED_BETWEEN = 100;
/** Beyond so many changes that are not secured only one moment in so many is looked at. */
const LONG = 24;
/** A larger state takes longer to check: fewer of its kind are. */
const LARGE_BYTES = 1_000_000;
const LARGE_WEIGHT = 0.05;

type Recovered = { facts: Facts } | { error: string };

interface Moment {
  /** The cut comes before the event of this number. */
  end: number;
  /** What is not secured. */
  pending: number[];
  /** An action was acknowledged just now. */
  isDone: boolean;
  /** Share of the usual states that are looked at. */
  weight: number;
}

class Checker {
  readonly outcome: ShareOutcome;
  readonly #disk: Disk;
  readonly #expectations: Expectations;
  readonly #random: Random;
  readonly #known = new Map<string, Recovered>();

  constructor(
    private readonly trace: DiskTrace,
    private readonly part: PartName,
    private readonly share: Share,
    without: string | null,
  ) {
    this.#disk = new Disk(trace, PARTS[part].selects);
    this.#expectations = new Expectations(trace.events, part);
    this.#random = createRandom(share.seed);
    this.outcome = {
      part,
      without,
      complete: true,
      states: 0,
      distinct: 0,
      violations: [],
      maxOpenMs: 0,
      actions: this.#expectations.actions,
      moments: 0,
    };
  }

  /** Checks about `wanted` states, of which this process checks its share. */
  async run(wanted: number): Promise<void> {
    const { chance, more } = this.#thinned(wanted);
    for (const { end, pending, weight } of this.#moments(this.#disk)) {
      this.outcome.moments += 1;
      if (performance.now() > this.share.seconds * 1_000) {
        this.outcome.complete = false;
        return;
      }
      for (const cut of plainCuts(this.#disk, pending)) {
        if (this.#random.next() >= chance * weight) continue;
        await this.#check(end, cut());
        if (this.#hasEnough()) return;
      }
      if (pending.length < 2) continue;
      const wish = more * weight;
      const random = Math.floor(wish) + (this.#random.next() < wish % 1 ? 1 : 0);
      for (let count = 0; count < random; count++) {
        await this.#check(end, anyCut(this.#disk, pending, this.#random));
        if (this.#hasEnough()) return;
      }
    }
  }

  /**
   * @returns `chance`: of each plain state to be checked; `more`: other states at each moment, on average
   */
  #thinned(wanted: number): { chance: number; more: number } {
    let plain = 0;
    let open = 0;
    const ahead = new Disk(this.trace, PARTS[this.part].selects);
    for (const { pending, weight } of this.#moments(ahead)) {
      for (const _ of plainCuts(ahead, pending)) plain += weight;
      if (pending.length >= 2) open += weight;
    }
    return { chance: Math.min(1, wanted / plain), more: Math.max(0, (wanted - plain) / open) };
  }

  /**
   * Looks first at the moments after an acknowledgement, which miss most flushes; then at as many others
   * as wanted.
   */
  async runUntilViolation(wanted: number): Promise<void> {
    const disk = new Disk(this.trace, PARTS[this.part].selects);
    for (const { end, pending, isDone } of this.#moments(disk)) {
      if (!isDone || pending.length === 0) continue;
      for (const cut of plainCuts(disk, pending)) {
        await this.#check(end, cut(), disk);
        if (this.#hasEnough()) return;
      }
    }
    await this.run(wanted);
  }

  #hasEnough(): boolean {
    const { length } = this.outcome.violations;
    return length >= (this.share.stopsAtFirst ? 1 : MOST_VIOLATIONS);
  }

  /** After each event that matters: the cut comes before event number `end`. */
  *#moments(disk: Disk): Generator<Moment> {
    for (const [number, event] of this.trace.events.entries()) {
      const isMark = event.kind === 'mark';
      if (isMark ? !this.#expectations.isDone(number) : !disk.concerns(event)) continue;
      disk.advance(number + 1);
      const pending = disk.pending();
      // A long transaction has many writes that are alike.
      if (pending.length > LONG && event.kind === 'change' && number % LONG !== 0) continue;
      const weight = disk.bytes > LARGE_BYTES ? LARGE_WEIGHT : 1;
      yield { end: number + 1, pending, isDone: isMark, weight };
    }
  }

  async #check(end: number, fates: Fates, disk = this.#disk): Promise<void> {
    const name = disk.nameOf(fates);
    if (hashOf(name) % this.share.workers !== this.share.worker) return;
    this.outcome.states += 1;
    let recovered = this.#known.get(name);
    if (recovered === undefined) {
      recovered = await this.#recover(fates, disk);
      if (this.#known.size % OPENED_BETWEEN === 0) await closeForgotten();
      this.#known.set(name, recovered);
      this.outcome.distinct += 1;
    }
    const problem =
      'error' in recovered
        ? `cannot be opened: ${recovered.error}`
        : this.#expectations.check(recovered.facts, end);
    if (problem === null) return;
    this.outcome.violations.push(
      `${this.part}, cut before event ${end}, ${describe(fates)}: ${problem}`,
    );
  }

  async #recover(fates: Fates, disk: Disk): Promise<Recovered> {
    const root = join(this.share.scratch, `state-${this.share.worker}`);
    mkdirSync(root, { recursive: true });
    try {
      disk.write(fates, root);
      const startedAtMs = performance.now();
      const facts = await PARTS[this.part].recover(root);
      const tookMs = performance.now() - startedAtMs;
      this.outcome.maxOpenMs = Math.max(this.outcome.maxOpenMs, tookMs);
      return tookMs > this.share.mostOpenMs
        ? { error: `only after ${Math.round(tookMs)} ms` }
        : { facts };
    } catch (error) {
      return { error: messageOf(error) };
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
}

/** libsql keeps a file open after close() until its statements are collected. */
async function closeForgotten(): Promise<void> {
  globalThis.gc?.();
  await setImmediate();
}

function describe(fates: Fates): string {
  if (fates.size === 0) return 'every change there';
  const words = [...fates].map(([number, fate]) => {
    return `${number} ${typeof fate === 'string' ? fate : `only bytes ${fate.from}-${fate.to}`}`;
  });
  return words.length > 6 ? `${words.slice(0, 6).join(', ')} …` : words.join(', ');
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The trace of a program whose code does not flush at a site. */
function withoutFlush(trace: DiskTrace, site: string | null): DiskTrace {
  if (site === null) return trace;
  const events = trace.events.filter((event) => event.kind !== 'sync' || event.site !== site);
  return { ...trace, events };
}

const share = JSON.parse(process.argv[2] ?? '') as Share;
const whole = await readDiskTrace(share.traceFile, share.root, share.markFile);
const outcomes: ShareOutcome[] = [];
for (const without of share.without) {
  const trace = withoutFlush(whole, without);
  for (const [part, wanted] of Object.entries(share.states)) {
    if (!isPartName(part)) throw new Error(`no part is named ${part}`);
    const checker = new Checker(trace, part, share, without);
    if (share.stopsAtFirst) {
      if (!concerns(whole, part, without)) continue;
      await checker.runUntilViolation(wanted);
    } else await checker.run(wanted);
    outcomes.push(checker.outcome);
    if (share.stopsAtFirst && checker.outcome.violations.length > 0) break;
  }
}
process.send?.(outcomes);

function concerns(trace: DiskTrace, part: PartName, site: string | null): boolean {
  const disk = new Disk(trace, PARTS[part].selects);
  return trace.events.some(
    (event) => event.kind === 'sync' && event.site === site && disk.concerns(event),
  );
}

import type { Random } from '../../src/base/random.js';
import type { Disk, Fate, Fates } from './disk.js';

const SECTOR_BYTES = 512;
/** Of one kind at one moment; a long transaction has hundreds of writes. */
const MOST_OF_A_KIND = 24;
/** Below that every combination is tried. */
const FEW = 5;

/**
 * States that a cut of the power may leave now: everything is there, or nothing that is not secured; each
 * change alone is lost, or alone is there; all up to each; names without content and content without
 * names; the newest write torn at sectors and at bytes; space without content.
 */
export function* plainCuts(disk: Disk, pending: readonly number[]): Generator<() => Fates> {
  yield () => new Map();
  if (pending.length === 0) return;
  const isName = (number: number): boolean => disk.changeOf(number).kind === 'names';
  yield () => all(pending, 'lost');
  yield () => all(pending.filter(isName), 'lost');
  yield () => all(without(pending, isName), 'lost');
  yield () => all(disk.grown(pending), 'zeros');
  yield () => all(disk.grown(pending), 'garbage');
  if (pending.length <= FEW) {
    for (let mask = 1; mask < 2 ** pending.length - 1; mask++) {
      yield () =>
        all(
          pending.filter((_, index) => (mask & (1 << index)) !== 0),
          'lost',
        );
    }
  } else {
    for (const at of spread(pending.length)) {
      const one = pending[at]!;
      yield () => new Map([[one, 'lost']]);
      yield () =>
        all(
          without(pending, (number) => number === one),
          'lost',
        );
      yield () => all(pending.slice(at + 1), 'lost');
    }
  }
  yield* tornCuts(disk, pending);
}

function* tornCuts(disk: Disk, pending: readonly number[]): Generator<() => Fates> {
  const newest = pending.at(-1)!;
  const change = disk.changeOf(newest);
  if (change.kind !== 'write') return;
  const { offset } = change;
  const { length } = change.bytes;
  const ends = new Set([1, Math.floor(length / 2), length - 1]);
  const first = SECTOR_BYTES - (offset % SECTOR_BYTES);
  for (let at = first; at < length && ends.size < 2 * MOST_OF_A_KIND; at += SECTOR_BYTES) {
    ends.add(at);
    ends.add(at + 1);
  }
  for (const end of ends) {
    if (end <= 0 || end >= length) continue;
    yield () => new Map([[newest, { from: 0, to: end }]]);
    yield () => new Map([[newest, { from: end, to: length }]]);
  }
  if (disk.grown([newest]).length === 0) return;
  yield () => new Map([[newest, 'zeros']]);
  yield () => new Map([[newest, 'garbage']]);
}

/** Any legal state. */
export function anyCut(disk: Disk, pending: readonly number[], random: Random): Fates {
  const share = random.uniform(0, 1);
  const fates = new Map<number, Fate>();
  for (const number of pending) {
    if (random.uniform(0, 1) < share) continue;
    fates.set(number, anyFate(disk, number, random));
  }
  return fates;
}

function anyFate(disk: Disk, number: number, random: Random): Fate {
  const change = disk.changeOf(number);
  const dice = random.uniform(0, 1);
  if (change.kind !== 'write' || change.bytes.length < 2 || dice < 0.5) return 'lost';
  if (dice < 0.6 && disk.grown([number]).length > 0) return dice < 0.55 ? 'zeros' : 'garbage';
  const { length } = change.bytes;
  const byte = random.int(length);
  // Most disks tear a write at a sector, some at a byte.
  const inSector = (change.offset + byte) % SECTOR_BYTES;
  const at = dice < 0.9 ? Math.max(0, byte - inSector) : byte;
  return random.uniform(0, 1) < 0.7 ? { from: 0, to: at } : { from: at, to: length };
}

function without(numbers: readonly number[], is: (number: number) => boolean): number[] {
  return numbers.filter((number) => !is(number));
}

function all(numbers: readonly number[], fate: Fate): Fates {
  return new Map(numbers.map((number) => [number, fate]));
}

/** At most {@link MOST_OF_A_KIND} indices, the first and the last among them. */
function spread(length: number): number[] {
  if (length <= MOST_OF_A_KIND) return Array.from({ length }, (_, index) => index);
  const step = (length - 1) / (MOST_OF_A_KIND - 1);
  return Array.from({ length: MOST_OF_A_KIND }, (_, index) => Math.round(index * step));
}

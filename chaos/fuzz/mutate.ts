import { createRandom, type Random, seedFrom } from '../../src/base/random.js';

const MAX_BYTES = 16_384;
const BYTES = [0x00, 0x01, 0x20, 0x7f, 0x80, 0xff, 0x0a, 0x22];
const NUMBERS = [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const TEXTS = ['1e999', '-0', 'NaN', '-1', '0', '99999999999999999999', '4294967296', '1e-999'];
const BRACKETS = [
  ['[', ']'],
  ['{"a":', '}'],
  ['(', ')'],
  ['<a>', '</a>'],
  ['- ', ''],
] as const;

type Mutation = (
  input: Uint8Array,
  random: Random,
  other: Uint8Array,
  words: readonly string[],
) => Uint8Array;

const join = (...parts: (Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

function stretch(input: Uint8Array, random: Random): [number, number] {
  const from = random.int(input.length + 1);
  const longest = 2 ** random.int(12);
  return [from, Math.min(input.length, from + 1 + random.int(longest))];
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.int(items.length)]!;
}

function changed(input: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(input);
  if (at < copy.length) copy[at] = value;
  return copy;
}

function withNumber(input: Uint8Array, random: Random): Uint8Array {
  const copy = Buffer.from(input);
  const size = pick([2, 4], random);
  if (copy.length < size) return copy;
  const at = random.int(copy.length - size + 1);
  const value = pick([...NUMBERS, copy.length, random.int(2 ** 32)], random);
  const kept = size === 2 ? value & 0xffff : value >>> 0;
  if (random.int(2) === 0) copy.writeUIntLE(kept, at, size);
  else copy.writeUIntBE(kept, at, size);
  return copy;
}

/** A number in a text by another. */
function withText(input: Uint8Array, random: Random): Uint8Array {
  const string = Buffer.from(input).toString('latin1');
  const found = [...string.slice(0, 4_096).matchAll(/-?\d+(?:\.\d+)?/g)];
  if (found.length === 0) return input;
  const { 0: number, index } = pick(found, random);
  const value = pick(TEXTS, random);
  return join(input.subarray(0, index), value, input.subarray(index + number.length));
}

function nested(input: Uint8Array, random: Random): Uint8Array {
  const [open, close] = pick(BRACKETS, random);
  const depth = 2 ** random.int(14);
  const [from, to] = stretch(input, random);
  const inside = input.subarray(from, to);
  return join(
    input.subarray(0, from),
    open.repeat(depth),
    inside,
    random.int(2) === 0 ? close.repeat(depth) : '',
    input.subarray(to),
  );
}

function repeated(input: Uint8Array, random: Random): Uint8Array {
  const [from, to] = stretch(input, random);
  const part = input.subarray(from, to);
  const times = 1 + random.int(Math.min(4_096, Math.ceil(MAX_BYTES / Math.max(1, part.length))));
  return join(
    input.subarray(0, to),
    ...Array.from({ length: times }, () => part),
    input.subarray(to),
  );
}

const MUTATIONS: readonly Mutation[] = [
  (input, random) => changed(input, random.int(input.length + 1), random.int(256)),
  (input, random) => changed(input, random.int(input.length + 1), pick(BYTES, random)),
  (input, random) => {
    const at = random.int(input.length + 1);
    return changed(input, at, (input[at] ?? 0) ^ (1 << random.int(8)));
  },
  withNumber,
  withText,
  (input, random) => input.subarray(0, random.int(input.length + 1)),
  (input, random) => {
    const [from, to] = stretch(input, random);
    return join(input.subarray(0, from), input.subarray(to));
  },
  (input, random) => {
    const at = random.int(input.length + 1);
    const added = Uint8Array.from({ length: 1 + random.int(16) }, () => random.int(256));
    return join(input.subarray(0, at), added, input.subarray(at));
  },
  (input, random, other) => {
    const [from, to] = stretch(other, random);
    const at = random.int(input.length + 1);
    const skipped = random.int(2) === 0 ? at : Math.min(input.length, at + to - from);
    return join(input.subarray(0, at), other.subarray(from, to), input.subarray(skipped));
  },
  (input, random, _, words) => {
    if (words.length === 0) return input;
    const at = random.int(input.length + 1);
    return join(input.subarray(0, at), pick(words, random), input.subarray(at));
  },
  (input, random) => (random.int(8) === 0 ? repeated(input, random) : input),
  (input, random) => (random.int(8) === 0 ? nested(input, random) : input),
];

/**
 * A case of a campaign: one of the inputs with one to four changes, at most 16 KiB. The same number
 * gives the same bytes again.
 */
export function fuzzCase(
  inputs: readonly Uint8Array[],
  words: readonly string[],
  [seed, target, index]: readonly [seed: number, target: string, index: number],
): Uint8Array {
  const random = createRandom(seedFrom(seed, target, index));
  let made = pick(inputs, random);
  for (let changes = 1 + random.int(4); changes > 0; changes--) {
    made = pick(MUTATIONS, random)(made, random, pick(inputs, random), words);
  }
  return made.subarray(0, MAX_BYTES);
}

import { isLabel } from '../../base/words/label.js';
import { IDENTITY } from './basis.js';
import { type ClassSums, flatLength, sumsOfRows } from './class-sums.js';
import { factorOf, gramOfFactor } from './gram-factor.js';
import { invalidObject, openSealed, sealed, tooLarge } from './sealed.js';

const MAGIC = 'HLFSUM01';
const MAX_BYTES = 1_073_741_824;
const MAX_CLASSES = 4_096;
const MAX_DIRECTIONS = 4_096;
/** Samples of a robot in one class. Fewer drown in the rounding of exact sums. */
const MIN_ROBOT_SAMPLES = 0.001;
const MAX_ROBOT_SAMPLES = 10_000_000;
/** Far above what privacy asks for; larger values would fill exact sums. */
export const MAX_ROBOT_SIGMA = 1_000_000;
/** Most samples of a fleet in one class: what exact sums can hold. */
const MAX_SAMPLES = 2 ** 33;
/** Rounding of a factor of a Gram matrix, relative to its largest value. */
const FACTOR_ROUNDING = 1e-14;
/** Rounding of sums, relative. */
const ROUNDING = 1e-6;
/** Noise reaches this many standard deviations in no value of a million, about. */
const NOISE_DEVIATIONS = 8;

/** The sums of a robot, or of several, for one task. */
export interface TaskSums {
  backboneChecksum: string;
  /** Object id of the basis, or "identity". */
  basisChecksum: string;
  /** k */
  directions: number;
  /** Standard deviation of the noise in every value; 0: none. */
  sigma: number;
  /** Sorted by label. */
  classes: { label: string; sums: ClassSums }[];
}

/**
 * Sums by class.
 * @param z rows x k, row-major
 * @param labels of each row; null: the row is left out
 * @param shares weight of each row, (0, 1]
 */
export function sumsByClass(
  z: Float64Array,
  k: number,
  labels: readonly (string | null)[],
  shares: Float64Array,
): { label: string; sums: ClassSums }[] {
  const rows = new Map<string, number[]>();
  for (const [row, label] of labels.entries()) {
    if (label === null) continue;
    const members = rows.get(label);
    if (members) members.push(row);
    else rows.set(label, [row]);
  }
  return [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, members]) => ({ label, sums: sumsOfRows(z, k, members, shares) }));
}

export function encodeSums(task: TaskSums): Uint8Array {
  const { backboneChecksum, basisChecksum, directions, sigma, classes } = task;
  const labels = classes.map(({ label }) => label);
  const factors = classes.map(({ sums }) =>
    sigma > 0 ? null : exactFactor(sums.gram, directions),
  );
  const ranks = factors.map((factor) => factor && factor.length / directions);
  return sealed(
    MAGIC,
    { backboneChecksum, basisChecksum, directions, sigma, labels, ranks },
    classes.map(({ sums: { samples, sum, gram } }, i) => joined(samples, sum, factors[i] ?? gram)),
  );
}

function joined(samples: number, sum: Float64Array, rest: Float64Array): Float64Array {
  const all = new Float64Array(1 + sum.length + rest.length);
  all[0] = samples;
  all.set(sum, 1);
  all.set(rest, 1 + sum.length);
  return all;
}

/** A shorter form of a Gram matrix, where one gives the same matrix up to rounding; else null. */
function exactFactor(gram: Float64Array, k: number): Float64Array | null {
  const factor = factorOf(gram, k);
  if (factor === null) return null;
  const again = gramOfFactor(factor, k);
  const largest = gram.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return gram.every((value, i) => Math.abs(value - again[i]!) <= FACTOR_ROUNDING * largest)
    ? factor
    : null;
}

/**
 * Length of the values of sums before compression, in bytes.
 * @param directions k
 */
export function sumsBytes(directions: number, classes: number): number {
  return 8 * flatLength(directions) * classes;
}

/**
 * Reads what {@link encodeSums} wrote, and refuses what cannot be sums of features of length 1.
 * @param maxBytes most bytes of the values: a small object can hold a thousand times its length, deflated
 * @throws HL_FLEET_OBJECT_INVALID, HL_FLEET_OBJECT_TOO_LARGE
 */
export function decodeSums(bytes: Uint8Array, maxBytes = MAX_BYTES): TaskSums {
  let shape: Shape | undefined;
  const mostBytes = Math.min(MAX_BYTES, maxBytes);
  const { header, payload } = openSealed(MAGIC, bytes, mostBytes, (raw) => {
    shape = shapeOf(raw, mostBytes);
    return lengthsOf(shape).map((length) => ({ length, size: 8 as const }));
  });
  const { directions, labels, ranks } = shape!;
  const { backboneChecksum, basisChecksum, sigma } = header;
  if (
    typeof backboneChecksum !== 'string' ||
    backboneChecksum === '' ||
    typeof basisChecksum !== 'string' ||
    !(basisChecksum === IDENTITY || /^[0-9a-f]{64}$/.test(basisChecksum)) ||
    typeof sigma !== 'number' ||
    !(sigma >= 0 && sigma < Number.MAX_VALUE)
  ) {
    throw invalidObject('its header lacks a field or has one of the wrong type');
  }
  const values = new Float64Array(payload.buffer, payload.byteOffset, payload.length / 8);
  let from = 0;
  const classes = lengthsOf(shape!).map((length, i) => {
    const own = values.subarray(from, from + length);
    from += length;
    const rest = own.slice(1 + directions);
    const gram = ranks[i] === null ? rest : gramOfFactor(rest, directions);
    const sums = { samples: own[0]!, sum: own.slice(1, 1 + directions), gram };
    return { label: labels[i]!, sums };
  });
  const task = { backboneChecksum, basisChecksum, directions, sigma, classes };
  const fault = sumsFault(task);
  if (fault !== null) throw invalidObject(fault);
  return task;
}

interface Shape {
  directions: number;
  labels: string[];
  /** Rows of the factor of each Gram matrix; null: the matrix itself. */
  ranks: (number | null)[];
}

function shapeOf({ directions, labels, ranks }: Record<string, unknown>, maxBytes: number): Shape {
  if (!isWhole(directions, 1, MAX_DIRECTIONS)) throw invalidObject('its number of directions');
  if (!Array.isArray(labels) || labels.length > MAX_CLASSES) throw invalidObject('its labels');
  // A few bytes of factors become whole matrices.
  const bytes = sumsBytes(directions, labels.length);
  if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
  let previous = '';
  const names = labels.map((label: unknown) => {
    if (typeof label !== 'string' || !isLabel(label)) throw invalidObject('one of its labels');
    if (!(previous < label)) throw invalidObject('unsorted labels');
    previous = label;
    return label;
  });
  if (!Array.isArray(ranks) || ranks.length !== names.length) throw invalidObject('its ranks');
  const rows = ranks.map((rank: unknown) => {
    if (rank !== null && !isWhole(rank, 0, directions)) throw invalidObject('one of its ranks');
    return rank;
  });
  return { directions, labels: names, ranks: rows };
}

/** Number of values of each class. */
function lengthsOf({ directions, ranks }: Shape): number[] {
  return ranks.map((rank) =>
    rank === null ? flatLength(directions) : 1 + directions + rank * directions,
  );
}

/** Why sums cannot be those of one robot, in words; null: they can. A fleet has more samples and noise. */
export function robotFault({ classes, sigma }: TaskSums): string | null {
  if (sigma > MAX_ROBOT_SIGMA) return `noise of ${sigma}`;
  const odd = classes.find(
    ({ sums: { samples } }) => samples < MIN_ROBOT_SAMPLES || samples > MAX_ROBOT_SAMPLES,
  );
  return odd === undefined ? null : `class "${odd.label}": ${odd.sums.samples} samples of a robot`;
}

/** Why the values cannot be sums of features of length 1, in words; null: they can. */
export function sumsFault({ classes, directions, sigma }: TaskSums): string | null {
  for (const { label, sums } of classes) {
    const fault = classFault(sums, directions, sigma);
    if (fault !== null) return `class "${label}": ${fault}`;
  }
  return null;
}

function classFault({ samples, sum, gram }: ClassSums, k: number, sigma: number): string | null {
  if (!(samples > 0 && samples <= MAX_SAMPLES)) return `${samples} samples`;
  const noise = NOISE_DEVIATIONS * sigma;
  const most = samples * (1 + ROUNDING) + noise;
  for (const value of sum) if (!(Math.abs(value) <= most)) return `a sum of ${value}`;
  for (const value of gram) if (!(Math.abs(value) <= most)) return `a product of ${value}`;
  const diagonal = new Float64Array(k);
  let trace = 0;
  for (let i = 0; i < k; i++) {
    diagonal[i] = gram[(i * (i + 3)) / 2]!;
    trace += diagonal[i]!;
  }
  const traceNoise = noise * Math.sqrt(k);
  if (!(trace >= -traceNoise && trace <= samples * (1 + ROUNDING) + traceNoise)) {
    return `a trace of ${trace} with ${samples} samples`;
  }
  return schwarzFault({ samples, sum, gram }, diagonal, noise);
}

/** The inequality of Cauchy and Schwarz, which all sums of products obey. */
function schwarzFault(
  { samples, sum, gram }: ClassSums,
  diagonal: Float64Array,
  noise: number,
): string | null {
  const more = slack(samples, noise);
  for (let i = 0, at = 0; i < diagonal.length; i++) {
    if (diagonal[i]! < -noise - ROUNDING * samples) return `a square of ${diagonal[i]}`;
    const own = Math.max(0, diagonal[i]!) + noise;
    if (sum[i]! ** 2 > (samples + noise) * own * (1 + ROUNDING) + more) {
      return `a sum of ${sum[i]} with squares of ${diagonal[i]}`;
    }
    for (let j = 0; j <= i; j++, at++) {
      const other = Math.max(0, diagonal[j]!) + noise;
      if (gram[at]! ** 2 > own * other * (1 + ROUNDING) + more) {
        return `a product of ${gram[at]} with squares of ${diagonal[i]} and ${diagonal[j]}`;
      }
    }
  }
  return null;
}

/** What rounding and noise add to a squared value of up to `samples`. */
function slack(samples: number, noise: number): number {
  return (ROUNDING * samples) ** 2 + noise * (2 * samples + noise);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

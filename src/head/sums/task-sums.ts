import { isLabel } from '../../base/words/label.js';
import { IDENTITY } from './basis.js';
import { type ClassSums, flatLength, flatten, sumsOfRows, unflatten } from './class-sums.js';
import { invalidObject, openSealed, sealed } from './sealed.js';

const MAGIC = 'HLFSUM01';
const MAX_BYTES = 1_073_741_824;
const MAX_CLASSES = 4_096;
const MAX_DIRECTIONS = 4_096;
/** Most samples of a robot in one class. */
const MAX_SAMPLES = 10_000_000;
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
  return sealed(
    MAGIC,
    { backboneChecksum, basisChecksum, directions, sigma, labels },
    classes.map(({ sums }) => flatten(sums)),
  );
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
 * @throws HL_FLEET_OBJECT_INVALID
 */
export function decodeSums(bytes: Uint8Array, maxBytes = MAX_BYTES): TaskSums {
  let length = 0;
  const mostBytes = Math.min(MAX_BYTES, maxBytes);
  const { header, payload } = openSealed(MAGIC, bytes, mostBytes, ({ directions, labels }) => {
    if (!isWhole(directions, 1, MAX_DIRECTIONS)) throw invalidObject('its number of directions');
    if (!Array.isArray(labels) || labels.length > MAX_CLASSES) throw invalidObject('its labels');
    length = flatLength(directions);
    return labels.map(() => ({ length, size: 8 as const }));
  });
  const { backboneChecksum, basisChecksum, directions, sigma, labels } = header;
  if (
    typeof backboneChecksum !== 'string' ||
    backboneChecksum === '' ||
    typeof basisChecksum !== 'string' ||
    !(basisChecksum === IDENTITY || /^[0-9a-f]{64}$/.test(basisChecksum)) ||
    !isWhole(directions, 1, MAX_DIRECTIONS) ||
    typeof sigma !== 'number' ||
    !(sigma >= 0 && sigma < Number.MAX_VALUE) ||
    !Array.isArray(labels)
  ) {
    throw invalidObject('its header lacks a field or has one of the wrong type');
  }
  const values = new Float64Array(payload.buffer, payload.byteOffset, payload.length / 8);
  let previous = '';
  const classes = labels.map((label: unknown, i) => {
    if (typeof label !== 'string' || !isLabel(label)) throw invalidObject('one of its labels');
    if (!(previous < label)) throw invalidObject('unsorted labels');
    previous = label;
    return { label, sums: unflatten(values.subarray(i * length, (i + 1) * length), directions) };
  });
  const task = { backboneChecksum, basisChecksum, directions, sigma, classes };
  const fault = sumsFault(task);
  if (fault !== null) throw invalidObject(fault);
  return task;
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

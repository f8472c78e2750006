import type { HeadlandError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import {
  type FeatureTransform,
  type Head,
  type LearnerName,
  MAX_LEFT_OUT_CONFIDENCES,
} from './head.js';
import { invalidHead } from './invalid-head.js';
import {
  type NoveltySizes,
  type NoveltyTensor,
  noveltyByteLength,
  noveltyFault,
  noveltySizeFault,
  noveltySizes,
  noveltyTensors,
  readNovelty,
  writeNovelty,
} from './unknown/novelty-codec.js';
import type { NoveltyModel } from './unknown/novelty-model.js';

/**
 * A head as bytes, all integers little-endian:
 *   8   'HLHEAD' and two bytes of format version
 *   4   length of the header
 *   …   header: JSON, UTF-8, exactly as {@link encodeHead} writes it
 *   …   weights (C x d), then bias (C), Float32
 *   …   from version 2 on: the tensors of the novelty model, if the header names one
 *   …   from version 4 on: the left-out confidences, Float32
 *   32  SHA-256 of everything before it
 *
 * Version 1 has neither a novelty model nor a prediction set. Version 2 has one covariance for all
 * classes, version 3 one per class. Version 4 has class Gaussians in the logits and left-out
 * confidences. Each head is written in the oldest version that can hold it, so that an older
 * headland can roll back to it.
 */
const MAGIC = Uint8Array.of(0x48, 0x4c, 0x48, 0x45, 0x41, 0x44, 0);
const HASH_BYTES = 32;
const VERSIONS: readonly number[] = [1, 2, 3, 4];
const PREFIX_BYTES = MAGIC.length + 1 + 4;
const MAX_HEADER_BYTES = 65_536;
const MAX_CLASSES = 4_096;
const MAX_FEATURES = 65_536;
const MAX_WEIGHTS = 2 ** 26;
const LEARNERS: readonly LearnerName[] = ['ridge', 'softmax', 'blend', 'tf-layers'];
const TRANSFORMS: readonly FeatureTransform[] = ['none', 'l2', 'sqrt', 'sqrt-l2'];

/** Writes a head as bytes. @throws HL_HEAD_INVALID when the head cannot serve. */
export function encodeHead(head: Head): Uint8Array {
  checkHead(head);
  const header = headerOf(head);
  const values = head.weights.length + head.bias.length;
  const tensors = tensorsOf(head);
  const confidences = head.leftOutConfidences ?? new Float32Array(0);
  const payload = 4 * values + noveltyByteLength(tensors) + 4 * confidences.length;
  const bytes = new Uint8Array(PREFIX_BYTES + header.length + payload + HASH_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = versionOf(head);
  view.setUint32(MAGIC.length + 1, header.length, true);
  bytes.set(header, PREFIX_BYTES);
  let at = PREFIX_BYTES + header.length;
  for (const tensor of [head.weights, head.bias]) {
    for (const value of tensor) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  if (head.novelty) writeNovelty(head.novelty, tensors, view, at);
  at += noveltyByteLength(tensors);
  for (const value of confidences) {
    view.setFloat32(at, value, true);
    at += 4;
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

/**
 * Reads what {@link encodeHead} wrote. Sizes are checked against the length before anything is
 * allocated, and no damaged byte passes.
 * @throws HL_HEAD_INVALID
 */
export function decodeHead(bytes: Uint8Array): Head {
  const { version, header, payload } = openEnvelope(bytes);
  const { sizes, leftOutAnswers, ...fields } = parseHeader(header);
  const layout = layoutOf(fields, sizes, leftOutAnswers ?? 0);
  if (payload.byteLength !== layout.bytes) {
    const shape = `${fields.labels.length} x ${fields.featureSize}`;
    throw invalid(`${payload.byteLength} bytes do not hold ${shape}`);
  }
  const read = (from: number, to: number): Float32Array =>
    Float32Array.from({ length: (to - from) / 4 }, (_, i) =>
      payload.getFloat32(from + 4 * i, true),
    );
  const head: Head = {
    ...fields,
    weights: read(0, layout.biasAt),
    bias: read(layout.biasAt, layout.noveltyAt),
    ...(sizes && {
      novelty: readNovelty(sizes.dimensions, layout.tensors, payload, layout.noveltyAt),
    }),
    ...(leftOutAnswers !== undefined && {
      leftOutConfidences: read(layout.confidencesAt, layout.bytes),
    }),
  };
  checkHead(head);
  if (version !== versionOf(head)) throw invalid(`its content is not of version ${version}`);
  if (!sameBytes(headerOf(head), header)) throw invalid('its header is not in canonical form');
  return head;
}

interface Envelope {
  version: number;
  header: Uint8Array;
  payload: DataView;
}

/** The parts of a head after checks of its magic bytes, version and hash. */
function openEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < PREFIX_BYTES + HASH_BYTES) throw invalid(`${bytes.length} bytes are too few`);
  const version = bytes[MAGIC.length]!;
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || !VERSIONS.includes(version)) {
    throw invalid('it does not begin as a head of this format version');
  }
  const body = bytes.subarray(0, bytes.length - HASH_BYTES);
  if (!sameBytes(sha256(body), bytes.subarray(body.length))) throw invalid('its hash is wrong');
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const headerLength = view.getUint32(MAGIC.length + 1, true);
  const payloadAt = PREFIX_BYTES + headerLength;
  if (headerLength > MAX_HEADER_BYTES || payloadAt > body.length) {
    throw invalid(`a header of ${headerLength} bytes`);
  }
  return {
    version,
    header: body.subarray(PREFIX_BYTES, payloadAt),
    payload: new DataView(body.buffer, body.byteOffset + payloadAt, body.length - payloadAt),
  };
}

/** Where each part of the payload begins, in bytes; the weights begin at 0. */
interface Layout {
  biasAt: number;
  noveltyAt: number;
  tensors: NoveltyTensor[];
  confidencesAt: number;
  /** Length of the payload. */
  bytes: number;
}

/** Refuses sizes that no head has. */
function layoutOf(
  { labels, featureSize }: Pick<Head, 'labels' | 'featureSize'>,
  sizes: NoveltySizes | undefined,
  answers: number,
): Layout {
  const classes = labels.length;
  if (classes * featureSize > MAX_WEIGHTS) throw invalid(`${classes} x ${featureSize} weights`);
  const fault = sizes && noveltySizeFault(sizes, classes);
  if (fault) throw invalid(fault);
  if (!Number.isInteger(answers) || answers < 0 || answers > MAX_LEFT_OUT_CONFIDENCES) {
    throw invalid(`${answers} left-out confidences`);
  }
  const tensors = sizes ? noveltyTensors(sizes, classes, featureSize) : [];
  const biasAt = 4 * classes * featureSize;
  const noveltyAt = biasAt + 4 * classes;
  const confidencesAt = noveltyAt + noveltyByteLength(tensors);
  return { biasAt, noveltyAt, tensors, confidencesAt, bytes: confidencesAt + 4 * answers };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => b[i] === byte);
}

/** Refuses heads that cannot serve. @throws HL_HEAD_INVALID */
export function checkHead(head: Head): void {
  const { labels, featureSize, temperature } = head;
  if (!LEARNERS.includes(head.learner)) throw invalid(`learner ${head.learner}`);
  if (!TRANSFORMS.includes(head.transform)) throw invalid(`transform ${head.transform}`);
  checkLabels(labels);
  if (!Number.isInteger(featureSize) || featureSize < 1 || featureSize > MAX_FEATURES) {
    throw invalid(`feature size ${featureSize}`);
  }
  if (head.backboneChecksum === '') throw invalid('no backbone checksum');
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw invalid(`temperature ${temperature}`);
  }
  checkWeights(head);
  checkSetProbability(head.setProbability);
  const fault = head.novelty && noveltyFault(head.novelty, labels.length, featureSize);
  if (fault) throw invalid(fault);
  checkGaussians(head);
  checkConfidences(head.leftOutConfidences);
}

function checkLabels(labels: readonly string[]): void {
  if (labels.length < 2 || labels.length > MAX_CLASSES) throw invalid(`${labels.length} labels`);
  for (const [i, label] of labels.entries()) {
    if (label === '') throw invalid('an empty label');
    if (i > 0 && !(labels[i - 1]! < label)) {
      throw invalid(`labels are not sorted and unique at "${label}"`);
    }
  }
}

function checkWeights({ labels, featureSize, weights, bias }: Head): void {
  const size = labels.length * featureSize;
  if (size > MAX_WEIGHTS || weights.length !== size || bias.length !== labels.length) {
    throw invalid(
      `${weights.length} weights and ${bias.length} biases for ${labels.length} x ${featureSize}`,
    );
  }
  if (!weights.every(Number.isFinite) || !bias.every(Number.isFinite)) {
    throw invalid('a weight is not a finite number');
  }
}

function checkSetProbability(probability: number | undefined): void {
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw invalid(`probability ${probability} of the prediction set`);
  }
}

function checkGaussians({ gaussianScale, novelty, labels }: Head): void {
  if (gaussianScale === undefined) return;
  if (!(gaussianScale > 0 && Number.isFinite(gaussianScale))) {
    throw invalid(`a scale of the class Gaussians of ${gaussianScale}`);
  }
  if (!novelty || novelty.means.length !== labels.length * novelty.dimensions) {
    throw invalid('class Gaussians without a Gaussian for each label');
  }
}

function checkConfidences(confidences: Float32Array | undefined): void {
  if (!confidences) return;
  if (confidences.length > MAX_LEFT_OUT_CONFIDENCES) {
    throw invalid(`${confidences.length} left-out confidences`);
  }
  for (const [i, value] of confidences.entries()) {
    if (!(Math.abs(value) <= 1)) throw invalid(`a left-out confidence of ${value}`);
    if (i > 0 && value < confidences[i - 1]!) throw invalid('left-out confidences are not sorted');
  }
}

function versionOf(head: Head): number {
  if (head.gaussianScale !== undefined || head.leftOutConfidences) return 4;
  if (head.novelty && noveltySizes(head.novelty).covariances > 1) return 3;
  return head.novelty === undefined && head.setProbability === undefined ? 1 : 2;
}

function tensorsOf({ novelty, labels, featureSize }: Head): NoveltyTensor[] {
  if (!novelty) return [];
  return noveltyTensors(noveltySizes(novelty), labels.length, featureSize);
}

function headerOf(head: Head): Uint8Array {
  const { learner, labels, featureSize, backboneChecksum, transform, temperature } = head;
  const { novelty, setProbability, gaussianScale, leftOutConfidences } = head;
  const shape = [labels.length, featureSize];
  const header = new TextEncoder().encode(
    JSON.stringify({
      learner,
      labels,
      featureSize,
      backboneChecksum,
      transform,
      temperature,
      ...(setProbability === undefined ? {} : { setProbability }),
      ...(novelty && { novelty: namedSizes(novelty) }),
      ...(gaussianScale === undefined ? {} : { gaussianScale }),
      ...(leftOutConfidences && { leftOutAnswers: leftOutConfidences.length }),
      tensors: [
        { name: 'weights', dtype: 'float32', shape },
        { name: 'bias', dtype: 'float32', shape: [labels.length] },
        ...tensorsOf(head).map(({ name, dtype, length }) => ({
          name: `novelty.${name}`,
          dtype,
          shape: [length],
        })),
        ...(leftOutConfidences
          ? [{ name: 'leftOut', dtype: 'float32', shape: [leftOutConfidences.length] }]
          : []),
      ],
    }),
  );
  if (header.length > MAX_HEADER_BYTES) {
    throw invalid(`its labels need a header of ${header.length} bytes, above ${MAX_HEADER_BYTES}`);
  }
  return header;
}

/** Sizes as the header names them; a single covariance is not named, as in version 2. */
function namedSizes(novelty: NoveltyModel): Partial<NoveltySizes> {
  const { covariances, ...sizes } = noveltySizes(novelty);
  return covariances === 1 ? sizes : { ...sizes, covariances };
}

/**
 * Checks types only. {@link checkHead} checks the values, the canonical form tensors and unknown
 * fields.
 */
function parseHeader(header: Uint8Array): Omit<
  Head,
  'weights' | 'bias' | 'novelty' | 'leftOutConfidences'
> & {
  sizes?: NoveltySizes;
  leftOutAnswers?: number;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch (cause) {
    throw invalid('its header is not JSON', cause);
  }
  const fields = (typeof parsed === 'object' ? parsed : null) as Record<string, unknown> | null;
  const { learner, labels, featureSize, backboneChecksum, transform, temperature } = fields ?? {};
  const { setProbability, novelty, gaussianScale, leftOutAnswers } = fields ?? {};
  const { dimensions, scores, covariances = 1 } = (novelty ?? {}) as Record<string, unknown>;
  if (
    typeof learner !== 'string' ||
    !Array.isArray(labels) ||
    !labels.every((label) => typeof label === 'string') ||
    typeof featureSize !== 'number' ||
    !Number.isSafeInteger(labels.length * featureSize) ||
    typeof backboneChecksum !== 'string' ||
    typeof transform !== 'string' ||
    typeof temperature !== 'number' ||
    (setProbability !== undefined && typeof setProbability !== 'number') ||
    (gaussianScale !== undefined && typeof gaussianScale !== 'number') ||
    (leftOutAnswers !== undefined && typeof leftOutAnswers !== 'number') ||
    (novelty !== undefined &&
      !(
        typeof dimensions === 'number' &&
        typeof scores === 'number' &&
        typeof covariances === 'number'
      ))
  ) {
    throw invalid('its header lacks a field or has one of the wrong type');
  }
  return {
    learner: learner as LearnerName,
    labels,
    featureSize,
    backboneChecksum,
    transform: transform as FeatureTransform,
    temperature,
    ...(setProbability === undefined ? {} : { setProbability }),
    ...(gaussianScale === undefined ? {} : { gaussianScale }),
    ...(leftOutAnswers === undefined ? {} : { leftOutAnswers }),
    ...(novelty === undefined
      ? {}
      : { sizes: { dimensions, scores, covariances } as NoveltySizes }),
  };
}

function invalid(what: string, cause?: unknown): HeadlandError {
  return invalidHead(`head: ${what}`, cause);
}

import { type NoveltyModel, triangleLength } from './novelty-model.js';

/** The format of one tensor of a novelty model in the bytes of a head. */
export interface NoveltyTensor {
  name: 'basis' | 'basisScale' | 'within' | 'means' | 'background' | 'centre' | 'scores';
  dtype: 'int16' | 'float32';
  length: number;
}

/** The sizes that determine the lengths of the tensors. */
export interface NoveltySizes {
  dimensions: number;
  scores: number;
  /** Covariances within classes: one for all, or one per class. */
  covariances: number;
}

const MAX_DIMENSIONS = 256;
const MAX_SCORES = 4_096;
const MAX_WITHIN = 2 ** 23;

export function noveltySizes({ dimensions, scores, within }: NoveltyModel): NoveltySizes {
  return {
    dimensions,
    scores: scores.length,
    covariances: within.length / triangleLength(dimensions),
  };
}

/** The tensors in the order of writing, which depends on the sizes alone. */
export function noveltyTensors(
  sizes: NoveltySizes,
  classes: number,
  featureSize: number,
): NoveltyTensor[] {
  const { dimensions: r, scores, covariances } = sizes;
  return [
    { name: 'basis', dtype: 'int16', length: r * featureSize },
    { name: 'basisScale', dtype: 'float32', length: r },
    { name: 'within', dtype: 'float32', length: covariances * triangleLength(r) },
    { name: 'means', dtype: 'float32', length: classes * r },
    { name: 'background', dtype: 'float32', length: triangleLength(r) },
    { name: 'centre', dtype: 'float32', length: r },
    { name: 'scores', dtype: 'float32', length: scores },
  ];
}

/** What is wrong with the sizes, in words; null: nothing. Checked before anything is allocated. */
export function noveltySizeFault(sizes: NoveltySizes, classes: number): string | null {
  const { dimensions, scores, covariances } = sizes;
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    return `a novelty model of ${dimensions} dimensions`;
  }
  if (!Number.isInteger(scores) || scores < 0 || scores > MAX_SCORES) {
    return `a novelty model with ${scores} scores`;
  }
  if (covariances !== 1 && covariances !== classes) {
    return `a novelty model of ${covariances} covariances for ${classes} classes`;
  }
  if (covariances * triangleLength(dimensions) > MAX_WITHIN) {
    return `a novelty model of ${covariances} covariances in ${dimensions} dimensions`;
  }
  return null;
}

/** What is wrong with a novelty model, in words; null: nothing. */
export function noveltyFault(
  model: NoveltyModel,
  classes: number,
  featureSize: number,
): string | null {
  const sizes = noveltySizes(model);
  const fault = noveltySizeFault(sizes, classes);
  if (fault !== null) return fault;
  for (const { name, length } of noveltyTensors(sizes, classes, featureSize)) {
    const values = model[name];
    if (values.length !== length)
      return `${values.length} values of novelty.${name}, not ${length}`;
    if (!values.every(Number.isFinite)) return `a value of novelty.${name} is not finite`;
  }
  const { scores } = model;
  for (let i = 1; i < scores.length; i++) {
    if (scores[i]! < scores[i - 1]!) return 'the novelty scores are not sorted';
  }
  return null;
}

/** Bytes of the tensors, int16 and float32 little-endian. */
export function noveltyByteLength(tensors: readonly NoveltyTensor[]): number {
  return tensors.reduce((sum, { dtype, length }) => sum + length * (dtype === 'int16' ? 2 : 4), 0);
}

/** Writes the tensors from byte `at` on. */
export function writeNovelty(
  model: NoveltyModel,
  tensors: readonly NoveltyTensor[],
  view: DataView,
  at: number,
): void {
  for (const { name, dtype } of tensors) {
    for (const value of model[name]) {
      if (dtype === 'int16') view.setInt16(at, value, true);
      else view.setFloat32(at, value, true);
      at += dtype === 'int16' ? 2 : 4;
    }
  }
}

/** Reads the tensors from byte `at` on; the caller has checked that they are all there. */
export function readNovelty(
  dimensions: number,
  tensors: readonly NoveltyTensor[],
  view: DataView,
  at: number,
): NoveltyModel {
  const read = new Map<string, Int16Array | Float32Array>();
  for (const { name, dtype, length } of tensors) {
    const from = at;
    const values =
      dtype === 'int16'
        ? Int16Array.from({ length }, (_, i) => view.getInt16(from + 2 * i, true))
        : Float32Array.from({ length }, (_, i) => view.getFloat32(from + 4 * i, true));
    read.set(name, values);
    at += values.byteLength;
  }
  return { dimensions, ...Object.fromEntries(read) } as unknown as NoveltyModel;
}

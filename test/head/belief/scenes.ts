import type { BeliefFrame } from '../../../src/head/belief/belief-filter.js';
import { subspacePoints } from '../../../src/head/unknown/novelty.js';
import { type NoveltyModel, triangleLength } from '../../../src/head/unknown/novelty-model.js';
import { Draw } from '../synthetic.js';

export const LABELS = ['crop', 'soil', 'weed'];

/** Features whose cosine with those of another angle is that of the angles' difference. */
export function pictureAt(angle: number): Pick<BeliefFrame, 'features' | 'dhash'> {
  return {
    features: Float32Array.of(Math.cos(angle), Math.sin(angle)),
    // 20 bits from one to the next: neither alike nor not.
    dhash: '00000fffff000000',
  };
}

/** A frame of a parked robot unless told otherwise. */
export function frameOf(
  probabilities: readonly number[],
  about: Partial<BeliefFrame> = {},
): BeliefFrame {
  return {
    labels: LABELS,
    probabilities,
    noveltyPValue: 0.5,
    place: null,
    atMs: Number.NaN,
    ...pictureAt(0),
    ...about,
  };
}

export interface Scene {
  label: string;
  frames: { features: Float32Array; dhash: string; probabilities: number[] }[];
}

export interface SceneOptions {
  seed: number;
  scenes: number;
  perScene: number;
  /** Of what is wrong with a frame, the share that is wrong with its whole scene, 0..1. */
  shared: number;
  /** Spread of pictures of one scene and of scenes, in units of the features' length. */
  within: number;
  between: number;
  /** How far the right logit lies above the others, in units of the noise. */
  lead: number;
}

/** A model whose subspace is the whole space, with round classes. */
export function modelOf(dimensions: number, deviations: readonly number[]): NoveltyModel {
  const one = 2 ** 14;
  const basis = new Int16Array(dimensions * dimensions);
  for (let i = 0; i < dimensions; i++) basis[i * dimensions + i] = one;
  const length = triangleLength(dimensions);
  const round = (deviation: number): Float32Array => {
    const triangle = new Float32Array(length);
    for (let i = 0; i < dimensions; i++) triangle[triangleLength(i + 1) - 1] = 1 / deviation;
    return triangle;
  };
  const within = new Float32Array(length * deviations.length);
  for (const [k, deviation] of deviations.entries()) within.set(round(deviation), k * length);
  return {
    dimensions,
    basis,
    basisScale: new Float32Array(dimensions).fill(1 / one),
    within,
    means: new Float32Array(dimensions * deviations.length),
    background: round(1),
    centre: new Float32Array(dimensions),
    scores: new Float32Array(0),
  };
}

/** Frames of the scenes below as `model` locates them. */
export function placed(model: NoveltyModel, frame: BeliefFrame): BeliefFrame {
  return { ...frame, place: { model, point: subspacePoints(model, frame.features) } };
}

export const FEATURES = 32;

/** Scenes of one thing each, with calibrated answers whose errors are equally correlated in a scene. */
export function drawScenes(options: SceneOptions): Scene[] {
  const { seed, scenes, perScene, shared, within, between, lead } = options;
  const draw = new Draw(seed);
  const base = draw.normals(FEATURES);
  return Array.from({ length: scenes }, () => {
    const truth = draw.int(LABELS.length);
    const place = draw.normals(FEATURES);
    const common = draw.normals(LABELS.length);
    const frames = Array.from({ length: perScene }, () => {
      const own = draw.normals(LABELS.length);
      const look = draw.normals(FEATURES);
      // Gaussian evidence of unit noise: its log-likelihood ratio is `lead` times the evidence.
      const logits = LABELS.map(
        (_, c) =>
          lead *
          (Number(c === truth) * lead +
            Math.sqrt(shared) * common[c]! +
            Math.sqrt(1 - shared) * own[c]!),
      );
      const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
      return {
        probabilities: logits.map((z) => Math.exp(z) / total),
        features: Float32Array.from(base, (x, i) => x + between * place[i]! + within * look[i]!),
        dhash: draw.normals(16).reduce((hash) => hash + draw.int(16).toString(16), ''),
      };
    });
    return { label: LABELS[truth]!, frames };
  });
}

import { SUSPECT_PROBABILITY } from '../gate/answers/answer-marks.js';
import { indexOfLargest } from '../head/score.js';
import { groupingOf, judgedRows, type TrainingSet } from '../head/training-set.js';
import type { SampleStore } from '../samples/store.js';
import type { LabelledSample } from '../training/data/collect.js';
import type { Disagreement, Evaluation } from './evaluation-types.js';

const SUSPECTS = 12;

export interface PictureSource {
  store: SampleStore;
  /** Makes a small JPEG of an image, Base64. */
  thumbnail: (picture: Uint8Array) => Promise<string>;
}

/** Answers of a head, or of left-out heads, to samples. */
export interface Answered {
  samples: readonly LabelledSample[];
  /** n x labels.length, row-major. */
  probabilities: Float64Array;
  labels: readonly string[];
}

/** Wrong answers, the one that is furthest from the label first. */
export function disagreements({ samples, probabilities, labels }: Answered): Disagreement[] {
  return samples
    .flatMap((sample, row): Disagreement[] => {
      const { id, label, group, holdout, origin, capturedAtMs } = sample;
      const best = indexOfLargest(probabilities, row * labels.length, labels.length);
      const answer = labels[best] as string;
      if (answer === label) return [];
      const own = labels.indexOf(label);
      const probability = probabilities[row * labels.length + best]!;
      const labelProbability = own === -1 ? 0 : probabilities[row * labels.length + own]!;
      return [
        {
          id,
          label,
          answer,
          probability,
          labelProbability,
          group,
          holdout,
          origin,
          capturedAtMs,
          jpeg: null,
        },
      ];
    })
    .sort((a, b) => b.probability - b.labelProbability - (a.probability - a.labelProbability));
}

/** Labels that look wrong; only where the head that contradicts a label knew its class. */
export async function suspects(
  onHoldout: Answered,
  leftOut: Answered,
  set: TrainingSet,
  input: PictureSource,
): Promise<Evaluation['suspects']> {
  const { judged, singleGroupClasses } = judgedRows(set, groupingOf(set));
  const lone = new Set(singleGroupClasses.map((c) => leftOut.labels[c]));
  const judgeable = new Set(Array.from(judged, (row) => leftOut.samples[row]?.id));
  const found = [
    ...disagreements(onHoldout).filter((d) => onHoldout.labels.includes(d.label)),
    ...disagreements(leftOut).filter((d) => judgeable.has(d.id) && !lone.has(d.label)),
  ]
    .filter((d) => d.probability >= SUSPECT_PROBABILITY)
    .sort((a, b) => b.probability - a.probability);
  return { total: found.length, shown: await pictured(found.slice(0, SUSPECTS), input) };
}

export async function pictured(
  found: readonly Disagreement[],
  { store, thumbnail }: PictureSource,
): Promise<Disagreement[]> {
  const shown: Disagreement[] = [];
  for (const disagreement of found) {
    const picture = store.picture(disagreement.id);
    // A sample whose image cannot be shown is still listed.
    const jpeg = picture ? await thumbnail(picture).catch(() => null) : null;
    shown.push({ ...disagreement, jpeg });
  }
  return shown;
}

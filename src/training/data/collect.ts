import { HeadlandError } from '../../base/errors.js';
import type { Sample } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import type { TrainedClass } from '../report.js';

const PAGE = 1_000;

export type LabelledSample = Sample & { label: string };

export interface Collected {
  /** Samples of the learnt classes outside the holdout, by id. */
  training: LabelledSample[];
  /**
   * All holdout samples, including those of classes that are not learnt, which count as wrong
   * answers.
   */
  holdout: LabelledSample[];
  /** Classes that the head will know: sorted, at least two. */
  labels: string[];
  /** Every label of the store. */
  classes: TrainedClass[];
}

export function readLabelled(store: SampleStore): LabelledSample[] {
  const samples: LabelledSample[] = [];
  for (let afterId: string | undefined; ; ) {
    const page = store.list({ labelled: true, limit: PAGE, ...(afterId ? { afterId } : {}) });
    samples.push(...(page as LabelledSample[]));
    if (page.length < PAGE) return samples;
    afterId = page.at(-1)?.id;
  }
}

/**
 * Divides labelled samples into training samples and the holdout. A class with too few training
 * samples is left out and named.
 *
 * @throws HeadlandError HL_TRAINING_TOO_FEW_LABELS | HL_TRAINING_TOO_FEW_CLASSES
 */
export function collect(
  samples: readonly LabelledSample[],
  settings: { minLabels: number; minLabelsPerClass: number },
): Collected {
  const { minLabels, minLabelsPerClass } = settings;
  if (samples.length < minLabels) {
    throw new HeadlandError(
      'HL_TRAINING_TOO_FEW_LABELS',
      `there are ${samples.length} labelled samples; training needs ${minLabels} (training.minLabels)`,
      {
        remedy: `Label ${minLabels - samples.length} more, or lower training.minLabels.`,
        details: { labels: samples.length, minLabels },
      },
    );
  }
  const classes = countClasses(samples, minLabelsPerClass);
  const labels = classes.filter((c) => !c.leftOut).map((c) => c.label);
  if (labels.length < 2) {
    const counts = classes
      .map(({ label, training, holdout, missing }) =>
        [
          `${label}: ${training}`,
          ...(holdout > 0 ? [`${holdout} held out`] : []),
          ...(missing > 0 ? [`needs ${missing} more`] : []),
        ].join(', '),
      )
      .join('; ');
    throw new HeadlandError(
      'HL_TRAINING_TOO_FEW_CLASSES',
      `training needs two classes with ${minLabelsPerClass} samples each outside the holdout; there is ${counts}`,
      {
        remedy:
          'Label samples of another class. Label frames of several times, because the holdout takes whole passes.',
        details: { minLabelsPerClass, classes },
      },
    );
  }
  const known = new Set(labels);
  const training = samples.filter((sample) => !sample.holdout && known.has(sample.label));
  return { training, holdout: samples.filter((sample) => sample.holdout), labels, classes };
}

function countClasses(
  samples: readonly LabelledSample[],
  minLabelsPerClass: number,
): TrainedClass[] {
  const counts = new Map<string, { training: number; holdout: number }>();
  for (const { label, holdout } of samples) {
    const count = counts.get(label) ?? { training: 0, holdout: 0 };
    counts.set(label, count);
    if (holdout) count.holdout += 1;
    else count.training += 1;
  }
  return [...counts.keys()].sort().map((label) => {
    const count = counts.get(label) as { training: number; holdout: number };
    const missing = Math.max(0, minLabelsPerClass - count.training);
    return { label, ...count, leftOut: missing > 0, missing };
  });
}

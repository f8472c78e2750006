import { shareInterval } from '../../../head/intervals/share-interval.js';
import type { Interval } from '../../../head/intervals/wilson.js';
import type { PhotoChoice } from './photo-choice.js';

/** Labels of each class in the first step: enough for a first head without a training. */
const FIRST_LABELS_PER_CLASS = 2;
/** Most untaught photos that are measured on after a step that is not the last. */
const MEASURED_PHOTOS = 100;
/** A label changes decisions within a second, and frames of the head before are still on their way. */
const SETTLE_MS = 1_000;
/** Without an answer to another untaught photo, the rest is taken to be unreadable. */
const STALL_MS = 20_000;

/** What a number of labels has brought. */
export interface CoursePoint {
  labels: number;
  labelsPerClass: number;
  /** Different untaught photos, how many answers are right, and the 95 % interval of their share. */
  answers: number;
  right: number;
  interval: Interval;
  /** Since the start of the demonstration. */
  seconds: number;
}

export interface CourseParts {
  choice: PhotoChoice;
  /** Largest number of photos of a class that can be taught. */
  mostPerClass: number;
  untaught: number;
  /** Labels of each class in a step over those in the step before. */
  growth: number;
  labels: () => number;
  /** Number of labels sent and not yet answered. */
  unanswered: () => number;
  /** Starts a training on all labels, unless one runs. */
  beginTraining: () => void;
  /** Trains on all labels, after a training that runs; settles when it has ended. */
  train: () => Promise<void>;
  minLabels: number;
  seconds: () => number;
  /** Settles when the condition holds or the demonstration ends. */
  until: (condition: () => boolean) => Promise<void>;
  hasEnded: () => boolean;
  onPoint: (point: CoursePoint) => void;
}

/**
 * Labels some photos, measures on the untaught ones while a training begins, and goes on with more
 * labels until all photos are labelled; then trains on all of them.
 */
export async function runCourse(parts: CourseParts): Promise<void> {
  const { choice, mostPerClass, growth, until } = parts;
  let labelsPerClass = FIRST_LABELS_PER_CLASS;
  while (labelsPerClass < mostPerClass && choice.leastLabelled > labelsPerClass) {
    labelsPerClass *= growth;
  }
  for (;;) {
    const isLast = labelsPerClass >= mostPerClass;
    choice.teach(labelsPerClass);
    await until(() => choice.isTaught && parts.unanswered() === 0);
    if (parts.hasEnded()) return;
    if (parts.labels() >= parts.minLabels) {
      // The first labels already changed the answers: only the last step waits for its training.
      if (isLast) await parts.train();
      else parts.beginTraining();
    }
    await measure(parts, isLast ? parts.untaught : Math.min(MEASURED_PHOTOS, parts.untaught));
    if (parts.hasEnded()) return;
    const { answers, measured } = choice;
    const right = measured.reduce((sum, group) => sum + group.right, 0);
    if (answers > 0) {
      parts.onPoint({
        labels: parts.labels(),
        labelsPerClass: Math.min(labelsPerClass, mostPerClass),
        answers,
        right,
        interval: shareInterval(measured),
        seconds: parts.seconds(),
      });
    }
    if (isLast) return;
    labelsPerClass *= growth;
  }
}

async function measure({ choice, until }: CourseParts, wanted: number): Promise<void> {
  const startMs = performance.now();
  await until(() => performance.now() - startMs >= SETTLE_MS);
  choice.measure();
  let before = 0;
  let changedMs = performance.now();
  await until(() => {
    const { answers } = choice;
    if (answers > before) changedMs = performance.now();
    before = answers;
    return answers >= wanted || performance.now() - changedMs > STALL_MS;
  });
}

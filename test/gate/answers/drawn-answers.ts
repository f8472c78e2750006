import fc from 'fast-check';
import type {
  PresentAnswer,
  PresentSample,
  SampleAnswer,
} from '../../../src/gate/answers/sample-answer.js';

/** A UUID that ends with a number. */
export function uuid(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** An answer of a head that is sure; `n` is in the id. */
export function answerOf(n: number, about: Partial<PresentAnswer> = {}): PresentAnswer {
  const truth = about.truth ?? 'crop';
  const label = about.label ?? truth;
  return {
    id: uuid(n),
    truth,
    label,
    confidence: 0.9,
    probability: label === truth ? 0.9 : 0.05,
    second: label === 'weed' ? 'crop' : 'weed',
    secondProbability: 0.05,
    holdout: false,
    knowable: true,
    judged: true,
    champion: null,
    group: `group ${n}`,
    right: label === truth,
    relabelled: false,
    ...about,
  };
}

const LABELS = ['crop', 'stone', 'weed', 'Unkraut "A", ½'];
const label = fc.constantFrom(...LABELS);
/** As a Float32 keeps it. */
const share = fc.float({ min: 0, max: 1, noNaN: true });
const plain = { noNullPrototype: true };
const headAnswer = fc.record({ label, confidence: share, probability: share }, plain);

/** Answers of a head to samples with ascending ids. */
export const drawnAnswers: fc.Arbitrary<SampleAnswer[]> = fc
  .array(
    fc.record(
      {
        truth: label,
        label,
        confidence: share,
        probability: share,
        second: label,
        secondProbability: share,
        holdout: fc.boolean(),
        knowable: fc.boolean(),
        judged: fc.boolean(),
        champion: fc.option(headAnswer),
      },
      plain,
    ),
    { maxLength: 40 },
  )
  .map((answers) => answers.map((answer, n) => ({ id: uuid(n), ...answer })));

/** What the store knows of some of them now. */
export function drawnPresent(answers: readonly SampleAnswer[]) {
  const sample: fc.Arbitrary<PresentSample | null> = fc.option(
    fc.record({ label, group: fc.constantFrom('a', 'b', 'c') }),
    { freq: 4 },
  );
  return fc
    .tuple(...answers.map(() => sample))
    .map(
      (samples) =>
        new Map(
          samples.flatMap((found, i): [string, PresentSample][] =>
            found ? [[answers[i]!.id, found]] : [],
          ),
        ),
    );
}

/** Answers with the labels of now. */
export const drawnPresentAnswers: fc.Arbitrary<PresentAnswer[]> = fc
  .array(
    fc.record({
      truth: label,
      label,
      confidence: share,
      judged: fc.boolean(),
      holdout: fc.boolean(),
      group: fc.constantFrom('a', 'b', 'c', 'd'),
    }),
    { maxLength: 60 },
  )
  .map((answers) => answers.map((about, n) => answerOf(n, about)));

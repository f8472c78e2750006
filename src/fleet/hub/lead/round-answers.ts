import { RIDGE_LAMBDAS } from '../../../head/learners/ridge.js';
import {
  bestChoice,
  type CandidateAnswers,
  SCALES,
  scoreOf,
  scoresOfLambdas,
} from '../../../head/sums/candidates.js';
import { HISTOGRAM_BINS } from '../../../head/sums/gaussian-sums.js';
import { decodeEvaluation } from '../../contract/evaluation-codec.js';
import type { HeadSummary, LeftOutScore } from '../../contract/hub-api.js';

/** A scale that serves where no robot could judge. */
const USUAL_SCALE = SCALES[Math.floor(SCALES.length / 2)] ?? 10;
const USUAL_LAMBDA = Math.floor(RIDGE_LAMBDAS.length / 2);

export interface RobotScore extends LeftOutScore {
  robot: string;
  /** By class: on samples of robots that the candidates did not see. */
  classes: { label: string; samples: number; right: number }[];
}

/** What a round found. */
export interface RoundResult {
  lambdaIndex: number;
  scale: number;
  /** null: no robot could judge. */
  leftOut: HeadSummary['leftOut'];
  robots: RobotScore[];
  /** Histogram of novelty scores on samples that the heads did not see. */
  novelty: number[];
}

/**
 * Chooses λ and scale by the answers of robots about heads that were made without them. Answers that cannot be
 * are left out.
 * @param before what the head before has, for a round without answers
 */
export function resultOfRound(
  round: number,
  evaluations: readonly { robot: string; answers: Uint8Array }[],
  before: { lambdaIndex: number; scale: number } | null,
): RoundResult {
  const answers = evaluations.flatMap(({ robot, answers: bytes }) => {
    const { training, holdout } = decodeEvaluation(bytes);
    const all = [training, holdout];
    return all.every(isPossible) ? [{ robot, all }] : [];
  });
  const scores = scoresOfLambdas(
    answers.flatMap(({ all }) => all),
    RIDGE_LAMBDAS,
  );
  const choice = bestChoice(scores, RIDGE_LAMBDAS);
  if (choice === null) {
    const { lambdaIndex, scale } = before ?? { lambdaIndex: USUAL_LAMBDA, scale: USUAL_SCALE };
    return { lambdaIndex, scale, leftOut: null, robots: [], novelty: [] };
  }
  const { lambdaIndex, scale, accuracy, macroAccuracy, macroLogLoss, samples } = choice;
  const robots = answers.flatMap(({ robot, all }) => {
    const score = scoreOf(all, lambdaIndex, scale);
    if (score === null) return [];
    const classes = all.flatMap((each) =>
      each.classes.map(({ label, samples: own, right }) => {
        return { label, samples: own, right: right[lambdaIndex] ?? 0 };
      }),
    );
    const notKnown = all.reduce((sum, each) => sum + each.notKnown, 0);
    return [
      {
        robot,
        round,
        samples: score.samples,
        accuracy: score.accuracy,
        logLoss: score.macroLogLoss,
        notKnown,
        classes,
      },
    ];
  });
  const lambdas = scores.map((each) => ({
    lambda: RIDGE_LAMBDAS[each.lambdaIndex] ?? 0,
    scale: each.scale,
    accuracy: each.accuracy,
    macroAccuracy: each.macroAccuracy,
    logLoss: each.macroLogLoss,
    chosen: each.lambdaIndex === lambdaIndex,
  }));
  const leftOut = {
    accuracy,
    macroAccuracy,
    logLoss: macroLogLoss,
    samples,
    lambdas,
    robots: robots.map(({ classes: _, ...score }) => score),
  };
  const novelty = Array.from({ length: HISTOGRAM_BINS }, (_, bin) =>
    answers.flatMap(({ all }) => all).reduce((sum, each) => sum + (each.novelty[bin] ?? 0), 0),
  );
  return { lambdaIndex, scale, leftOut, robots, novelty };
}

/** A robot cannot have more right answers than samples, nor lists of other lengths. */
function isPossible({ classes, novelty }: CandidateAnswers): boolean {
  if (novelty.length > HISTOGRAM_BINS) return false;
  return classes.every(
    ({ samples, right, loss }) =>
      right.length === RIDGE_LAMBDAS.length &&
      loss.length === RIDGE_LAMBDAS.length * SCALES.length &&
      right.every((count) => count <= samples * (1 + 1e-9)) &&
      // -ln of the least probability that counts.
      loss.every((sum) => sum <= samples * 37),
  );
}

import type { Message } from '../../base/words/message.js';
import type { ClassFigures, VerdictPair } from '../../console/contract/brain-contract.js';
import type { AnswerOf } from '../../console/contract/contract.js';
import {
  type CalibrationBin,
  type ClassFigures as ClassFacts,
  type ConfusionCell,
  calibrationBins,
  classFigures,
  confusionCells,
} from '../../gate/answers/answer-figures.js';
import { answerScore } from '../../gate/answers/answer-score.js';
import {
  type ChangedAnswer,
  championPairs,
  compareAnswers,
  pairedAnswers,
} from '../../gate/answers/compared-answers.js';
import type { GateDecision } from '../../gate/gate-decision.js';
import type { LabelledMetrics } from '../../head/labelled-metrics.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { StoredReport } from '../../training/stored-report.js';
import type { VersionAnswers } from './answer-book.js';
import { interval, scoreFigures } from './timeline.js';

type VersionAnswer = AnswerOf<'GET /api/brain/versions/{version}'>;
type Compared = AnswerOf<'GET /api/brain/compare'>;
type Figures = Pick<
  VersionAnswer,
  | 'answersStored'
  | 'basis'
  | 'samples'
  | 'holdout'
  | 'accuracy'
  | 'macroF1'
  | 'labels'
  | 'confusion'
  | 'classes'
  | 'reliability'
  | 'ece'
  | 'suspects'
>;

/** Most pairs of samples on each side of a verdict, and of a comparison. */
const VERDICT_PAIRS = 8;
const COMPARED_PAIRS = 100;

/** What is known about one version, without `head`. */
export function versionReport(
  card: HeadCard,
  answers: VersionAnswers | null,
  report: StoredReport | null,
  verdict: Message,
): Omit<VersionAnswer, 'head'> {
  const pairs = answers
    ? compareAnswers(championPairs(answers.answers))
    : { gained: report?.result?.gained ?? [], lost: report?.result?.lost ?? [] };
  const { trust } = card;
  return {
    version: card.version,
    verdict,
    details: card.gate.checks.map(detail),
    changes: report?.result?.effect?.messages ?? [],
    trust: trust ? { level: trust.level, steps: trust.steps ?? [] } : null,
    comparedWith: answers?.champion ?? report?.result?.championVersion ?? null,
    better: pairs.gained.slice(0, VERDICT_PAIRS).map(pair),
    worse: pairs.lost.slice(0, VERDICT_PAIRS).map(pair),
    ...(answers ? answeredFigures(answers) : cardFigures(card)),
  };
}

/** The figures from stored answers, with the labels of now. */
function answeredFigures({ answers, marks }: VersionAnswers): Figures {
  const judged = answers.filter((answer) => answer.judged);
  const score = answerScore(answers);
  const cells = confusionCells(judged);
  const classes = classFigures(cells);
  const bins = calibrationBins(judged);
  return {
    answersStored: true,
    samples: judged.length,
    holdout: score?.holdout ?? 0,
    ...(score ? scoreFigures(score) : { basis: null, accuracy: null, macroF1: null }),
    labels: classes.map(({ label }) => label),
    confusion: matrix(cells, classes),
    classes: classes.map(figures),
    reliability: bins.map(bin),
    ece: judged.length > 0 ? calibrationError(bins, judged.length) : null,
    suspects: [...marks.values()].filter(({ suspect }) => suspect).length,
  };
}

/** The figures on the card, for a version whose answers are not stored. */
function cardFigures({ holdout, leaveGroupOut }: HeadCard): Figures {
  const metrics = holdout ?? leaveGroupOut;
  return {
    answersStored: false,
    basis: holdout ? 'holdout' : 'leave-group-out',
    samples: metrics.samples,
    holdout: holdout?.samples ?? 0,
    accuracy: interval(metrics.accuracy, metrics.samples),
    macroF1: interval(metrics.macroF1, metrics.samples),
    labels: metrics.labels,
    confusion: metrics.confusion,
    classes: metricsClasses(metrics),
    reliability: [],
    ece: metrics.ece,
    suspects: 0,
  };
}

/** Compares version a with version b on the samples that both answered. */
export function versionComparison(a: VersionAnswers, b: VersionAnswers): Compared {
  const compared = compareAnswers(pairedAnswers(a.answers, b.answers));
  const { samples, bothRight, bothWrong, gained, lost, classes } = compared;
  return {
    samples,
    bothRight: bothRight.length,
    bothWrong: bothWrong.length,
    onlyARight: { samples: lost.length, pairs: lost.slice(0, COMPARED_PAIRS).map(pair) },
    onlyBRight: { samples: gained.length, pairs: gained.slice(0, COMPARED_PAIRS).map(pair) },
    summary: comparisonSummary(a.stored.card.version, b.stored.card.version, compared),
    classes: classes.map((each) => ({
      label: each.label,
      samples: each.samples,
      recallA: each.rightBefore / each.samples,
      recallB: each.rightNow / each.samples,
      f1A: each.f1Before,
      f1B: each.f1Now,
    })),
  };
}

function comparisonSummary(
  a: number,
  b: number,
  { samples, gained, lost }: { samples: number; gained: unknown[]; lost: unknown[] },
): Message {
  const values = { a, b, samples, onlyA: lost.length, onlyB: gained.length };
  if (samples === 0) {
    const text = `Heads ${a} and ${b} have answered no picture in common.`;
    return { key: 'compare.nothing', values, text };
  }
  const text =
    `Of ${samples} pictures, head ${b} alone is right on ${gained.length}, ` +
    `and head ${a} alone on ${lost.length}.`;
  return { key: 'compare.summary', values, text };
}

function detail({ name, passed, detail: text, values }: GateDecision['checks'][number]) {
  const flat = Object.entries(values).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return { key: `check.${name}`, values: Object.fromEntries(flat), text, passed };
}

function pair({ id, truth, before, now }: ChangedAnswer): VerdictPair {
  const scored = ({ label, confidence }: ChangedAnswer['now']) => ({
    label,
    probability: confidence,
  });
  return { sampleId: id, label: truth, before: scored(before), after: scored(now) };
}

function matrix(cells: readonly ConfusionCell[], classes: readonly ClassFacts[]): number[][] {
  const at = new Map(classes.map(({ label }, i) => [label, i]));
  const counts = classes.map(() => classes.map(() => 0));
  for (const { truth, answer, ids } of cells) counts[at.get(truth)!]![at.get(answer)!] = ids.length;
  return counts;
}

function figures({ confusedWith, ...facts }: ClassFacts): ClassFigures {
  const { label, samples, answered } = facts;
  return {
    label,
    samples,
    precision: answered > 0 ? facts.precision : null,
    recall: samples > 0 ? facts.recall : null,
    f1: samples + answered > 0 ? facts.f1 : null,
    takenFor: confusedWith,
  };
}

function metricsClasses({ labels, confusion, perClass }: LabelledMetrics): ClassFigures[] {
  return labels.map((label, i) => {
    const { precision, recall, f1, support } = perClass[i]!;
    const wrong = confusion[i]!.map((count, c) => (c === i ? 0 : count));
    const most = Math.max(...wrong);
    return {
      label,
      samples: support,
      precision,
      recall,
      f1,
      takenFor: most > 0 ? { label: labels[wrong.indexOf(most)]!, samples: most } : null,
    };
  });
}

function bin(facts: CalibrationBin): VersionAnswer['reliability'][number] {
  const { from, to, samples, confidence, accuracy, lower, upper } = facts;
  const known = accuracy !== null && lower !== null && upper !== null;
  return {
    from,
    to,
    samples,
    meanProbability: confidence,
    accuracy: known ? { value: accuracy, low: lower, high: upper } : null,
  };
}

/** Mean distance of confidence and accuracy over the samples of the bins (Naeini et al. 2015). */
function calibrationError(bins: readonly CalibrationBin[], samples: number): number {
  return bins.reduce(
    (sum, { samples: own, confidence, accuracy }) =>
      sum + (own * Math.abs((confidence ?? 0) - (accuracy ?? 0))) / samples,
    0,
  );
}

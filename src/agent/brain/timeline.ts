import { firstSentence } from '../../base/words/message.js';
import type { Interval, TimelineEntry } from '../../console/contract/brain-contract.js';
import type { AnswerScore } from '../../gate/answers/answer-score.js';
import { wilsonInterval } from '../../head/intervals/wilson.js';
import type { LabelledMetrics } from '../../head/labelled-metrics.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { HistoryRecord, PinRecord } from '../../registry/history.js';
import type { StoredReport } from '../../training/stored-report.js';

type TrainingEntry = Extract<TimelineEntry, { kind: 'training' }>;
type SwitchEntry = Extract<TimelineEntry, { kind: 'switch' }>;

/** Everything that tells of the versions of a task. */
export interface TimelineFacts {
  reports: readonly StoredReport[];
  /** Cards of the stored versions. */
  cards: readonly HeadCard[];
  /** Oldest first. */
  switches: readonly HistoryRecord[];
  pins: readonly PinRecord[];
  serving: number | null;
  pinned: number | null;
}

/**
 * Trainings, switches of the serving head and pins, newest first. A training whose version directory is
 * gone is known from its report, and one whose report is gone from its card.
 */
export function timelineOf(facts: TimelineFacts): TimelineEntry[] {
  const served = servingTimes(facts.switches);
  const stored = new Set(facts.cards.map(({ version }) => version));
  const about = (version: number | null) => ({
    serving: version !== null && version === facts.serving,
    pinned: version !== null && version === facts.pinned,
    stored: version !== null && stored.has(version),
    served: version === null ? [] : (served.get(version) ?? []),
    fleetVersion: facts.cards.find((card) => card.version === version)?.fleet?.version ?? null,
  });
  const reported = new Set(facts.reports.map(({ trainingId }) => trainingId));
  const trainings = [
    ...facts.reports.map((report) => ({
      ...ofReport(report),
      ...about(report.result?.version ?? null),
    })),
    ...facts.cards
      .filter(({ trainingId }) => !reported.has(trainingId))
      .map((card) => ({ ...ofCard(card), ...about(card.version) })),
  ];
  const entries = [...trainings, ...switchEntries(facts, trainings), ...facts.pins.map(ofPin)];
  return entries.sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** A training without what depends on what serves now. */
type BareTraining = Omit<
  TrainingEntry,
  'serving' | 'pinned' | 'stored' | 'served' | 'fleetVersion'
>;

function ofReport(report: StoredReport): BareTraining {
  const { result, verdict, reason } = report;
  return {
    kind: 'training',
    at: report.finishedAt,
    trainingId: report.trainingId,
    trigger: report.trigger,
    outcome: report.outcome,
    version: result?.version ?? null,
    verdict: verdict ?? earlierVerdict(reason),
    trust: result?.trust?.level ?? null,
    ...(result?.score ? scoreFigures(result.score) : metricsFigures(result?.holdout ?? null)),
    labels: result?.samples ? result.samples.training + result.samples.holdout : null,
    durationMs: report.durationMs,
  };
}

function ofCard(card: HeadCard): BareTraining {
  const { samples, gate, holdout, leaveGroupOut, durationsMs } = card;
  return {
    kind: 'training',
    at: card.createdAt,
    trainingId: card.trainingId,
    trigger: card.trigger,
    outcome: gate.promote ? 'promoted' : 'refused',
    version: card.version,
    verdict: earlierVerdict(gate.reason),
    trust: card.trust?.level ?? null,
    ...metricsFigures(holdout ?? leaveGroupOut),
    basis: holdout ? 'holdout' : 'leave-group-out',
    labels: samples.reduce((sum, { training, holdout: held }) => sum + training + held, 0),
    durationMs: Object.values(durationsMs).reduce((sum, ms) => sum + ms, 0),
  };
}

/** A verdict of an earlier headland: the first sentence of its reason. */
function earlierVerdict(reason: string): TrainingEntry['verdict'] {
  const text = firstSentence(reason);
  return { key: 'verdict.earlier', values: { text }, text };
}

type Figures = Pick<TrainingEntry, 'basis' | 'macroF1' | 'accuracy'>;

export function scoreFigures(score: AnswerScore): {
  basis: 'holdout' | 'leave-group-out';
  macroF1: Interval;
  accuracy: Interval;
} {
  return {
    basis: score.holdout === score.samples ? 'holdout' : 'leave-group-out',
    macroF1: { value: score.macroF1, low: score.macroF1Lower, high: score.macroF1Upper },
    accuracy: { value: score.accuracy, low: score.accuracyLower, high: score.accuracyUpper },
  };
}

/** Figures of an earlier headland, which stored no answers: every sample counts alone. */
function metricsFigures(metrics: LabelledMetrics | null): Figures {
  if (!metrics) return { basis: null, macroF1: null, accuracy: null };
  return {
    basis: 'holdout',
    macroF1: interval(metrics.macroF1, metrics.samples),
    accuracy: interval(metrics.accuracy, metrics.samples),
  };
}

/** @param samples > 0 */
export function interval(value: number, samples: number): Interval {
  const { lower, upper } = wilsonInterval(value, samples);
  return { value, low: lower, high: upper };
}

/** When each version served; `to` null: it still does. */
function servingTimes(
  switches: readonly HistoryRecord[],
): Map<number, { from: string; to: string | null }[]> {
  const times = new Map<number, { from: string; to: string | null }[]>();
  let open: { version: number; time: { from: string; to: string | null } } | null = null;
  for (const { at, version } of switches) {
    if (open && version === open.version) continue;
    if (open) open.time.to = at;
    open = version === null ? null : { version, time: { from: at, to: null } };
    if (open) times.set(open.version, [...(times.get(open.version) ?? []), open.time]);
  }
  return times;
}

/** Switches that no training of the list tells of already. */
function switchEntries(
  { switches }: TimelineFacts,
  trainings: readonly TrainingEntry[],
): SwitchEntry[] {
  const promoted = new Set(
    trainings.flatMap(({ version, outcome }) => (outcome === 'promoted' ? version : [])),
  );
  return switches.flatMap(({ at, event, version, by }): SwitchEntry[] => {
    const isTraining = by === 'training' || (by === undefined && event === 'promoted');
    if (isTraining && version !== null && promoted.delete(version)) return [];
    return [{ kind: 'switch', at, version, how: event.replace('-', '_'), by: by ?? 'robot' }];
  });
}

function ofPin({ at, event, version, by }: PinRecord): SwitchEntry {
  return { kind: 'switch', at, version, how: event, by: by ?? 'robot' };
}

import { z } from 'zod';
import { RollbackMonitor } from '../head/compare.js';
import type { GateDecision } from './gate-decision.js';

/** Scale of the logistic distribution that is close to the normal distribution. */
const LOGISTIC_SCALE = 1.702;

const answer = z.strictObject({
  label: z.string(),
  /** Probability of the true label, 0..1; 0 when the head does not know it. */
  probability: z.number().min(0).max(1),
});

const trialSchema = z.strictObject({
  schema: z.literal(3),
  /**
   * `serving`: the head on trial serves, and the head that it replaced is in its shadow.
   * `candidate`: the gate refused the head on trial, and it is in the shadow of the serving head.
   */
  role: z.enum(['serving', 'candidate']),
  /** The head on trial. */
  version: z.int().min(1),
  /** The head that it replaced, or would replace. */
  previous: z.int().min(1),
  /**
   * When the head took over by the history, or was made. Another promotion of it is another trial.
   */
  since: z.string(),
  /** Labels up to this revision of the store are counted already. */
  revision: z.int().min(0),
  /** The trial ends after this many observations without an alarm. */
  maxLabels: z.int().min(1),
  /** Odds for the head in the shadow at which it takes over. */
  alarmAt: z.number().gt(1),
  /** Number of classes that either head knows. */
  classes: z.int().min(2),
  /** Samples that neither head has learnt, in the order of their labels. */
  observations: z.array(
    z.strictObject({
      sampleId: z.string(),
      group: z.string(),
      label: z.string(),
      /** Answers of both heads. */
      previous: answer,
      current: answer,
    }),
  ),

  /**
   * `passed`: the serving head stays; `rolled-back`, `promoted`: the head in the shadow took over.
   */
  outcome: z.enum(['running', 'passed', 'rolled-back', 'promoted']),
  /** ISO 8601, UTC; null during the trial. */
  endedAt: z.string().nullable(),
});

/**
 * The trial of a head beside the one that it replaced, or beside the one that the gate preferred;
 * `shadow.json` of its version. It survives a restart and records why the trial ended.
 */
export type ShadowTrial = z.infer<typeof trialSchema>;
export type ShadowObservation = ShadowTrial['observations'][number];

export function newTrial(
  start: Pick<
    ShadowTrial,
    'role' | 'version' | 'previous' | 'since' | 'revision' | 'maxLabels' | 'alarmAt' | 'classes'
  >,
): ShadowTrial {
  return { schema: 3, ...start, observations: [], outcome: 'running', endedAt: null };
}

/**
 * Reads a trial; null when the text is none. A trial can begin again, and a head serves without
 * one.
 */
export function parseTrial(text: string): ShadowTrial | null {
  try {
    return trialSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The trial with one more labelled sample; it ends when that sample decides it. Pure. */
export function observed(
  trial: ShadowTrial,
  observation: ShadowObservation,
  nowMs: number,
): ShadowTrial {
  const next = { ...trial, observations: [...trial.observations, observation] };
  const { alarm } = tally(next);
  const over = next.observations.length >= next.maxLabels;
  if (!alarm && !over) return next;
  return {
    ...next,
    outcome: alarm ? (trial.role === 'serving' ? 'rolled-back' : 'promoted') : 'passed',
    endedAt: new Date(nowMs).toISOString(),
  };
}

export interface TrialTally {
  labels: number;
  /** Labels on which only the head on trial was right, and only the head before it. */
  currentAlone: number;
  previousAlone: number;
  /** Odds for the head in the shadow; see {@link RollbackMonitor}. */
  wealth: number;
  alarm: boolean;
}

/** The state of a trial, recomputed from its observations. */
export function tally(trial: ShadowTrial): TrialTally {
  const monitor = new RollbackMonitor(trial);
  let currentAlone = 0;
  let previousAlone = 0;
  for (const { group, label, previous, current } of trial.observations) {
    if (trial.role === 'serving') {
      monitor.observe(previous.probability, current.probability, group);
    } else monitor.observe(current.probability, previous.probability, group);
    if (current.label === label && previous.label !== label) currentAlone += 1;
    if (previous.label === label && current.label !== label) previousAlone += 1;
  }
  return {
    labels: trial.observations.length,
    currentAlone,
    previousAlone,
    wealth: monitor.wealth,
    alarm: monitor.alarm,
  };
}

/**
 * Odds that the shadow must reach: those of the gate, for a gain when it promoted and against one
 * when it refused. The less sure the gate was, the sooner new labels overrule it. The odds of a
 * normal posterior by the logistic approximation: e^(1.702 |mean| / deviation) (Bowling et al.
 * 2009).
 */
export function alarmAt(
  checks: GateDecision['checks'],
  { trialAlarm, rollbackAlarm }: { trialAlarm: number; rollbackAlarm: number },
): number {
  const { mean, deviation } = checks.find(({ name }) => name === 'expected-gain')?.values ?? {};
  if (typeof mean !== 'number' || typeof deviation !== 'number') return rollbackAlarm;
  const odds = Math.exp((LOGISTIC_SCALE * Math.abs(mean)) / deviation);
  return Math.max(Math.min(odds, rollbackAlarm), Math.min(trialAlarm, rollbackAlarm));
}

/** The outcome in one sentence. */
export function describeTrial(trial: ShadowTrial): string {
  const { labels, currentAlone, previousAlone, wealth } = tally(trial);
  const which = trial.role === 'serving' ? 'against it' : 'for it';
  const odds =
    `of ${labels} new labels, head ${trial.version} alone was right on ${currentAlone} and ` +
    `head ${trial.previous} alone on ${previousAlone} (odds ${which} ${wealth.toFixed(1)}, alarm at ${trial.alarmAt.toFixed(1)})`;
  switch (trial.outcome) {
    case 'running':
      return `${trial.role === 'serving' ? 'on trial' : 'in the shadow'} until ${trial.maxLabels} labels: ${odds}`;
    case 'passed':
      return trial.role === 'serving'
        ? `passed its trial: ${odds}`
        : `did not prove better in the shadow: ${odds}`;
    case 'rolled-back':
      return `rolled back to head ${trial.previous}: ${odds}`;
    case 'promoted':
      return `proved better than head ${trial.previous} in the shadow: ${odds}`;
  }
}

import { z } from 'zod';
import { RollbackMonitor } from '../head/compare.js';

const answer = z.strictObject({
  label: z.string(),
  /** Of the true label, 0..1; 0 when the head does not know it. */
  probability: z.number().min(0).max(1),
});

const trialSchema = z.strictObject({
  schema: z.literal(2),
  /** The head on trial. */
  version: z.int().min(1),
  /** The head that it replaced. */
  previous: z.int().min(1),
  /** When it took over, as the history says; another promotion of it is another trial. */
  since: z.string(),
  /** Labels up to this revision of the store were looked at. */
  revision: z.int().min(0),
  /** After so many observations without an alarm the trial is over. */
  maxLabels: z.int().min(1),
  /** Odds against the head on trial at which the one before comes back. */
  alarmAt: z.number().gt(1),
  /** How many classes either head knows. */
  classes: z.int().min(2),
  /** Samples that neither head has learnt, as their labels came. */
  observations: z.array(
    z.strictObject({
      sampleId: z.string(),
      group: z.string(),
      label: z.string(),
      /** What each head says. */
      previous: answer,
      current: answer,
    }),
  ),

  outcome: z.enum(['running', 'passed', 'rolled-back']),
  /** ISO 8601, UTC; null while it runs. */
  endedAt: z.string().nullable(),
});

/**
 * The trial of a promoted head beside the one that it replaced; `shadow.json` of its version. It is
 * the state that outlives a restart and the record of why it ended as it did.
 */
export type ShadowTrial = z.infer<typeof trialSchema>;
export type ShadowObservation = ShadowTrial['observations'][number];

export function newTrial(
  start: Pick<
    ShadowTrial,
    'version' | 'previous' | 'since' | 'revision' | 'maxLabels' | 'alarmAt' | 'classes'
  >,
): ShadowTrial {
  return { schema: 2, ...start, observations: [], outcome: 'running', endedAt: null };
}

/** Reads a trial; null when it is not one: a trial can begin again, a head serves without. */
export function parseTrial(text: string): ShadowTrial | null {
  try {
    return trialSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The trial with one labelled sample more, ended when that decides it. Pure. */
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
    outcome: alarm ? 'rolled-back' : 'passed',
    endedAt: new Date(nowMs).toISOString(),
  };
}

export interface TrialTally {
  labels: number;
  /** Labels that only the head on trial had right, and only the one before. */
  currentAlone: number;
  previousAlone: number;
  /** Odds against the head on trial; see {@link RollbackMonitor}. */
  wealth: number;
  alarm: boolean;
}

/** How a trial stands, recomputed from its observations. */
export function tally(trial: ShadowTrial): TrialTally {
  const monitor = new RollbackMonitor(trial);
  let currentAlone = 0;
  let previousAlone = 0;
  for (const { label, previous, current } of trial.observations) {
    monitor.observe(previous.probability, current.probability);
    if (current.label === label && previous.label !== label) currentAlone += 1;
    if (previous.label === label && current.label !== label) previousAlone += 1;
  }
  return {
    labels: trial.observations.length,
    ...{ currentAlone, previousAlone, wealth: monitor.wealth, alarm: monitor.alarm },
  };
}

/** One sentence in words. */
export function describeTrial(trial: ShadowTrial): string {
  const { labels, currentAlone, previousAlone, wealth } = tally(trial);
  const odds =
    `of ${labels} new labels head ${trial.version} alone had ${currentAlone} right and ` +
    `head ${trial.previous} alone ${previousAlone} (odds against it ${wealth.toFixed(1)}, alarm at ${trial.alarmAt})`;
  switch (trial.outcome) {
    case 'running':
      return `on trial until ${trial.maxLabels} labels: ${odds}`;
    case 'passed':
      return `passed its trial: ${odds}`;
    case 'rolled-back':
      return `rolled back to head ${trial.previous}: ${odds}`;
  }
}

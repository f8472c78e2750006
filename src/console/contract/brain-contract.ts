import { z } from 'zod';
import { headSummary } from './live-contract.js';
import {
  count,
  label,
  message,
  probability,
  type RouteContracts,
  sampleId,
  scoredLabel,
  wholeNumber,
} from './route-contract.js';

/** A share and its 95 % interval. */
const interval = z.object({ value: probability, low: probability, high: probability });
export type Interval = z.infer<typeof interval>;

const holdoutMetrics = z.object({
  /** Class names; the index of `confusion`. */
  labels: z.array(label).readonly(),
  samples: count,
  accuracy: probability,
  macroF1: probability,
  macroPrecision: probability,
  macroRecall: probability,
  logLoss: z.number(),
  ece: z.number(),
  /** Counts; row = the true class, column = the predicted one. */
  confusion: z.array(z.array(count)),
});

const headVersion = headSummary.extend({
  /** Metrics on the holdout samples of its training; null: there were none. */
  holdout: holdoutMetrics.nullable(),
  serving: z.boolean(),
});
export type HeadVersion = z.infer<typeof headVersion>;

const outcome = z.enum(['promoted', 'refused', 'failed', 'cancelled']);

const trainingReport = z.object({
  trainingId: z.string(),
  outcome,
  /** The reason for the outcome, for people. */
  reason: z.string(),
  /** The resulting version; null when there is none. */
  headVersion: count.nullable(),
  learner: z.string().nullable(),
  holdout: holdoutMetrics.nullable(),
  finishedAt: z.string(),
  /** Milliseconds by stage; `total` is the whole training. */
  durations: z.object({ total: z.number() }).catchall(z.number()),
});
export type TrainingReport = z.infer<typeof trainingReport>;

/** What the figures of a head were measured on. */
const basis = z.enum(['holdout', 'leave-group-out']);

const timelineEntry = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('training'),
    /** ISO 8601, UTC. */
    at: z.string(),
    trainingId: z.string(),
    trigger: z.string(),
    outcome,
    /** Null: no head was made. */
    version: count.nullable(),
    /** Number in the fleet of the head that it comes from; null: trained on this robot alone. */
    fleetVersion: count.nullable(),
    /** One sentence. */
    verdict: message,
    trust: z.string().nullable(),
    basis: basis.nullable(),
    macroF1: interval.nullable(),
    accuracy: interval.nullable(),
    /** Labelled samples that the training knew; null: it made no head. */
    labels: count.nullable(),
    durationMs: z.number(),
    /** When the version served, oldest first; `to` is null while it does. */
    served: z.array(z.object({ from: z.string(), to: z.string().nullable() })),
    serving: z.boolean(),
    pinned: z.boolean(),
    /** The version directory exists: it can serve, be compared and be downloaded. */
    stored: z.boolean(),
  }),
  z.object({
    kind: z.literal('switch'),
    at: z.string(),
    /** Null: no head serves from then on. */
    version: count.nullable(),
    /** promoted, rolled_back, pinned, unpinned, fell_back, withdrawn, found */
    how: z.string(),
    /** console, mqtt, cli, button, training, shadow, fleet, robot */
    by: z.string(),
  }),
]);
export type TimelineEntry = z.infer<typeof timelineEntry>;

const pair = z.object({
  sampleId,
  label,
  before: scoredLabel,
  after: scoredLabel,
});
export type VerdictPair = z.infer<typeof pair>;

const perClass = z.object({
  label,
  samples: count,
  precision: probability.nullable(),
  recall: probability.nullable(),
  f1: probability.nullable(),
  /** The class that it is most often taken for; null: no mistake. */
  takenFor: z.object({ label, samples: count }).nullable(),
});
export type ClassFigures = z.infer<typeof perClass>;

const reliabilityBin = z.object({
  /** Bounds of the stated probability. */
  from: probability,
  to: probability,
  samples: count,
  /** Null: the bin is empty. */
  meanProbability: probability.nullable(),
  /** Share of right answers. */
  accuracy: interval.nullable(),
});

const versionParams = z.strictObject({ version: wholeNumber(1, 1e9) });

/** What was learnt, whether it is better, and how to go back. */
export const BRAIN = {
  'GET /api/brain/timeline': {
    summary:
      'List trainings and switches of heads, newest first, including those before a restart.',
    query: z.strictObject({
      limit: wholeNumber(1, 100).optional(),
      /** ISO 8601: only what is older. */
      before: z.string().max(64).optional(),
    }),
    answer: z.object({
      entries: z.array(timelineEntry),
      /** There are older ones. */
      more: z.boolean(),
      serving: count.nullable(),
      pinned: count.nullable(),
    }),
  },
  'GET /api/brain/versions/{version}': {
    summary: 'Read everything that is known about one version.',
    params: versionParams,
    answer: z.object({
      version: count,
      head: headVersion,
      verdict: message,
      /** Checks and figures behind the verdict; key `check.<name>`, text with all figures. */
      details: z.array(message.extend({ passed: z.boolean() })),
      /** What the labels since the training before changed. */
      changes: z.array(message),
      trust: z.object({ level: z.string(), steps: z.array(message) }).nullable(),
      /**
       * Every sample's answer is stored: the figures follow the labels of now, and `answered` of
       * `GET /api/pictures` names the samples behind a cell.
       */
      answersStored: z.boolean(),
      /** Null: nothing was compared. */
      comparedWith: count.nullable(),
      /** At most 8 each. */
      better: z.array(pair),
      worse: z.array(pair),
      /** Null: no sample was judged. */
      basis: basis.nullable(),
      /** Judged samples; those of the holdout among them. */
      samples: count,
      holdout: count,
      accuracy: interval.nullable(),
      macroF1: interval.nullable(),
      labels: z.array(label),
      /** Row = the true class, column = the predicted one. */
      confusion: z.array(z.array(count)),
      classes: z.array(perClass),
      /** Ten bins of equal width; empty: the answers are not stored. */
      reliability: z.array(reliabilityBin),
      ece: z.number().nullable(),
      /** Samples whose label the head doubts. */
      suspects: count,
    }),
  },
  'GET /api/brain/curve': {
    summary: 'Read how the heads have improved with the number of labels, oldest first.',
    answer: z.object({
      points: z.array(
        z.object({
          version: count,
          at: z.string(),
          labels: count,
          outcome,
          basis,
          macroF1: interval,
          accuracy: interval,
        }),
      ),
    }),
  },
  'GET /api/brain/compare': {
    summary: 'Compare two versions on the samples that both have answered.',
    query: z.strictObject({ a: wholeNumber(1, 1e9), b: wholeNumber(1, 1e9) }),
    answer: z.object({
      samples: count,
      bothRight: count,
      bothWrong: count,
      /** At most 100 samples each; the counts are complete. */
      onlyARight: z.object({ samples: count, pairs: z.array(pair) }),
      onlyBRight: z.object({ samples: count, pairs: z.array(pair) }),
      summary: message,
      classes: z.array(
        z.object({
          label,
          samples: count,
          recallA: probability,
          recallB: probability,
          f1A: probability,
          f1B: probability,
        }),
      ),
    }),
  },
  'GET /api/brain/versions/{version}/onnx': {
    summary: 'Read a version, with its backbone, as one ONNX model.',
    params: versionParams,
    answer: { mediaTypes: ['application/octet-stream'] },
  },
  'GET /api/reports': {
    summary: 'List trainings, newest first.',
    query: z.strictObject({ limit: wholeNumber(1, 100).optional() }),
    answer: z.object({ reports: z.array(trainingReport) }),
  },
  'GET /api/heads': {
    summary: 'List the stored versions, newest first.',
    answer: z.object({ heads: z.array(headVersion) }),
  },
  'POST /api/retrain': {
    summary: 'Start a training.',
    status: 202,
    answer: z.object({ trainingId: z.string() }),
  },
  'POST /api/rollback': {
    summary: 'Switch back to an older version, by default to the previous one.',
    body: z.strictObject({ version: count.min(1).optional() }),
    answer: z.object({ version: count }),
  },
  'POST /api/promote': {
    summary: 'Switch to a version even if the gate has refused it.',
    body: z.strictObject({ version: count.min(1) }),
    answer: z.object({ version: count }),
  },
  'POST /api/pin': {
    summary: 'Keep a version serving whatever trainings find; null ends that.',
    body: z.strictObject({ version: count.min(1).nullable() }),
    answer: z.object({ pinned: count.nullable() }),
  },
} as const satisfies RouteContracts;

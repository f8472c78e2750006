import { z } from 'zod';
import { MAX_LABEL_CHARACTERS, MAX_LABELLED_TOGETHER } from '../../base/words/label-limits.js';
import {
  atMs,
  count,
  label,
  message,
  probability,
  type RouteContracts,
  sampleId,
  scoredLabel,
  undoHandle,
  wholeNumber,
} from './route-contract.js';

/** A label as a person gives it; the store checks it further. */
export const givenLabel = z
  .string()
  .trim()
  .min(1, 'a label must have at least one character')
  .refine(
    (text) => [...text].length <= MAX_LABEL_CHARACTERS,
    `a label must have at most ${MAX_LABEL_CHARACTERS} characters`,
  )
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a label must not contain control characters');

const group = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a group must not contain control characters');

const waitingSample = z.object({
  id: sampleId,
  capturedAtMs: atMs,
  camera: z.string(),
  /** The most probable label according to the serving head; null without one. */
  guess: scoredLabel.nullable(),
});

/** Why the robot asks for the label of a sample. */
export const ASK_REASONS = ['uncertain', 'novel', 'different', 'rare', 'requested'] as const;

const question = waitingSample.extend({
  reason: z.enum(ASK_REASONS),
  /** The reason in a sentence, with what it is about. */
  why: message,
  /** Whether the guess is worth a large button of its own. */
  offered: z.boolean(),
  /** Other labels of the task, the most probable first; without a head, the most frequent first. */
  others: z.array(label),
});
export type Question = z.infer<typeof question>;

const lookAlikeSample = z.object({
  id: sampleId,
  capturedAtMs: atMs,
  /** Of the embeddings, 0..1. */
  cosine: z.number(),
});
export type LookAlikeSample = z.infer<typeof lookAlikeSample>;

const progress = z.object({
  /** What the labels lead to next: a first head, a training, or more trust in the head that serves. */
  step: z.enum(['first-head', 'training', 'trust']),
  /** Share of the way to the step, 0..1; labels only add to it until the next training begins. */
  share: probability,
  /** What is missing for the step: `"Tomato" needs 1 more label.` */
  next: message,
  /** Labels that single classes need, for the step or for more trust; empty: no class in particular. */
  needs: z.array(z.object({ label, labels: count })),
  labelled: count,
  waiting: count,
  /** Labels given or changed since the last training. */
  newLabels: count,
});
export type TeachProgress = z.infer<typeof progress>;

/** Asking for labels and taking them. */
export const TEACH = {
  'GET /api/teach/questions': {
    summary: 'List the samples whose labels help most, the most useful first.',
    query: z.strictObject({
      limit: wholeNumber(1, 100).optional(),
      /** Ids of samples, separated by commas, that the person has skipped: they come last. */
      skipped: z.string().max(16_384).optional(),
    }),
    answer: z.object({
      questions: z.array(question),
      waiting: count,
      /** The label for an image that shows none of the things: an existing class, or the default. */
      nothingLabel: label,
    }),
  },
  'GET /api/teach/progress': {
    summary: 'Tell how far the task is on the way to the next step.',
    answer: progress,
  },
  'GET /api/teach/changes': {
    summary: 'Tell what the labels since the training before the last have changed.',
    answer: z.object({
      /** Null before the first training. */
      trainingId: z.string().nullable(),
      messages: z.array(message),
    }),
  },
  'GET /api/teach/near': {
    summary: 'List the classes that a new label may mean.',
    query: z.strictObject({ label: z.string().max(256) }),
    answer: z.object({
      /** The class that the label looks like; it would be refused. */
      alike: label.nullable(),
      /** Classes of nearly the same spelling, the nearest first. */
      near: z.array(label),
    }),
  },
  'GET /api/waiting': {
    summary: 'List samples that wait for a label, newest first.',
    query: z.strictObject({ limit: wholeNumber(1, 100).optional() }),
    answer: z.object({ samples: z.array(waitingSample) }),
  },
  'GET /api/look-alikes': {
    summary: 'List waiting samples that look like a sample, the most alike first.',
    query: z.strictObject({ sample: sampleId }),
    answer: z.object({ samples: z.array(lookAlikeSample) }),
  },
  'POST /api/label': {
    summary: 'Label a frame in memory, a sample, or up to 64 samples; durable with the answer.',
    body: z.union([
      z.strictObject({
        frameId: z.string().min(1).max(192),
        label: givenLabel,
        group: group.optional(),
      }),
      z.strictObject({ sampleId, label: givenLabel }),
      z.strictObject({
        sampleIds: z.array(sampleId).min(1).max(MAX_LABELLED_TOGETHER),
        label: givenLabel,
      }),
    ]),
    answer: z.object({ sampleIds: z.array(sampleId), undo: undoHandle }),
  },
} as const satisfies RouteContracts;

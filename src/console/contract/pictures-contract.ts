import { z } from 'zod';
import {
  atMs,
  count,
  label,
  message,
  type RouteContracts,
  sampleId,
  scoredLabel,
  undoHandle,
  wholeNumber,
} from './route-contract.js';
import { givenLabel } from './teach-contract.js';

/** Where a sample stands in a task. Only labelled samples are learnt from. */
export const SAMPLE_STATES = [
  'labelled',
  'waiting',
  'cannot_tell',
  'bad_image',
  'ignored',
  'trash',
] as const;
export type SampleState = (typeof SAMPLE_STATES)[number];

/** What the newest training says about a labelled sample. */
export const VERDICTS = ['wrong', 'doubtful', 'suspect'] as const;
export type SampleVerdict = (typeof VERDICTS)[number];

const picture = z.object({
  id: sampleId,
  state: z.enum(SAMPLE_STATES),
  /** Null unless it is labelled. */
  label: label.nullable(),
  /** Held out: no head is trained on it. */
  holdout: z.boolean(),
  camera: z.string(),
  capturedAtMs: atMs,
  /** False: it was removed to make room; label and features remain. */
  hasPicture: z.boolean(),
  /** The answer of the newest judged head, given without having learnt from it; null: none. */
  answer: scoredLabel.nullable(),
  verdicts: z.array(z.enum(VERDICTS)),
});
export type Picture = z.infer<typeof picture>;

/** Which samples; every field narrows the choice. */
const filter = z.strictObject({
  state: z.enum(SAMPLE_STATES).optional(),
  label: label.max(256).optional(),
  side: z.enum(['training', 'holdout']).optional(),
  verdict: z.enum(VERDICTS).optional(),
  /** What a head has answered, for the cells of a confusion matrix; `label` is the true class. */
  answered: label.max(256).optional(),
  /** The head that has answered; default: the newest judged one. */
  version: wholeNumber(1, 1e9).optional(),
  camera: z.string().max(256).optional(),
  fromMs: wholeNumber(-1e15, 1e15).optional(),
  toMs: wholeNumber(-1e15, 1e15).optional(),
  /** `latitude,longitude,radiusMeters` */
  place: z
    .string()
    .regex(/^-?\d{1,3}(\.\d{1,9})?,-?\d{1,3}(\.\d{1,9})?,\d{1,6}$/)
    .optional(),
  /** Ids separated by commas, at most 200. */
  ids: z.string().max(32_768).optional(),
});
export type PictureFilter = z.input<typeof filter>;

const changed = z.object({
  /** Samples that are different now. */
  changed: count,
  undo: undoHandle,
  /** What else the person should know, such as an alert that still names the old class. */
  warnings: z.array(message),
});

const newState = z.union([
  z.strictObject({ label: givenLabel }),
  z.strictObject({
    /** `restored`: out of the trash, with the label that it had. */
    state: z.enum(['waiting', 'cannot_tell', 'bad_image', 'ignored', 'trash', 'restored']),
  }),
]);

/** Seeing and correcting everything that is stored. */
export const PICTURES = {
  'GET /api/pictures': {
    summary: 'List stored samples, newest first; any part of the list by its offset.',
    query: filter.extend({
      order: z.enum(['newest', 'oldest']).optional(),
      offset: wholeNumber(0, 1e9).optional(),
      limit: wholeNumber(1, 200).optional(),
    }),
    answer: z.object({ total: count, pictures: z.array(picture) }),
  },
  'GET /api/pictures/facets': {
    summary: 'Count the stored samples by state, class, camera, day and place.',
    query: z.strictObject({
      /** Minutes east of UTC, for the days. */
      offsetMinutes: wholeNumber(-900, 900).optional(),
    }),
    answer: z.object({
      states: z.array(z.object({ state: z.enum(SAMPLE_STATES), samples: count })),
      verdicts: z.array(z.object({ verdict: z.enum(VERDICTS), samples: count })),
      classes: z.array(z.object({ label, training: count, holdout: count })),
      cameras: z.array(z.object({ camera: z.string(), samples: count })),
      /** Newest first; `fromMs` included, `toMs` excluded. */
      days: z.array(z.object({ fromMs: atMs, toMs: atMs, samples: count })),
      /** Where samples lie close together; empty: no positions are known. */
      places: z.array(
        z.object({
          latitude: z.number(),
          longitude: z.number(),
          radiusMeters: z.number(),
          samples: count,
        }),
      ),
    }),
  },
  'GET /api/pictures/{id}': {
    summary: 'Read one sample with the history of its labels.',
    params: z.strictObject({ id: sampleId }),
    answer: z.object({
      picture,
      position: z.object({ latitude: z.number(), longitude: z.number() }).nullable(),
      origin: z.string().nullable(),
      /** Oldest first; null: no label. */
      history: z.array(
        z.object({ atMs, from: label.nullable(), to: label.nullable(), by: z.string() }),
      ),
    }),
  },
  'GET /api/samples/{id}/picture': {
    summary: 'Read the image of a sample as it was captured.',
    params: z.strictObject({ id: sampleId }),
    answer: { mediaTypes: ['image/jpeg', 'image/png', 'image/webp'] },
  },
  'GET /api/samples/{id}/thumbnail': {
    summary: 'Read a small image of a sample.',
    params: z.strictObject({ id: sampleId }),
    answer: { mediaTypes: ['image/webp'] },
  },
  'POST /api/pictures/set': {
    summary: 'Label samples, or make them wait, ignore or delete them: all or none.',
    body: z.strictObject({ ids: z.array(sampleId).min(1).max(1_000), to: newState }),
    answer: changed,
  },
  'POST /api/classes/rename': {
    summary: 'Rename a class; with `merge`, join it with an existing one.',
    body: z.strictObject({
      from: z.string().min(1).max(256),
      to: givenLabel,
      merge: z.boolean().optional(),
    }),
    answer: changed,
  },
  'POST /api/classes/ignore': {
    summary: 'Ignore all samples of a class.',
    body: z.strictObject({ label: z.string().min(1).max(256) }),
    answer: changed,
  },
  'POST /api/undo': {
    summary: 'Take a change back. Samples that were changed again since keep their state.',
    body: z.strictObject({ undo: z.string().min(1).max(128) }),
    answer: z.object({ changed: count, kept: count, undo: undoHandle }),
  },
  'POST /api/pictures/import': {
    summary: 'Store one image, or a zip archive of class folders.',
    query: z.strictObject({
      /** Name of the file, or its path below the imported folder. */
      name: z.string().min(1).max(4_096),
      /** Absent: the folder in `name`, or that in the archive; without any, the sample waits. */
      label: givenLabel.optional(),
    }),
    body: { mediaTypes: ['image/jpeg', 'image/png', 'image/webp', 'application/zip'] },
    /** The setting `console.maxImportBytes` bounds it. */
    maxBodyBytes: 1e15,
    answer: z.object({
      stored: count,
      duplicates: count,
      /** Files that were not taken, at most 100. */
      refused: z.array(z.object({ name: z.string(), code: z.string(), message: z.string() })),
      refusedTotal: count,
    }),
  },
  'GET /api/pictures/export': {
    summary: 'Read samples as a zip archive of class folders with a manifest.',
    query: filter,
    answer: { mediaTypes: ['application/zip'] },
  },
} as const satisfies RouteContracts;

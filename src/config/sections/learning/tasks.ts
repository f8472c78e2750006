import { z } from 'zod';
import { TASK_NAME } from '../../../base/words/task.js';
import { inference } from '../inference.js';
import { gate } from './gate.js';
import { samples } from './samples.js';
import { training } from './training.js';

/** Most tasks of one robot. */
const MAX_TASKS = 16;

type Overrides<S extends z.ZodRawShape> = {
  [K in keyof S]: z.ZodOptional<S[K] extends z.ZodDefault<infer Inner> ? Inner : S[K]>;
};

/** The same settings without defaults: what a task leaves out, it takes from the section. */
function overrides<S extends z.ZodRawShape>(shape: S, section: string) {
  const fields = Object.entries(shape).map(([name, field]) => {
    const bare = field instanceof z.ZodDefault ? field.unwrap() : field;
    const optional = (bare as z.ZodType).optional();
    const { description } = field as z.ZodType;
    return [name, description === undefined ? optional : optional.describe(description)];
  });
  return z
    .strictObject(Object.fromEntries(fields) as Overrides<S>)
    .prefault({} as never)
    .describe(`Settings of this task instead of those in ${section}`);
}

const { topK, maxErrorShare, unknownAlpha } = inference.unwrap().shape;
const {
  holdoutShare,
  holdoutAfterSamples,
  askBelowProbability,
  askMaxWaiting,
  askIntervalMs,
  nothingLabel,
} = samples.unwrap().shape;
const names = (what: string) => z.array(z.string().min(1)).max(64).default([]).describe(what);

const task = z.lazy(() =>
  z.strictObject({
    name: z
      .string()
      .regex(
        TASK_NAME,
        'use 1 to 32 lower-case letters, digits, "_" or "-", first a letter, but not "current"',
      )
      .describe('Name of the task: appears in topics, commands and folders'),
    cameras: names('Cameras whose images this task decides on; none given = all'),
    regions: names('Regions of these cameras that this task decides on; none given = all'),
    training: overrides(training.unwrap().shape, 'training'),
    gate: overrides(gate.unwrap().shape, 'gate'),
    inference: overrides({ topK, maxErrorShare, unknownAlpha }, 'inference'),
    samples: overrides(
      {
        holdoutShare,
        holdoutAfterSamples,
        askBelowProbability,
        askMaxWaiting,
        askIntervalMs,
        nothingLabel,
      },
      'samples',
    ),
  }),
);

export const tasks = z
  .array(task)
  .max(MAX_TASKS)
  .refine(
    (all) => new Set(all.map(({ name }) => name)).size === all.length,
    'two tasks have the same name',
  )
  .default([])
  .describe(
    'Questions asked of the images, each with labels and heads of its own. None given: one task named "main" on all cameras',
  );

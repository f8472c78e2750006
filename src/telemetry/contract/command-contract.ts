import { z } from 'zod';
import { MAX_LABEL_TEXT } from '../../base/words/label.js';
import { MAX_LABELLED_TOGETHER } from '../../base/words/label-limits.js';
import { TASK_NAME } from '../../base/words/task.js';

/**
 * Every command that a robot accepts on `headland/<robot>/cmd/<name>`, and the schema of its
 * answer.
 */

const transaction = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .describe('Echoed in the answer; a repeat within 10 minutes is not executed again');
const identity = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,191}$/, 'use 1 to 192 letters, digits, "_", ".", ":", "-"');
const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects them
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not contain control characters');
const version = z.int().min(1).max(1_000_000_000);
const task = z
  .string()
  .regex(TASK_NAME, 'use the name of a task')
  .optional()
  .describe('Name of the task; it may be left out when the robot has one');
/** Longest time of a hold that is not renewed. */
export const MAX_HOLD_SECONDS = 3_600;
const what = z.enum(['inference', 'training']);

export const COMMANDS = {
  retrain: z
    .strictObject({ transaction, task })
    .describe('Train a head now on all labels of the task'),
  label: z
    .strictObject({
      transaction,
      task,
      sample: identity.optional().describe('Id of a stored sample (`sample_id`)'),
      samples: z
        .array(identity)
        .min(1)
        .max(MAX_LABELLED_TOGETHER)
        .optional()
        .describe(
          'Ids of stored samples, which all get the label or none; near-duplicates join one group',
        ),
      frame: identity.optional().describe('Id of a recent frame (`frame_id` of a prediction)'),
      label: text(MAX_LABEL_TEXT),
      group: text(128)
        .optional()
        .describe('Images of one group are never split between training and holdout'),
    })
    .refine(
      (c) => [c.sample, c.samples, c.frame].filter((given) => given !== undefined).length === 1,
      { message: 'give one of "sample", "samples" and "frame"' },
    )
    .refine((c) => c.group === undefined || c.samples === undefined, {
      message: 'give no "group" with "samples": near-duplicates are grouped by their likeness',
    })
    .describe('Label images; give exactly one of sample, samples and frame'),
  look_alikes: z
    .strictObject({ transaction, task, sample: identity.describe('Id of a stored sample') })
    .describe(
      'List the waiting samples of the same pass that look like a sample, most alike first',
    ),
  rollback: z
    .strictObject({ transaction, task, version: version.optional() })
    .describe('Serve an older head: the given version, else the previous one'),
  promote: z
    .strictObject({ transaction, task, version })
    .describe('Serve this head although the gate refused it'),
  pin: z
    .strictObject({
      transaction,
      task,
      version: version.optional().describe('Absent: the head that serves'),
    })
    .describe('Serve this head until `unpin`: trainings go on, but replace nothing'),
  unpin: z.strictObject({ transaction, task }).describe('Undo `pin`'),
  snapshot: z
    .strictObject({
      transaction,
      task: task.describe(
        'Task for which the frame waits for a label; it may be left out when one task decides on it',
      ),
      camera: text(64).optional(),
      region: text(64).optional().describe('Region of that camera'),
      include_picture: z.boolean().optional().describe('Include the JPEG in the answer, as base64'),
    })
    .refine(({ camera, region }) => region === undefined || camera !== undefined, {
      message: 'give the "camera" of the "region"',
    })
    .describe('Return the latest frame and its prediction'),
  speed: z
    .strictObject({
      transaction,
      meters_per_second: z.number().min(0).max(50).describe('0: the robot stands'),
    })
    .describe('Report the speed of the robot, for outputs that are delayed by distance'),
  acknowledge_alerts: z
    .strictObject({
      transaction,
      rule: text(64).optional().describe('Name of an alert rule; absent: all rules'),
    })
    .describe('Switch off the outputs of the alerts that are raised now, until they rise again'),
  status: z.strictObject({ transaction }).describe('Return the complete state of the robot'),
  pause: z.strictObject({ transaction, what }).describe('Pause inference or training'),
  resume: z.strictObject({ transaction, what }).describe('Undo `pause`'),
  hold: z
    .strictObject({
      transaction,
      holder: text(64).describe('Name of the program that holds; it renews with the same name'),
      seconds: z.number().min(1).max(MAX_HOLD_SECONDS).describe('The hold ends by itself after it'),
      reason: text(128).optional().describe('For people'),
    })
    .describe(
      'Do not disturb: no training and no other head until `release` or the end of the time',
    ),
  release: z.strictObject({ transaction, holder: text(64) }).describe('Undo `hold`'),
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandPayload<N extends CommandName> = z.infer<(typeof COMMANDS)[N]>;
/** A validated command, discriminated by `name`. */
export type Command = { [N in CommandName]: { name: N } & CommandPayload<N> }[CommandName];

export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

const answer = {
  schema: z.literal('response/1'),
  boot: z.string().min(1).max(64),
  seq: z.int().min(0),
  at: z.iso.datetime(),
  command: z.string().max(64),
  transaction: z.string().max(64).optional(),
};

export const responseSchema = z
  .discriminatedUnion('ok', [
    z.strictObject({ ...answer, ok: z.literal(true), data: z.unknown() }),
    z.strictObject({
      ...answer,
      ok: z.literal(false),
      error: z.strictObject({
        code: z.string().regex(/^HL_[A-Z0-9_]+$/),
        message: z.string(),
        remedy: z.string(),
      }),
    }),
  ])
  .describe('Answer to a command');

export type CommandResponse = z.infer<typeof responseSchema>;
type OmitEach<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An answer without its envelope, which the client adds. */
export type CommandAnswer = OmitEach<CommandResponse, 'schema' | 'boot' | 'seq' | 'at'>;

import { z } from 'zod';
import { HOLD_REASONS } from '../../base/words/hold-reason.js';
import { TASK_NAME } from '../../base/words/task.js';

/**
 * Everything that headland publishes: one strict schema per topic below `headland/<robot>/`.
 * JSON, snake_case, units in names, times as ISO 8601 UTC, `schema` = "<topic>/<version>".
 * Commands and their answers are in command-contract.ts.
 */

const time = z.iso.datetime().describe('ISO 8601, UTC');
const probability = z.number().min(0).max(1);
const count = z.int().min(0);
const percent = z.number().min(0).max(100);
const milliseconds = z.number().min(0);
const region = z.string().min(1).max(64);
const label = z.string().min(1).max(128);
const version = z.int().min(1);
const task = z
  .string()
  .regex(TASK_NAME)
  .describe('Name of the task; "main" when the settings name none');
const errorCode = z.string().regex(/^HL_[A-Z0-9_]+$/);
const alarmName = z.string().max(128).describe('Subject of the alarm, such as "store"');

const position = z
  .strictObject({
    latitude: z.number().min(-90).max(90).describe('Degrees, WGS 84'),
    longitude: z.number().min(-180).max(180).describe('Degrees, WGS 84'),
    accuracy_meters: z
      .number()
      .min(0)
      .nullable()
      .describe('Radius that holds the true place in 95 of 100 cases; null: not known'),
    altitude_meters: z.number().nullable().describe('Above mean sea level'),
    speed_meters_per_second: z.number().min(0).nullable().describe('Over ground'),
    course_degrees: z
      .number()
      .min(0)
      .lt(360)
      .nullable()
      .describe('Direction of movement, clockwise from true north'),
  })
  .optional()
  .describe('Where the robot was; absent: not known');

const trust = z.enum(['beginner', 'useful', 'proven']);
const headLabels = count
  .optional()
  .describe('Labels that the head has learnt instantly since its training; absent: none');
const labelRevision = count
  .optional()
  .describe('Newest label that the head has learnt, numbered as in answers to `label`');

/** Fields of every message: its schema, unique number and time. */
const envelope = <S extends string>(schema: S) => ({
  schema: z.literal(schema),
  boot: z.string().min(1).max(64).describe('Identifies a start of the daemon'),
  seq: count.describe('Increases within a boot; (boot, seq) is unique: use it to drop duplicates'),
  at: time.describe('When the message was composed; it may arrive much later'),
});

export const ROBOT_STATES = ['starting', 'online', 'paused', 'stopping', 'offline'] as const;

export const statusSchema = z
  .strictObject({
    ...envelope('status/1'),
    session: count.describe(
      'Counts the connections of a boot; ignore an offline of an older (boot, session)',
    ),
    state: z.enum(ROBOT_STATES),
    since: time.nullable().describe('When the state began; null in the last will'),
    reason: z
      .string()
      .max(256)
      .nullable()
      .describe('"connection_lost" in the last will, "stopped" after a clean stop'),
    paused: z.array(z.enum(['inference', 'training'])).describe('Paused by command'),
    held_by: z
      .array(z.string().max(64))
      .max(64)
      .optional()
      .describe('Holders of the do-not-disturb lock, see the command `hold`; absent: none'),
    alarms: z
      .array(z.strictObject({ alarm: alarmName, code: errorCode }))
      .max(256)
      .optional()
      .describe('Raised alarms, oldest first; absent in an offline'),
  })
  .describe('Whether the robot is online and working');

export const infoSchema = z
  .strictObject({
    ...envelope('info/1'),
    version: z.string().max(64).describe('Version of headland'),
    node: z.string().max(64).describe('Version of Node.js'),
    backbone: z.string().max(128).describe('Model card of the backbone'),
    backbone_checksum: z.string().max(128).nullable().optional(),
    backbone_instead_of: z
      .string()
      .max(128)
      .nullable()
      .optional()
      .describe(
        'The configured int8 backbone, when the fp32 one serves because int8 does not match',
      ),
    engine: z.string().max(128).describe('Runtime of the backbone'),
    cameras: z
      .array(
        z.strictObject({
          name: z.string().max(64),
          driver: z.string().max(64),
          simulated: z.boolean().describe('True: rendered images, no real camera'),
          regions: z.array(region).max(64).optional().describe('Empty: the whole image is one'),
        }),
      )
      .max(64),
    tasks: z
      .array(
        z.strictObject({
          name: task,
          cameras: z.array(z.string().max(64)).max(64).describe('Empty: all cameras'),
          regions: z.array(region).max(64).describe('Empty: all regions of these cameras'),
          labels: z.array(label).max(10_000).describe('Labels of its samples, sorted'),
        }),
      )
      .max(64)
      .optional()
      .describe('Questions that the robot asks of images, in the order of its settings'),
    labels: z
      .array(label)
      .max(10_000)
      .optional()
      .describe('Labels of the samples of all tasks, sorted'),
    hostname: z.string().max(256).optional(),
    arch: z.string().max(32).optional(),
    os: z.string().max(128).optional(),
  })
  .describe('Software and cameras of the robot');

export const modelSchema = z
  .strictObject({
    ...envelope('model/1'),
    task,
    head_version: version.nullable().describe('Null: no head serves yet'),
    labels: z.array(label).max(10_000).describe('Classes of the serving head'),
    learner: z.string().max(32).nullable(),
    holdout_macro_f1: probability.nullable(),
    trained_at: time.nullable(),
    backbone: z.string().max(128),
    pinned: z
      .boolean()
      .optional()
      .describe('True: trainings and trials do not replace the head, see the command `pin`'),
    trust: trust
      .nullable()
      .optional()
      .describe('Strength of the evidence; null: no head serves, or it is older than this field'),
    next_step: z
      .string()
      .max(2_048)
      .nullable()
      .optional()
      .describe('For people: what would raise the trust'),
    head_labels: headLabels,
    label_revision: labelRevision,
  })
  .describe('The serving head');

export const predictionSchema = z
  .strictObject({
    ...envelope('prediction/1'),
    task,
    frame_id: z.string().min(1).max(192).describe('Id of the frame, for the command `label`'),
    camera: z.string().max(64),
    region: region.optional().describe('Region of the image; absent: the whole image'),
    sequence: count.describe(
      'Frame number of the camera; gaps are frames dropped as outdated, still or not decodable',
    ),
    captured_at: time,
    label: label.describe('"unknown": none of the classes'),
    probability,
    guess: z
      .boolean()
      .describe(
        'True: predictions of this probability are wrong more often than inference.maxErrorShare, or too few answers are known to tell (trust beginner, classes new since the training)',
      ),
    belief: probability
      .optional()
      .describe(
        'Probability of belief_label, from all frames of the scene; absent: no head serves',
      ),
    belief_label: label
      .optional()
      .describe('The joint decision on all frames of the scene; alerts use it'),
    unknown_share: probability
      .optional()
      .describe('Share of the last 100 predictions of the task that were "unknown"'),
    scene_frames: count.optional().describe('Frames of the scene, including this one'),
    top: z.array(z.strictObject({ label, probability })).max(20).describe('Best first'),
    head_version: version
      .nullable()
      .describe('Null: no trained head; with head_labels, a head made from the first labels'),
    trust: trust.optional().describe('Trust in the head of this prediction'),
    head_labels: headLabels,
    label_revision: labelRevision,
    novelty_p_value: probability
      .nullable()
      .optional()
      .describe('Share of known samples that are at least as novel; null: not available'),
    timings: z.strictObject({
      decode_ms: milliseconds,
      backbone_ms: milliseconds,
      head_ms: milliseconds,
      total_ms: milliseconds.describe('From the start of decoding to the decision'),
    }),
    sample_id: z.string().max(128).optional().describe('Set when the frame was stored as a sample'),
    position,
  })
  .describe('The prediction for one frame');

export const EVENT_KINDS = [
  'alert_raised',
  'alert_acknowledged',
  'alert_cleared',
  'clip_saved',
  'alarm_raised',
  'alarm_cleared',
  'label_requested',
  'camera',
  'head_changed',
  'fleet_head',
  'temperature',
  'command_refused',
  'failure',
] as const;

export const eventSchema = z
  .strictObject({
    ...envelope('event/1'),
    kind: z.enum(EVENT_KINDS),
    severity: z.enum(['info', 'warning', 'critical']),
    message: z.string().max(2_048).describe('For people'),
    code: errorCode.optional().describe('Error code of the cause, if any'),
    details: z.record(z.string(), z.unknown()).describe('For programs; depends on kind'),
    position,
  })
  .describe('A notable event');

const perClass = z.strictObject({
  event: count,
  report: count,
  metrics: count,
  result: count,
  fleet: count,
});

export const metricsSchema = z
  .strictObject({
    ...envelope('metrics/1'),
    uptime_seconds: z.number().min(0),
    frames_total: count,
    dropped_total: count.describe('Frames skipped because a newer one had arrived'),
    frames_per_second: z.number().min(0),
    frame_ms_p50: milliseconds
      .nullable()
      .describe('From the start of decoding to the decision; null before the first frame'),
    frame_ms_p95: milliseconds.nullable(),
    loop_delay_ms_p99: milliseconds.nullable(),
    rss_bytes: count,
    temperature_c: z.number().nullable(),
    throttled: z
      .boolean()
      .nullable()
      .optional()
      .describe('The board throttles itself or has undervoltage; null: not available'),
    frame_limit: z
      .strictObject({
        frames_per_second: z.number().positive(),
        reason: z.enum(['configured', 'heat', 'supply', 'battery']),
      })
      .nullable()
      .optional()
      .describe('Limit of the frame rate over all cameras, and its reason; null: no limit'),
    disk_free_bytes: count.nullable().optional(),
    pressure: z
      .strictObject({
        cpu_percent: percent.nullable(),
        memory_percent: percent.nullable(),
        io_percent: percent.nullable(),
      })
      .optional()
      .describe(
        'Share of the last ten seconds during which a process waited for the resource; null: not available',
      ),
    memory_available_bytes: count.nullable().optional(),
    storage: z
      .strictObject({
        life_used_percent: z
          .number()
          .min(0)
          .nullable()
          .describe('Of the most worn eMMC, in steps of 10, rounded up'),
        reserve: z
          .enum(['normal', 'low', 'urgent'])
          .nullable()
          .describe('Spare blocks of the eMMC'),
        file_system_errors: count.nullable().describe('Recorded by ext4'),
      })
      .optional()
      .describe('Wear of the storage; null: not available'),
    clock: z
      .enum(['synchronized', 'rtc', 'unset'])
      .nullable()
      .optional()
      .describe(
        'Source of the date: a time server, a battery-backed clock, or none; null: unknown',
      ),
    written_bytes_total: count
      .nullable()
      .optional()
      .describe('Sent to storage by the daemon and its child processes; null: not available'),
    written_bytes_last_day: count.nullable().optional().describe('The same, last 24 hours'),
    samples: z.strictObject({
      total: count,
      labelled: count,
      waiting: count.describe('Stored frames that wait for a label'),
      thinned: count
        .optional()
        .describe('Labelled samples whose image was removed to make room; features remain'),
      holdout: count.optional(),
    }),
    outbox: z.strictObject({
      messages: count,
      bytes: count,
      oldest_seconds: z.number().min(0),
      dropped_total: perClass.describe('Dropped because of size, age or expiry'),
    }),
    predictions_dropped_total: count.describe('Not sent: no connection or a slow link'),
    commands_total: count,
    commands_refused_total: count,
  })
  .describe('Counters are totals since the start of the daemon, so a lost message loses no count');

export const cameraQualitySchema = z
  .strictObject({
    ...envelope('camera_quality/1'),
    camera: z.string().max(64),
    condition: z
      .enum(['good', 'garbage', 'dark', 'overexposed', 'blurred'])
      .nullable()
      .describe('Null until several measurements agree'),
    captured_at: time.describe('Capture time of the measured frame'),
    mean_luma: probability
      .nullable()
      .describe('0 black, 1 white; this and the next fields are null for an undecodable frame'),
    saturation: probability.nullable().describe('0 grey, 1 pure colours'),
    overexposed_share: probability.nullable().describe('Share of overexposed pixels'),
    sharpness: z.number().min(0).nullable().describe('Comparable only with usual_sharpness'),
    usual_sharpness: z
      .number()
      .min(0)
      .nullable()
      .describe("Median of this camera's good frames since the start; null: too few yet"),
  })
  .describe('Image quality of a camera: shows a dirty, dark or dazzled lens');

export const trainingProgressSchema = z
  .strictObject({
    ...envelope('training_progress/1'),
    task,
    training_id: z.string().min(1).max(128),
    phase: z.enum(['collect', 'embed', 'fit', 'evaluate', 'publish']),
    done: count,
    total: count.describe('Steps of this phase; 0 = unknown'),
    eta_seconds: z.number().min(0).nullable(),
    paused: z
      .enum(HOLD_REASONS)
      .nullable()
      .optional()
      .describe('Why the training is paused; null: it runs'),
  })
  .describe('Progress of a training');

export const holdoutSchema = z
  .strictObject({
    accuracy: probability,
    macro_precision: probability,
    macro_recall: probability,
    macro_f1: probability,
    macro_auc: probability
      .nullable()
      .describe('Null when a class has no positives or no negatives'),
    log_loss: z.number().min(0),
    samples: count,
    confusion: z
      .array(z.array(count))
      .describe('[true class][predicted class], in the order of labels'),
    labels: z.array(label),
    evidence: z
      .enum(['holdout', 'leave_group_out'])
      .optional()
      .describe(
        'holdout (default): groups never trained on; leave_group_out: cross-validation by group',
      ),
  })
  .describe('Evaluation of a head');

export const trainingReportSchema = z
  .strictObject({
    ...envelope('training_report/1'),
    task,
    training_id: z.string().min(1).max(128),
    trigger: z.string().max(64).describe('labels, cron, command, cli, console …'),
    outcome: z.enum(['promoted', 'refused', 'failed', 'cancelled']),
    verdict: z
      .strictObject({
        key: z.string().max(64).describe('Names the sentence'),
        values: z
          .record(z.string(), z.union([z.number(), z.string()]))
          .describe('Its figures and names'),
        text: z.string().max(4_096).describe('The sentence in English'),
      })
      .optional()
      .describe('The result in one sentence'),
    reason: z.string().max(4_096).describe('For people: the figures behind the verdict'),
    head_version: version.nullable().describe('Version of the new head; null: none'),
    samples: count,
    classes: count,
    holdout: holdoutSchema.nullable(),
    champion_holdout: holdoutSchema
      .nullable()
      .describe('Evaluation of the head that served before'),
    learner: z.string().max(32).nullable(),
    lambda: z.number().min(0).nullable(),
    duration_seconds: z.number().min(0),
    trust: trust.nullable().optional().describe('Trust in the new head'),
    next_step: z
      .string()
      .max(2_048)
      .nullable()
      .optional()
      .describe('For people: what would raise the trust'),
    left_out: z
      .array(z.strictObject({ label, labels_missing: count }))
      .max(10_000)
      .optional()
      .describe('Classes with too few labels to train on, and how many they lack'),
    error: z.strictObject({ code: z.string(), message: z.string(), remedy: z.string() }).optional(),
  })
  .describe('Result of a training');

/**
 * Every message that the robot publishes unasked. topics.ts has the topic, QoS and expiry of each.
 */
export const MESSAGES = {
  status: statusSchema,
  info: infoSchema,
  model: modelSchema,
  prediction: predictionSchema,
  event: eventSchema,
  metrics: metricsSchema,
  camera_quality: cameraQualitySchema,
  training_progress: trainingProgressSchema,
  training_report: trainingReportSchema,
} as const;

export type MessageName = keyof typeof MESSAGES;
export type Message<N extends MessageName> = z.infer<(typeof MESSAGES)[N]>;

type Envelope = 'schema' | 'boot' | 'seq' | 'at';
/** A message without its envelope, which the client adds. */
export type StatusBody = Omit<Message<'status'>, Envelope | 'session'>;
export type InfoBody = Omit<Message<'info'>, Envelope>;
export type ModelBody = Omit<Message<'model'>, Envelope>;
export type PredictionBody = Omit<Message<'prediction'>, Envelope>;
export type PositionBody = NonNullable<PredictionBody['position']>;
export type EventBody = Omit<Message<'event'>, Envelope>;
/** The client adds its own counters (outbox, dropped predictions, commands). */
export type MetricsBody = Omit<
  Message<'metrics'>,
  Envelope | 'outbox' | 'predictions_dropped_total' | 'commands_total' | 'commands_refused_total'
>;
export type CameraQualityBody = Omit<Message<'camera_quality'>, Envelope>;
export type TrainingProgressBody = Omit<Message<'training_progress'>, Envelope>;
export type TrainingReportBody = Omit<Message<'training_report'>, Envelope>;
export type Holdout = z.infer<typeof holdoutSchema>;

/** Prefix of every topic of a robot: `headland/<robot>/`. */
export function topicPrefix(robotId: string): string {
  return `headland/${robotId}/`;
}

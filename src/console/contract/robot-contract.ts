import { z } from 'zod';
import {
  atMs,
  count,
  message,
  nothing,
  probability,
  type RouteContracts,
  wholeNumber,
} from './route-contract.js';

/** A setting in the file: keys and indices from the root. */
const settingPath = z
  .array(z.union([z.string().max(128), count.max(10_000)]))
  .min(1)
  .max(12);

const settingChange = z.union([
  z.strictObject({ path: settingPath, value: z.unknown() }),
  z.strictObject({ path: settingPath, unset: z.literal(true) }),
]);

const settingProblem = z.object({
  path: settingPath,
  /** Line in the file, from 1; null: not in the file. */
  line: count.nullable(),
  message: z.string(),
});

const settingChanges = z.strictObject({
  /** Of the settings that were read; the file must not have changed since. */
  checksum: z.string().max(64),
  changes: z.array(settingChange).min(1).max(200),
});

/** What a change of settings needs before it takes effect. */
const effect = z.enum(['now', 'reload', 'restart']);

const doctorCheck = z.object({
  name: z.string(),
  outcome: z.enum(['ok', 'warning', 'failure', 'skipped']),
  message: z.string(),
  remedy: z.string().nullable(),
});

const doctorState = z.object({
  running: z.boolean(),
  done: count,
  total: count,
  /** Of the last complete run; null before it. */
  finishedAtMs: atMs.nullable(),
  checks: z.array(doctorCheck),
});
export type DoctorState = z.infer<typeof doctorState>;

const logRecord = z.object({
  sequence: count,
  atMs,
  level: z.enum(['debug', 'info', 'warn', 'error', 'fatal']),
  message: z.string(),
  code: z.string().nullable(),
});
export type LogRecord = z.infer<typeof logRecord>;

export const EVENT_KINDS = ['alarm', 'camera', 'training', 'head', 'alert', 'change'] as const;

const robotEvent = z.object({
  id: z.string(),
  atMs,
  kind: z.enum(EVENT_KINDS),
  severity: z.enum(['info', 'warning', 'critical']),
  message,
});
export type RobotEvent = z.infer<typeof robotEvent>;

/** Fractions of the width and the height of the whole image, 0..1. */
const box = z.strictObject({
  x: probability,
  y: probability,
  width: probability,
  height: probability,
});
export type Box = z.infer<typeof box>;
const polygon = z
  .array(z.tuple([probability, probability]))
  .min(3)
  .max(100);
export type Polygon = z.infer<typeof polygon>;

const region = z.strictObject({
  name: z.string().min(1).max(64),
  box,
  /** What must not be seen: painted over before anything else sees the image. */
  masks: z.array(polygon),
});
export type CameraRegion = z.infer<typeof region>;

const outputState = z.object({
  name: z.string(),
  description: z.string(),
  on: z.boolean().nullable(),
  /** Ends at; null: no test runs. */
  testUntilMs: atMs.nullable(),
});

const alertRule = z.object({
  name: z.string(),
  /** In words. */
  description: z.string(),
  outputs: z.array(z.string()),
  raisedSinceMs: atMs.nullable(),
  acknowledged: z.boolean(),
});

const cameraParams = z.strictObject({ camera: z.string().regex(/^[^/]{1,128}$/) });

/** Health, settings and devices of the robot. */
export const ROBOT = {
  'GET /api/robot/settings': {
    summary: 'Read the settings as they stand in the file, and their JSON Schema.',
    ofRobot: true,
    answer: z.object({
      /** Null: this process was started without a file. */
      path: z.string().nullable(),
      checksum: z.string(),
      writable: z.boolean(),
      /** Why the settings cannot be changed here, and what to do; null: they can. */
      reason: z.string().nullable(),
      /** Secrets are replaced by `true`. */
      values: z.unknown(),
      /** Every leaf has `description`, `default` and `x-effect` (now, reload, restart). */
      schema: z.unknown(),
      /** Settings that were written and wait for a restart. */
      restartNeeded: z.array(z.string()),
    }),
  },
  'POST /api/robot/settings/check': {
    summary: 'Check changes of settings without writing them.',
    ofRobot: true,
    body: settingChanges,
    answer: z.object({ problems: z.array(settingProblem), effect }),
  },
  'POST /api/robot/settings': {
    summary: 'Write changes of settings and apply what needs no restart.',
    ofRobot: true,
    body: settingChanges,
    answer: z.object({ checksum: z.string(), effect, restartNeeded: z.array(z.string()) }),
  },
  'POST /api/robot/restart': {
    summary: 'End the daemon in order, so that its supervisor starts it again.',
    ofRobot: true,
    status: 202,
    answer: z.object({
      /** False: nothing starts it again; `reason` says what to do. */
      restarts: z.boolean(),
      reason: z.string().nullable(),
    }),
  },
  'GET /api/robot/doctor': {
    summary: 'Read the result and the progress of the checks.',
    ofRobot: true,
    answer: doctorState,
  },
  'POST /api/robot/doctor': {
    summary: 'Start the checks.',
    ofRobot: true,
    status: 202,
    answer: nothing,
  },
  'GET /api/robot/log': {
    summary: 'Read the newest log records, oldest first.',
    ofRobot: true,
    query: z.strictObject({
      /** Only records after this one. */
      after: wholeNumber(0, 1e15).optional(),
      limit: wholeNumber(1, 500).optional(),
    }),
    answer: z.object({ records: z.array(logRecord) }),
  },
  'GET /api/robot/events': {
    summary: 'List what has happened, newest first, including before a restart.',
    ofRobot: true,
    query: z.strictObject({
      kind: z.enum(EVENT_KINDS).optional(),
      beforeMs: wholeNumber(-1e15, 1e15).optional(),
      limit: wholeNumber(1, 200).optional(),
    }),
    answer: z.object({ events: z.array(robotEvent), more: z.boolean() }),
  },
  'GET /api/robot/cameras/{camera}/still.jpg': {
    summary: 'Read the newest whole image of a camera, before regions are cut out.',
    ofRobot: true,
    params: cameraParams,
    answer: { mediaTypes: ['image/jpeg', 'image/png', 'image/webp'] },
  },
  'GET /api/robot/cameras/{camera}/regions': {
    summary: 'Read the regions and masks of a camera.',
    ofRobot: true,
    params: cameraParams,
    answer: z.object({
      masks: z.array(polygon),
      regions: z.array(region),
      /** The checksum for {@link settingChanges}. */
      checksum: z.string(),
    }),
  },
  'POST /api/robot/cameras/{camera}/regions': {
    summary: 'Write the regions and masks of a camera to the settings and apply them.',
    ofRobot: true,
    params: cameraParams,
    body: z.strictObject({
      checksum: z.string().max(64),
      masks: z.array(polygon).max(32),
      regions: z.array(region).max(64),
    }),
    answer: z.object({ checksum: z.string(), effect }),
  },
  'GET /api/robot/cameras/found': {
    summary: 'List the cameras that this machine has.',
    ofRobot: true,
    answer: z.object({
      cameras: z.array(
        z.object({
          /** Settings of a camera that opens it. */
          settings: z.record(z.string(), z.unknown()),
          description: z.string(),
          configured: z.boolean(),
        }),
      ),
    }),
  },
  'GET /api/robot/alerts': {
    summary: 'List alert rules and outputs with their state.',
    ofRobot: true,
    answer: z.object({ rules: z.array(alertRule), outputs: z.array(outputState) }),
  },
  'POST /api/robot/alerts/acknowledge': {
    summary: 'Switch off the outputs of raised alerts.',
    ofRobot: true,
    body: z.strictObject({ rule: z.string().max(128).optional() }),
    answer: z.object({ acknowledged: count }),
  },
  'POST /api/robot/outputs/{output}/test': {
    summary: 'Switch an output on for some seconds.',
    ofRobot: true,
    params: z.strictObject({ output: z.string().max(128) }),
    body: z.strictObject({ seconds: z.number().min(0.1).max(10) }),
    answer: z.object({ untilMs: atMs }),
  },
} as const satisfies RouteContracts;

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
  /** `cameras[0].widthPixels`; empty: the whole file. */
  path: z.string(),
  /** Line in the changed file, from 1; null: not in the file. */
  line: count.nullable(),
  message: z.string(),
  remedy: z.string(),
});

const settingChanges = z.strictObject({
  /** Of the settings that were read; the file must not have changed since. */
  checksum: z.string().max(64),
  changes: z.array(settingChange).min(1).max(200),
});

/** What a change of settings needs before it takes effect; a reload begins by itself. */
const effect = z.enum(['reload', 'restart']);

const failure = z.object({ code: z.string(), message: z.string(), remedy: z.string() });

const settingsOutcome = z.object({
  /** `applying`: the robot begins to run with them; `waiting`: a restart applies them. */
  state: z.enum(['applying', 'applied', 'waiting', 'undone']),
  paths: z.array(z.string()),
  atMs,
  /** Why they were undone. */
  failure: failure.nullable(),
});

const findingState = z.enum(['ok', 'warning', 'failed', 'skipped']);

const doctorCheck = z.object({
  name: z.string(),
  /** The worst of its findings. */
  state: findingState,
  findings: z.array(
    z.object({
      state: findingState,
      /** A camera, a task, a setting; null: the whole check. */
      subject: z.string().nullable(),
      code: z.string().nullable(),
      reason: z.string(),
      remedy: z.string().nullable(),
    }),
  ),
});

const doctorState = z.object({
  running: z.boolean(),
  /** The check that runs. */
  check: z.string().nullable(),
  done: count,
  total: count,
  /** Of the last complete run; null before it. */
  finishedAtMs: atMs.nullable(),
  state: findingState.nullable(),
  checks: z.array(doctorCheck),
});
export type DoctorState = z.infer<typeof doctorState>;

const logLevel = z.enum(['info', 'warn', 'error', 'fatal']);

const logRecord = z.object({
  sequence: count,
  atMs,
  level: logLevel,
  message: z.string(),
  code: z.string().nullable(),
  remedy: z.string().nullable(),
  /** The other facts, as `name=value` words. */
  facts: z.string(),
});
export type LogRecord = z.infer<typeof logRecord>;

export const EVENT_KINDS = ['alarm', 'camera', 'training', 'head', 'alert', 'change'] as const;

const robotEvent = z.object({
  /** Ascending: for `before`. */
  id: count,
  atMs,
  kind: z.enum(EVENT_KINDS),
  severity: z.enum(['info', 'warning', 'critical']),
  message,
});
export type RobotEvent = z.infer<typeof robotEvent>;

/** Fractions of the width and the height of an image, 0..1. */
const box = z.strictObject({
  left: probability,
  top: probability,
  width: probability,
  height: probability,
});
export type Box = z.infer<typeof box>;
/** [x, y] from the upper left corner of the whole image, 0..1. */
const polygon = z
  .array(z.tuple([probability, probability]))
  .min(3)
  .max(64);

const region = box.extend({ name: z.string().min(1).max(64) });

/** How the images of a camera are divided, as in its settings. */
const pictureLayout = z.strictObject({
  /** The part of the whole image that is kept; null: all of it. */
  crop: box.nullable(),
  /** Of the kept part: boxes with names, or a grid, whose regions are named 1, 2, … row by row. */
  regions: z.union([
    z.array(region).max(32),
    z.strictObject({ columns: count.min(1).max(32), rows: count.min(1).max(32) }),
  ]),
  /** Of the whole image: blackened before anything else sees it. */
  masks: z.array(polygon).max(16),
});
export type PictureLayout = z.infer<typeof pictureLayout>;

const outputState = z.object({
  name: z.string(),
  /** The line; null: it cannot be opened now. */
  description: z.string().nullable(),
  on: z.boolean().nullable(),
  /** Ends at; null: no test runs. */
  testUntilMs: atMs.nullable(),
  /** Rules that switch it. */
  rules: z.array(z.string()),
});

const alertRule = z.object({
  name: z.string(),
  /** Its place in `alerts.rules` of the settings. */
  index: count,
  /** As in the settings, defaults included. */
  settings: z.record(z.string(), z.unknown()),
  output: z.string().nullable(),
  hasCommand: z.boolean(),
  /** What it is raised for now, the oldest first. */
  raised: z.array(
    z.object({
      task: z.string().nullable(),
      camera: z.string().nullable(),
      region: z.string().nullable(),
      label: z.string().nullable(),
      condition: z.string().nullable(),
      sinceMs: atMs,
      acknowledged: z.boolean(),
    }),
  ),
});

/** What a rule can be made of. */
const alertChoices = z.object({
  tasks: z.array(z.object({ name: z.string(), labels: z.array(z.string()) })),
  cameras: z.array(z.object({ name: z.string(), regions: z.array(z.string()) })),
  conditions: z.array(z.string()),
  outputs: z.array(z.string()),
});

const position = z.object({
  source: z.string(),
  state: z.enum(['fix', 'no_fix', 'silent']),
  latitude: z.number().nullable(),
  longitude: z.number().nullable(),
  accuracyMeters: z.number().nullable(),
  /** Since the receiver has reported it; null: it has reported none. */
  ageSeconds: z.number().nullable(),
});

const cameraParams = z.strictObject({ camera: z.string().regex(/^[^/]{1,128}$/) });

/** The text format of Prometheus. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Health, settings and devices of the robot. */
export const ROBOT = {
  'GET /metrics': {
    summary: 'Read all metrics in the text format of Prometheus.',
    ofRobot: true,
    answer: { mediaTypes: [METRICS_TYPE] },
  },
  'GET /api/robot/settings': {
    summary: 'Read the settings as they stand in the file, and their JSON Schema.',
    ofRobot: true,
    answer: z.object({
      /** Null: this process was started without a file. */
      path: z.string().nullable(),
      checksum: z.string(),
      /** Where changes are written: into the file, or beside the samples, on top of the file. */
      writtenTo: z.string().nullable(),
      writable: z.boolean(),
      /** Why the settings cannot be changed here, and what to do; null: they can. */
      reason: failure.nullable(),
      /** As written, without defaults; secrets in addresses are hidden. */
      values: z.unknown(),
      /** Everything that applies, defaults included; null: the file is wrong. */
      effective: z.unknown(),
      /**
       * Every setting has `description` and `default`. `requiresRestart`: no reload applies it;
       * `onlyByHand`: the page does not set it.
       */
      schema: z.unknown(),
      /** Settings that name a secret, which itself never leaves the robot. */
      secrets: z.array(z.object({ path: z.string(), set: z.boolean() })),
      /** Settings that were changed here, on top of a file that the robot does not write. */
      changedHere: z.array(z.string()),
      /** Settings that were written and wait for a restart. */
      restartNeeded: z.array(z.string()),
      last: settingsOutcome.nullable(),
    }),
  },
  'POST /api/robot/settings/check': {
    summary: 'Check changes of settings without writing them.',
    ofRobot: true,
    body: settingChanges,
    answer: z.object({ problems: z.array(settingProblem), effect }),
  },
  'POST /api/robot/settings': {
    summary:
      'Write changes of settings and begin to run with them; those that cannot run are undone, and `last` tells why.',
    ofRobot: true,
    body: settingChanges,
    answer: z.object({ checksum: z.string(), effect, restartNeeded: z.array(z.string()) }),
  },
  'POST /api/robot/restart': {
    summary: 'End the daemon in order and start it again.',
    ofRobot: true,
    status: 202,
    answer: nothing,
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
      /** The least level. */
      level: logLevel.optional(),
    }),
    answer: z.object({
      records: z.array(logRecord),
      /** For `after`: the newest record of any level. */
      newest: count,
    }),
  },
  'GET /api/robot/events': {
    summary: 'List what has happened, newest first, including before a restart.',
    ofRobot: true,
    query: z.strictObject({
      kind: z.enum(EVENT_KINDS).optional(),
      /** The id of the last event of the page before. */
      before: wholeNumber(0, 1e15).optional(),
      limit: wholeNumber(1, 200).optional(),
    }),
    answer: z.object({ events: z.array(robotEvent), more: z.boolean() }),
  },
  'GET /api/robot/cameras/{camera}/still.jpg': {
    summary:
      'Read the newest whole image of a camera, before crop, regions and masks. X-Headland-Captured-At-Ms holds its time.',
    ofRobot: true,
    params: cameraParams,
    answer: { mediaTypes: ['image/jpeg', 'image/png', 'image/webp'] },
  },
  'GET /api/robot/cameras/{camera}/regions': {
    summary: 'Read how the images of a camera are divided.',
    ofRobot: true,
    params: cameraParams,
    answer: pictureLayout.extend({
      /** The regions one by one, those of a grid too. */
      boxes: z.array(region),
      /** The checksum for {@link settingChanges}. */
      checksum: z.string(),
    }),
  },
  'POST /api/robot/cameras/{camera}/preview': {
    summary: 'Divide the newest image of a camera in another way, and save nothing.',
    ofRobot: true,
    params: cameraParams,
    body: pictureLayout,
    answer: z.object({
      pictures: z.array(
        z.object({
          /** Null: the whole image. */
          region: z.string().nullable(),
          /** At most 320 pixels wide. */
          mediaType: z.string(),
          base64: z.string(),
        }),
      ),
    }),
  },
  'POST /api/robot/cameras/{camera}/regions': {
    summary: 'Write how the images of a camera are divided to the settings, and apply it.',
    ofRobot: true,
    params: cameraParams,
    body: pictureLayout.extend({ checksum: z.string().max(64) }),
    answer: z.object({ checksum: z.string(), effect, restartNeeded: z.array(z.string()) }),
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
          /** Name of the camera in the settings; null: it is not there. */
          camera: z.string().nullable(),
        }),
      ),
    }),
  },
  'GET /api/robot/position': {
    summary: 'Read the last known position; null without a receiver.',
    ofRobot: true,
    answer: z.object({ position: position.nullable() }),
  },
  'GET /api/robot/alerts': {
    summary: 'List alert rules and outputs with their state, and what a rule can be made of.',
    ofRobot: true,
    answer: z.object({
      rules: z.array(alertRule),
      outputs: z.array(outputState),
      choices: alertChoices,
      checksum: z.string(),
    }),
  },
  'POST /api/robot/alerts/acknowledge': {
    summary: 'Switch off the outputs of raised alerts.',
    ofRobot: true,
    body: z.strictObject({ rule: z.string().max(128).optional() }),
    answer: z.object({ acknowledged: count }),
  },
  'POST /api/robot/alerts/{rule}/test': {
    summary: 'Run the command of a rule; answers when it has ended with exit code 0.',
    ofRobot: true,
    params: z.strictObject({ rule: z.string().max(128) }),
    answer: nothing,
  },
  'POST /api/robot/outputs/{output}/test': {
    summary: 'Switch an output on for some seconds, then off.',
    ofRobot: true,
    params: z.strictObject({ output: z.string().max(128) }),
    body: z.strictObject({ seconds: z.number().min(0.1).max(10) }),
    answer: z.object({ untilMs: atMs }),
  },
} as const satisfies RouteContracts;

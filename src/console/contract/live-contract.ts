import { z } from 'zod';
import { HOLD_REASONS } from '../../base/words/hold-reason.js';
import {
  atMs,
  count,
  label,
  message,
  probability,
  type RouteContracts,
  sampleId,
  scoredLabel,
  wholeNumber,
} from './route-contract.js';

export const pausable = z.enum(['inference', 'training']);

/** beginner, useful or proven; null: no head serves, or its trust is not known. */
const trust = z.string().nullable();

const alarmState = z.object({
  /** The part concerned: `store`, `console`, `output-<name>` … */
  name: z.string(),
  severity: z.enum(['warning', 'critical']),
  /** `HL_…` */
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  sinceAtMs: atMs,
});
export type AlarmState = z.infer<typeof alarmState>;

const cameraStatus = z.object({
  /** A region counts as a camera: `<camera>/<region>`. */
  name: z.string(),
  /** Whether the task decides on its images. */
  decided: z.boolean(),
  /** It delivers drawings or recordings instead of live images. */
  simulated: z.boolean(),
  description: z.string(),
  /** Phase of the camera supervisor; `running`: frames arrive. */
  phase: z.string(),
  /** good, garbage, dark, overexposed or blurred; null = not known yet. */
  condition: z.string().nullable(),
  framesTotal: count,
  /** Frames skipped because nothing had changed in them. */
  stillFrames: count,
  droppedTotal: count,
  /** Frames of the camera or region that are decided on. */
  framesPerSecond: z.number(),
  lastFrameAtMs: atMs.nullable(),
  restarts: count,
  lastRestartReason: z.string().nullable(),
});
export type CameraStatus = z.infer<typeof cameraStatus>;

/** What helps a user to choose a task. */
const taskSummary = z.object({
  name: z.string(),
  /** Labelled samples. */
  labelled: count,
  /** Samples that wait for a label. */
  waiting: count,
  /** Version of the trained head that serves; null: none does. */
  headVersion: count.nullable(),
  /** Labels that the instant learner has added to the head, or learned without one; null: none. */
  learntLabels: count.nullable(),
  trust,
  training: z.boolean(),
});
export type TaskSummary = z.infer<typeof taskSummary>;

const trainingState = z.object({
  running: z.boolean(),
  /** Current phase in a word or two; null when no training is running. */
  phase: z.string().nullable(),
  /** Steps of the phase. */
  done: count,
  total: count,
  etaSeconds: z.number().nullable(),
  /** Why the training is paused; null: it runs. */
  paused: z.enum(HOLD_REASONS).nullable(),
  /** Labels given or changed since the last training. */
  newLabels: count,
  /** Number of new labels at which a training starts automatically; 0 = never. */
  everyNewLabels: count,
  /** Minimum number of labelled samples for a training. */
  minLabels: count,
  /** Labels that each of two classes needs for a first head without training; null: off. */
  instantLabelsPerClass: count.nullable(),
});
export type TrainingState = z.infer<typeof trainingState>;

export const headSummary = z.object({
  version: count,
  learner: z.string(),
  labels: z.array(label).readonly(),
  trainedAt: z.string(),
  holdoutMacroF1: probability.nullable(),
  trust,
});
export type HeadSummary = z.infer<typeof headSummary>;

const sampleCounts = z.object({
  total: count,
  labelled: count,
  waiting: count,
  classes: z.array(z.object({ label, training: count, holdout: count })),
});

const hold = z.object({
  /** Name of the program or person. */
  holder: z.string(),
  reason: z.string().nullable(),
  /** Unix time of its end if it is not renewed, milliseconds. */
  endsAtMs: z.number(),
});
export type HoldState = z.infer<typeof hold>;

const consoleStatus = z.object({
  robot: z.string(),
  version: z.string(),
  /** `paused`: no frame is classified. */
  state: z.enum(['online', 'paused']),
  paused: z.array(pausable).readonly(),
  /** Who wants no training and no other head now, the longest first. */
  holds: z.array(hold),
  uptimeSeconds: z.number(),
  /** The task that this status is about. */
  task: z.string(),
  /** All tasks of the robot, the first one first. */
  tasks: z.array(taskSummary),
  /** Whether the settings name the tasks; else there is one, and nobody needs to know the word. */
  namedTasks: z.boolean(),
  /** True when any camera delivers drawings or recordings instead of live images. */
  simulated: z.boolean(),
  /** Raised alarms, the oldest first. */
  alarms: z.array(alarmState),
  mqtt: z.object({
    url: z.string(),
    connected: z.boolean(),
    protocol: z.enum(['5', '3.1.1']).nullable(),
    problem: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).nullable(),
    missing: z.array(z.string()),
  }),
  /** All cameras of the robot. */
  cameras: z.array(cameraStatus),
  /** Null until it is loaded. */
  backbone: z
    .object({
      name: z.string(),
      checksum: z.string(),
      engine: z.string(),
      featureSize: count,
    })
    .nullable(),
  head: headSummary.nullable(),
  /** The head of the instant learner, on top of `head` or without one; null: none. */
  learnt: z.object({ labels: count, classes: z.array(label).readonly() }).nullable(),
  trust,
  /** The next step that would raise the trust, in one sentence. */
  next: z.string().nullable(),
  /** The same, sentence by sentence, to be translated; empty in heads of an earlier headland. */
  nextSteps: z.array(message),
  /** The serving head is pinned: trainings and trials do not replace it. */
  pinned: z.boolean(),
  samples: sampleCounts,
  /** Null: this daemon does not train. */
  training: trainingState.nullable(),
  /** From encoded image to decision, milliseconds; null before the first decision. */
  frameMsP50: z.number().nullable(),
  frameMsP95: z.number().nullable(),
  framesPerSecond: z.number(),
  temperatureC: z.number().nullable(),
});
export type ConsoleStatus = z.infer<typeof consoleStatus>;

/** The status and the robot's clock in Unix milliseconds: the clock of a phone may be wrong. */
const clockedStatus = consoleStatus.extend({ nowMs: atMs });
export type ClockedStatus = z.infer<typeof clockedStatus>;

const frameDecision = z.object({
  /** A label of the head, or `unknown`. */
  label,
  probability,
  /** The head is not sure enough of the label. */
  guess: z.boolean(),
  /** Best first. */
  top: z.array(scoredLabel),
  /** Null: a head of the instant learner without a trained head. */
  headVersion: count.nullable(),
  /** Share of known samples that are at least as novel, 0..1; null: the head cannot tell. */
  noveltyPValue: probability.nullable(),
  totalMs: z.number(),
});
export type FrameDecision = z.infer<typeof frameDecision>;

const frameSummary = z.object({
  frameId: z.string(),
  camera: z.string(),
  capturedAtMs: atMs,
  /** Null while no head serves. */
  decision: frameDecision.nullable(),
});
export type FrameSummary = z.infer<typeof frameSummary>;

const camera = z.string().min(1).max(128);
const paused = z.object({ paused: z.array(pausable).readonly() });

/** The live images of all cameras and regions, and what stands beside them in every place. */
export const LIVE = {
  'GET /healthz': {
    summary: 'Tell that the process responds, and whether a session or token is needed.',
    open: true,
    ofRobot: true,
    answer: z.object({ alive: z.literal(true), tokenNeeded: z.boolean() }),
  },
  'GET /readyz': {
    summary: 'Answer 503 until a camera runs and the backbone is loaded.',
    answer: z.object({ ready: z.boolean(), camera: z.boolean(), backbone: z.boolean() }),
  },
  'GET /api/status': { summary: 'Read the complete status.', answer: clockedStatus },
  'GET /api/latest': {
    summary: 'Read the newest frame on which the task decides, without its image.',
    query: z.strictObject({ camera: camera.optional() }),
    answer: z.object({ frame: frameSummary.nullable() }),
  },
  'GET /api/frame.jpg': {
    summary:
      'Read the newest classified image. The header X-Headland-Frame holds its frame as URI-encoded JSON. 204 before the first.',
    query: z.strictObject({
      camera: camera.optional(),
      /** Scales the image down to this width. */
      widthPx: wholeNumber(64, 4_096).optional(),
    }),
    answer: { mediaTypes: ['image/jpeg', 'image/png', 'image/webp'] },
  },
  'GET /api/stream': {
    summary: 'Follow one task by Server-Sent Events: status, decision, training.',
    answer: { mediaTypes: ['text/event-stream'] },
  },
  'POST /api/pause': {
    summary: 'Pause the classification or the training.',
    ofRobot: true,
    body: z.strictObject({ what: pausable }),
    answer: paused,
  },
  'POST /api/resume': {
    summary: 'Resume the classification or the training.',
    ofRobot: true,
    body: z.strictObject({ what: pausable }),
    answer: paused,
  },
  'POST /api/release': {
    summary: 'End the hold of a program that wants no training and no other head.',
    ofRobot: true,
    body: z.strictObject({ holder: z.string().min(1).max(64) }),
    answer: z.object({ holders: z.array(z.string()) }),
  },
  'POST /api/snapshot': {
    summary: 'Store a frame in memory, by default the newest, which then waits for a label.',
    body: z.strictObject({
      camera: camera.optional(),
      frameId: z.string().min(1).max(192).optional(),
    }),
    answer: z.object({ sampleId, frame: frameSummary }),
  },
} as const satisfies RouteContracts;

/** Events of `/api/stream`: `type` is the name of the event, `data` is sent as JSON on one line. */
export type StreamEvent =
  | { type: 'decision'; data: FrameSummary }
  | { type: 'training'; data: TrainingState }
  | { type: 'status'; data: ClockedStatus };

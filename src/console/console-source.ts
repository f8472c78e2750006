import type { HoldReason } from '../base/words/hold-reason.js';

/**
 * The task of a robot that a request means, by default its first. The same task is always the same object.
 * Throws HL_TASK_UNKNOWN.
 */
export type ConsoleSources = (task?: string) => ConsoleSource;

/**
 * The interface between the agent and the console: state of one task of a robot to display and operations
 * to request.
 * Times: `…AtMs` are Unix milliseconds, `…At` are ISO 8601 UTC. Probabilities and scores are 0..1.
 */
export interface ConsoleSource {
  status(): ConsoleStatus;
  /**
   * The newest frame of a camera (default: of any) on which the task decides, with its decision; null
   * before the first. Throws HL_TASK_UNKNOWN for a camera on which it does not decide.
   */
  latest(camera?: string): LatestFrame | null;
  /** Samples that wait for a label, newest first, at most `limit`. */
  waiting(limit: number): WaitingSample[];
  /** The stored picture of a sample, unchanged; null when there is no such sample. */
  picture(sampleId: string): EncodedPicture | null;
  /** Labels a frame that is still in memory; durable when it resolves. Throws HeadlandErrors. */
  labelFrame(frameId: string, label: string, group?: string): Promise<{ sampleId: string }>;
  /** Labels a stored sample, or changes its label; durable when it resolves. */
  labelSample(sampleId: string, label: string): Promise<{ sampleId: string }>;
  /** Labels up to 64 stored samples, all or none; durable when it resolves. */
  labelSamples(sampleIds: readonly string[], label: string): Promise<{ sampleIds: string[] }>;
  /** Waiting samples of the same pass that look like a sample, most alike first, at most 63. */
  lookAlikes(sampleId: string): LookAlikeSample[];
  /** Starts a training; throws when one is running or may not start now. */
  retrain(): Promise<{ trainingId: string }>;
  /** The newest training reports, newest first, including those before a restart. */
  reports(limit: number): TrainingReport[];
  /** The stored versions, newest first. */
  heads(): Promise<HeadVersion[]>;
  /** Switches back to an older head: `version`, by default the previous one. */
  rollback(version?: number): Promise<{ version: number }>;
  /** Switches to a version even if the gate has refused it. */
  promote(version: number): Promise<{ version: number }>;
  /** Resolves with everything that is then paused. */
  pause(what: Pausable): Promise<{ paused: readonly Pausable[] }>;
  resume(what: Pausable): Promise<{ paused: readonly Pausable[] }>;
  /** Stores the newest frame of a camera (default: of any) as a sample that waits for a label. */
  snapshot(camera?: string): Promise<{ sampleId: string; frame: FrameSummary }>;
  /** Calls `listener` on every event until the returned function is called. */
  subscribe(listener: (event: ConsoleEvent) => void): () => void;
}

export type Pausable = 'inference' | 'training';

export type ConsoleEvent =
  | { type: 'decision'; data: FrameSummary }
  | { type: 'training'; data: TrainingState }
  | { type: 'status'; data: ConsoleStatus };

export interface ConsoleStatus {
  robot: string;
  version: string;
  /** `paused`: no frame is classified. */
  state: 'online' | 'paused';
  paused: readonly Pausable[];
  uptimeSeconds: number;
  /** The task that this status is about. */
  task: string;
  /** All tasks of the robot, the first one first. */
  tasks: TaskSummary[];
  /** Whether the settings name the tasks; else there is one, and nobody needs to know the word. */
  namedTasks: boolean;
  /** True when any camera delivers drawings or recordings instead of live images. */
  simulated: boolean;
  /** Raised alarms, the oldest first. */
  alarms: AlarmState[];
  mqtt: { url: string; connected: boolean };
  /** All cameras of the robot; a region counts as a camera. */
  cameras: CameraStatus[];
  /** Null until it is loaded. */
  backbone: { name: string; checksum: string; engine: string; featureSize: number } | null;
  head: HeadSummary | null;
  /** The head of the instant learner, on top of `head` or without one; null: none. */
  learnt: { labels: number; classes: readonly string[] } | null;
  /** beginner, useful or proven; null: no head serves, or its trust is not known. */
  trust: string | null;
  /** The next step that would raise the trust, in one sentence. */
  next: string | null;
  samples: SampleCountsByLabel;
  /** Null: this daemon does not train. */
  training: TrainingState | null;
  /** From encoded image to decision, milliseconds; null before the first decision. */
  frameMsP50: number | null;
  frameMsP95: number | null;
  framesPerSecond: number;
  temperatureC: number | null;
}

/** What helps a user to choose a task. */
export interface TaskSummary {
  name: string;
  /** Labelled samples. */
  labelled: number;
  /** Samples that wait for a label. */
  waiting: number;
  /** Version of the trained head that serves; null: none does. */
  headVersion: number | null;
  /** Labels that the instant learner has added to the head, or learned without one; null: none. */
  learntLabels: number | null;
  /** As in {@link ConsoleStatus}. */
  trust: string | null;
  training: boolean;
}

export interface AlarmState {
  /** The part concerned: `store`, `console`, `output-<name>` … */
  name: string;
  severity: 'warning' | 'critical';
  /** `HL_…` */
  code: string;
  message: string;
  remedy: string;
  sinceAtMs: number;
}

export interface CameraStatus {
  name: string;
  /** Whether the task decides on its images. */
  decided: boolean;
  description: string;
  /** Phase of the camera supervisor; `running`: frames arrive. */
  phase: string;
  /** good, garbage, dark, overexposed or blurred; null = not known yet. */
  condition: string | null;
  framesTotal: number;
  /** Frames skipped because nothing had changed in them. */
  stillFrames: number;
  droppedTotal: number;
  lastFrameAtMs: number | null;
  restarts: number;
  lastRestartReason: string | null;
}

export interface SampleCountsByLabel {
  total: number;
  labelled: number;
  waiting: number;
  classes: { label: string; training: number; holdout: number }[];
}

export interface TrainingState {
  running: boolean;
  /** Current phase in a word or two; null when no training is running. */
  phase: string | null;
  /** Steps of the phase. */
  done: number;
  total: number;
  etaSeconds: number | null;
  /** Why the training is paused; null: it runs. */
  paused: HoldReason | null;
  /** Labels given or changed since the last training. */
  newLabels: number;
  /** Number of new labels at which a training starts automatically; 0 = never. */
  everyNewLabels: number;
  /** Minimum number of labelled samples for a training. */
  minLabels: number;
  /** Labels that each of two classes needs for a first head without training; null: off. */
  instantLabelsPerClass: number | null;
}

export interface FrameDecision {
  /** A label of the head, or `unknown`. */
  label: string;
  probability: number;
  /** The head is not sure enough of the label. */
  guess: boolean;
  /** Best first. */
  top: { label: string; probability: number }[];
  /** Null: a head of the instant learner without a trained head. */
  headVersion: number | null;
  totalMs: number;
}

export interface FrameSummary {
  frameId: string;
  camera: string;
  capturedAtMs: number;
  /** Null while no head serves. */
  decision: FrameDecision | null;
}

/** An encoded image, unchanged: JPEG, or PNG or WebP from a replay or an import. */
export interface EncodedPicture {
  mediaType: string;
  bytes: Uint8Array;
}

export interface LatestFrame extends FrameSummary {
  picture: EncodedPicture;
}

export interface WaitingSample {
  id: string;
  capturedAtMs: number;
  camera: string;
  /** The most probable label according to the serving head; null without one. */
  guess: { label: string; probability: number } | null;
}

export interface LookAlikeSample {
  id: string;
  capturedAtMs: number;
  /** Of the embeddings, 0.9..1. */
  cosine: number;
}

export interface HeadSummary {
  version: number;
  learner: string;
  labels: readonly string[];
  trainedAt: string;
  holdoutMacroF1: number | null;
  /** beginner, useful or proven; null: not known for this head. */
  trust: string | null;
}

export interface HeadVersion extends HeadSummary {
  /** Metrics on the holdout samples of its training; null: there were none. */
  holdout: HoldoutMetrics | null;
  serving: boolean;
}

export interface HoldoutMetrics {
  /** Class names; the index of `confusion` and `perClass`. */
  labels: readonly string[];
  samples: number;
  accuracy: number;
  macroF1: number;
  macroPrecision: number;
  macroRecall: number;
  logLoss: number;
  ece: number;
  /** Counts; row = the true class, column = the predicted one. */
  confusion: number[][];
}

export interface TrainingReport {
  trainingId: string;
  outcome: 'promoted' | 'refused' | 'failed' | 'cancelled';
  /** The reason for the outcome, for people. */
  reason: string;
  /** The resulting version; null when there is none. */
  headVersion: number | null;
  learner: string | null;
  holdout: HoldoutMetrics | null;
  finishedAt: string;
  /** Milliseconds by stage; `total` is the whole training. */
  durations: { total: number } & Record<string, number>;
}

/**
 * What the agent gives the console: facts to show and the few things a person may ask for.
 * Times: `…AtMs` are Unix milliseconds, `…At` are ISO 8601 UTC. Probabilities and scores are 0..1.
 */
export interface ConsoleSource {
  status(): ConsoleStatus;
  /** The newest frame of a camera (default: of any), with its decision; null before the first. */
  latest(camera?: string): LatestFrame | null;
  /** Samples that wait for a label, newest first, at most `limit`. */
  waiting(limit: number): WaitingSample[];
  /** The stored picture of a sample as the camera gave it; null when there is no such sample. */
  picture(sampleId: string): EncodedPicture | null;
  /** Labels a frame that is still remembered; durable when it resolves. Throws HeadlandErrors. */
  labelFrame(frameId: string, label: string, group?: string): Promise<{ sampleId: string }>;
  /** Labels a stored sample, or changes its label; durable when it resolves. */
  labelSample(sampleId: string, label: string): Promise<{ sampleId: string }>;
  /** Starts a training; throws when one runs or there is too little to learn from. */
  retrain(): Promise<{ trainingId: string }>;
  /** Newest first, at most `limit`, also of trainings before a restart. */
  reports(limit: number): TrainingReport[];
  /** The versions that are kept, newest first. */
  heads(): Promise<HeadVersion[]>;
  /** Lets an older head serve again: `version`, or the one before the serving one. */
  rollback(version?: number): Promise<{ version: number }>;
  /** Lets a version serve although the gate may have refused it. */
  promote(version: number): Promise<{ version: number }>;
  /** What is paused then. */
  pause(what: Pausable): Promise<{ paused: readonly Pausable[] }>;
  resume(what: Pausable): Promise<{ paused: readonly Pausable[] }>;
  /** Keeps the newest frame of a camera (default: of any) as a sample that waits for a label. */
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
  /** `paused`: no frame is judged. */
  state: 'online' | 'paused';
  paused: readonly Pausable[];
  uptimeSeconds: number;
  /** True when any camera shows drawings or recordings instead of the world. */
  simulated: boolean;
  /** What is out of order now, the longest first. */
  alarms: AlarmState[];
  mqtt: { url: string; connected: boolean };
  cameras: CameraStatus[];
  /** Null while it is not loaded. */
  backbone: { name: string; checksum: string; engine: string; featureSize: number } | null;
  head: HeadSummary | null;
  /** What was learnt at once, on top of `head` or without one; null: nothing. */
  learnt: { labels: number; classes: readonly string[] } | null;
  /** beginner, useful or proven; null: nothing serves, or it is not known. */
  trust: string | null;
  /** One sentence: what would raise the trust. */
  next: string | null;
  samples: SampleCountsByLabel;
  /** Null: this daemon does not train. */
  training: TrainingState | null;
  /** Capture to decision, milliseconds; null before the first decision. */
  frameMsP50: number | null;
  frameMsP95: number | null;
  framesPerSecond: number;
  temperatureC: number | null;
}

export interface AlarmState {
  /** What it is about: `store`, `console`, `output-<name>` … */
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
  description: string;
  /** The supervisor's word; `running` means that pictures come. */
  phase: string;
  /** good, garbage, dark, overexposed or blurred; null = not known yet. */
  condition: string | null;
  framesTotal: number;
  /** Left out because nothing moved in them. */
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
  /** What it does now, in a word or two; null when nothing runs. */
  phase: string | null;
  /** Steps of the phase. */
  done: number;
  total: number;
  etaSeconds: number | null;
  /** Labels given or changed since the last training. */
  newLabels: number;
  /** Training starts by itself at so many new labels; 0 = it does not. */
  everyNewLabels: number;
  /** Fewer labelled samples than this are refused. */
  minLabels: number;
  /** The first labels make a head at once: two classes with so many labels each; null: they do not. */
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
  /** Null: no trained head, but one that the first labels made. */
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

/** An encoded image as it came: JPEG, or PNG or WebP from a replay or an import. */
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
  /** What the head thought, if one served. */
  guess: { label: string; probability: number } | null;
}

export interface HeadSummary {
  version: number;
  learner: string;
  labels: readonly string[];
  trainedAt: string;
  holdoutMacroF1: number | null;
  /** beginner, useful or proven; null: not known of this head. */
  trust: string | null;
}

export interface HeadVersion extends HeadSummary {
  /** On the holdout samples of its training; null: there were none. */
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
  /** Why, in words. */
  reason: string;
  /** The version that came of it; null when none did. */
  headVersion: number | null;
  learner: string | null;
  holdout: HoldoutMetrics | null;
  finishedAt: string;
  /** Milliseconds by stage; `total` is the whole. */
  durations: { total: number } & Record<string, number>;
}

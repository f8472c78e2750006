/**
 * The JSON API of the hub, for its page, the command line and other programs. Every request but
 * `GET /healthz` and the files of the page carries `Authorization: Bearer TOKEN` of a person; the role
 * `view` reads, `operate` also changes. Times are Unix milliseconds, shares and scores 0..1. A refused
 * request has the body {@link HubRefusal}.
 */

export const HUB_ROLES = ['view', 'operate'] as const;
export type HubRole = (typeof HUB_ROLES)[number];

export interface HubRefusal {
  error: { code: string; message: string; remedy: string };
}

/** `GET /api/me`: who the token belongs to; the page tries a login with it. */
export interface HubMe {
  name: string;
  role: HubRole;
  /** Name of the fleet. */
  fleet: string;
  /** Of headland on the hub. */
  version: string;
}

/** A task on one backbone: heads, sums and rounds of different backbones never mix. */
export interface TaskKey {
  task: string;
  /** Checksum. */
  backbone: string;
}

/** `GET /api/overview` */
export interface HubOverview {
  fleet: string;
  version: string;
  /** This replica, and the one that leads now; null: none does. */
  replica: string;
  leader: string | null;
  store: 'sqlite' | 'postgresql';
  broker: { connected: boolean; problem: string | null };
  alarms: HubAlarm[];
  robots: { all: number; online: number; flagged: number; quarantined: number; withdrawn: number };
  tasks: TaskSummary[];
}

export interface HubAlarm {
  name: string;
  code: string;
  message: string;
  remedy: string;
  sinceMs: number;
}

export const FOLLOW_MODES = ['follow', 'pinned', 'paused'] as const;
export type FollowMode = (typeof FOLLOW_MODES)[number];

/** How well heads that were trained without a robot do on the samples of that robot. */
export interface LeftOutScore {
  round: number;
  /** Of the robot's samples with a label that the other robots know. */
  samples: number;
  accuracy: number;
  /** Mean over classes, nats per sample. */
  logLoss: number;
  /** Samples whose label no other robot has taught. */
  notKnown: number;
}

/** How far the labels of a robot contradict heads that were trained without it. */
export interface Disagreement {
  round: number;
  /**
   * Log-loss of these heads on its samples, minus the median of all robots that judged in the round; nats per
   * sample. Negative: the heads do better on it than on most robots.
   */
  excess: number;
  /** The excess above which it is flagged. */
  flagAt: number;
  /** The excess above which it is quarantined, when few answers are right, too; null: only an operator does. */
  quarantineAt: number | null;
}

/** How heads of one strength of the ridge do on robots that they were made without. */
export interface LambdaScore {
  lambda: number;
  /** The one of least log-loss. */
  scale: number;
  accuracy: number;
  /** Mean over classes of the share of right answers. */
  macroAccuracy: number;
  /** Mean over classes, nats per sample. */
  logLoss: number;
  /** The head has it. */
  chosen: boolean;
}

export interface RobotTask extends TaskKey {
  backboneName: string;
  /** Labelled on the robot, by label. */
  labels: { label: string; samples: number }[];
  /** In the sums that the hub has of it; null: it has none. */
  sentSamples: number | null;
  sentAtMs: number | null;
  /** What the hub wants of it; null: nothing to follow. */
  wantedVersion: number | null;
  /** What became of the newest head that the robot dealt with: HEAD_STATES of the contract. */
  head: { version: number; state: string; reason: string | null } | null;
  serving: {
    localVersion: number;
    /** null: the head was trained on the robot. */
    fleetVersion: number | null;
    holdout: { macroF1: number; accuracy: number; samples: number } | null;
  } | null;
  leftOut: LeftOutScore | null;
  /** null: fewer than three robots judged, or it judged too few samples (`quarantine.minSamples`). */
  disagreement: Disagreement | null;
  unknownShare: number | null;
  problem: { code: string; message: string } | null;
  /** Why the hub did not take the newest object of the robot. */
  refused: { code: string; message: string } | null;
  follow: FollowMode;
  /** null: the newest one that the rollout allows. */
  pinnedVersion: number | null;
}

export interface RobotSummary {
  robot: string;
  group: string | null;
  /** It reported within the last `onlineMs` of the configuration. */
  online: boolean;
  lastSeenAtMs: number;
  version: string;
  /** false: it withdrew all that it had sent. */
  share: boolean;
  privacy: { epsilon: number; delta: number; releasesLeft: number } | null;
  position: { latitude: number; longitude: number } | null;
  quarantine: Quarantine | null;
  tasks: RobotTask[];
}

/** `flagged`: an operator should look; its sums still count. `quarantined`: the hub uses nothing of it. */
export interface Quarantine {
  state: 'flagged' | 'quarantined';
  /** Who did it: a name, or "hub". */
  by: string;
  reason: string;
  atMs: number;
  /** The figures that led to it. */
  figures: { task: string; round: number; logLoss: number; median: number; limit: number } | null;
}

/** `GET /api/robots` */
export interface RobotList {
  robots: RobotSummary[];
  groups: GroupSummary[];
}

export interface GroupSummary {
  group: string;
  robots: number;
  follow: FollowMode;
}

/** `GET /api/robots/{robot}` */
export interface RobotDetail extends RobotSummary {
  /** Messages that were ignored because newer ones had come before, and objects that were refused. */
  counters: { replayed: number; refused: number; accepted: number };
  audit: AuditEntry[];
}

export interface TaskSummary extends TaskKey {
  backboneName: string;
  featureSize: number;
  /** null: the basis is not fixed yet. */
  basis: { checksum: string; directions: number; atMs: number } | null;
  /** Samples of second moments so far, and how many fix the basis. */
  moment: { samples: number; needed: number };
  /** Robots whose sums are merged. */
  robots: number;
  samples: number;
  classes: number;
  /** The newest head; null: none yet. */
  head: HeadSummary | null;
  round: RoundSummary | null;
  rollout: RolloutState | null;
}

/** `GET /api/tasks/{task}/{backbone}` */
export interface TaskDetail extends TaskSummary {
  classList: ClassSummary[];
  aliases: { label: string; instead: string }[];
  neverShare: string[];
  /** The newest first. */
  heads: HeadSummary[];
  rounds: RoundSummary[];
}

/** One class of a task, and who taught it. Aliases are applied. */
export interface ClassSummary {
  label: string;
  samples: number;
  taughtBy: { robot: string; samples: number }[];
  /** Names that robots use for it. */
  alsoCalled: string[];
  neverShare: boolean;
  /** On robots that the head was trained without, at the newest round; null: not judged. */
  leftOut: { samples: number; right: number } | null;
}

export interface HeadSummary {
  version: number;
  atMs: number;
  round: number;
  labels: string[];
  samples: number;
  robots: number;
  lambda: number;
  scale: number;
  bytes: number;
  /** Leave-one-robot-out; null: no robot could judge. */
  leftOut: {
    accuracy: number;
    /** Mean over classes of the share of right answers. */
    macroAccuracy: number;
    logLoss: number;
    samples: number;
    /** Each strength of the ridge that was tried, ascending. */
    lambdas: LambdaScore[];
    robots: ({ robot: string } & LeftOutScore)[];
  } | null;
  /** Robots by what became of it. */
  states: { serving: number; trial: number; refused: number; rolledBack: number; other: number };
}

export interface RoundSummary {
  round: number;
  startedAtMs: number;
  endedAtMs: number | null;
  state: 'judging' | 'done' | 'failed';
  asked: number;
  answered: number;
  robots: number;
  samples: number;
  /** Why it ended without a head; null: it did not. */
  reason: string | null;
  headVersion: number | null;
}

export const ROLLOUT_STATES = ['running', 'paused', 'stopped', 'done', 'rolled_back'] as const;

export interface RolloutState {
  version: number;
  /** The head of robots that the rollout has not reached; null: none. */
  previousVersion: number | null;
  state: (typeof ROLLOUT_STATES)[number];
  /** Index into the stages. */
  stage: number;
  stages: { share: number; robots: number }[];
  stageStartedAtMs: number;
  /** In the present stage. */
  robots: { asked: number; serving: number; refused: number; rolledBack: number; waiting: number };
  /** Why it was stopped. */
  reason: string | null;
  by: string;
}

export interface AuditEntry {
  id: number;
  atMs: number;
  /** Name of a person, or "hub". */
  by: string;
  action: string;
  robot: string | null;
  task: string | null;
  detail: Record<string, unknown>;
}

/** `GET /api/audit?before=ID&limit=N&robot=NAME`: the newest first. */
export interface AuditList {
  entries: AuditEntry[];
}

export interface Person {
  name: string;
  role: HubRole;
  createdAtMs: number;
  lastSeenAtMs: number | null;
}

/** `GET /api/people` */
export interface PersonList {
  people: Person[];
}

/** Answer to `POST /api/people`: the token is shown once. */
export interface NewPerson extends Person {
  token: string;
}

/**
 * What `POST` of each path takes; all need the role `operate`. They answer `{}` where nothing else is said.
 * `task` and `backbone` left out: every task.
 */
export interface HubCommands {
  '/api/pin': RobotsAndTasks & { version: number };
  '/api/pause': RobotsAndTasks;
  /** Ends pin and pause. */
  '/api/resume': RobotsAndTasks;
  /** An earlier version for all robots at once, without a gate; null: the one before. */
  '/api/rollback': TaskKey & { version: number | null };
  '/api/rollout': TaskKey & { action: 'next' | 'pause' | 'resume' | 'stop' };
  '/api/round': TaskKey;
  /** null: its own name again. Two labels with one name are merged. */
  '/api/alias': TaskKey & { label: string; instead: string | null };
  '/api/never-share': TaskKey & { label: string; on: boolean };
  '/api/quarantine': { robot: string; reason: string };
  '/api/release': { robot: string };
  /** null: in no group. */
  '/api/group': { robot: string; group: string | null };
  /** Forgets all that the robot has sent, and the robot until it reports again. */
  '/api/forget': { robot: string };
  '/api/renew-basis': TaskKey;
  /** Answers {@link RecomputeAnswer}. */
  '/api/recompute': TaskKey;
  /** Answers {@link NewPerson}. */
  '/api/people': { name: string; role: HubRole };
  '/api/people/remove': { name: string };
}
export type HubCommandPath = keyof HubCommands;

export interface RobotsAndTasks extends Partial<TaskKey> {
  /** One of both. */
  robot?: string;
  group?: string;
}

export interface RecomputeAnswer {
  robots: number;
  samples: number;
  /** The merged sums equalled the recomputation bit for bit. */
  equal: boolean;
}

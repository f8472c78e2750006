import type { RaisedAlert } from '../alerts/rules.js';
import type { Alarm } from '../base/alarms.js';
import { isHeadlandError } from '../base/errors.js';
import { dateOf } from '../base/moment.js';
import { mapNonEmpty, type NonEmpty } from '../base/non-empty.js';
import type { TaskEyes } from '../base/words/task.js';
import type { CameraState } from '../camera/supervisor.js';
import type { FleetStatus } from '../fleet/robot/fleet-service.js';
import type { BoardReadings } from '../host/board-readings.js';
import type { RateLimit } from '../host/rate.js';
import type { BackboneInfo } from '../perception/perception-protocol.js';
import type { SampleCounts } from '../samples/sample-counts.js';
import type { OutboxClass } from '../storage/outbox-table.js';
import type { ReportSummary } from '../storage/report-log.js';
import type { BrokerView } from '../telemetry/telemetry-client.js';
import type { RunningTraining } from '../training/trainer.js';
import type { Hold } from './do-not-disturb.js';
import { type ModelStatus, modelStatus } from './learning/model-status.js';
import type { Pausable } from './pausing.js';
import type { RobotTask } from './robot-task.js';
import { isLive } from './seeing/is-live.js';
import type { PositionStatus } from './seeing/position-service.js';
import type { AgentView } from './view.js';

/**
 * Snapshot of the complete state of the daemon. MQTT, the web page, `headland status` and systemd only
 * convert it to their formats, so that they cannot contradict each other.
 */
export interface AgentStatus {
  robot: string;
  /** Version of headland. */
  version: string;
  boot: string;
  startedAtMs: number;
  uptimeSeconds: number;
  /** `paused`: no frame is classified. */
  state: 'online' | 'paused';
  paused: Pausable[];
  /** Programs that want no training and no other head now. */
  holds: Hold[];
  /** A camera delivers drawings or recordings instead of live images. */
  simulated: boolean;
  /** Raised alarms, the oldest first. */
  alarms: AlarmStatus[];
  /** Raised alerts, the oldest first. */
  alerts: AlertStatus[];
  mqtt: MqttStatus;
  /** Messages that wait for the acknowledgement of the broker. */
  waitingMessages: number;
  /** Since the start, by class. */
  droppedMessages: Readonly<Record<OutboxClass, number>>;
  /** Null while the console is not running. */
  consoleUrl: string | null;
  cameras: CameraStatus[];
  /** Null until it is loaded. */
  backbone: BackboneInfo | null;
  /** In the order of the configuration. */
  tasks: NonEmpty<TaskStatus>;
  /** Whether the settings name the tasks; else there is one, and nobody needs to know the word. */
  namedTasks: boolean;
  frames: FrameStatus;
  board: BoardReadings;
  /** Null: the settings name no source of positions. */
  position: PositionStatus | null;
  /** Null: the robot is in no fleet. */
  fleet: FleetStatus | null;
}

export interface MqttStatus {
  /** Of the broker that is or was tried last. */
  url: string;
  connected: boolean;
  /** Version of MQTT; null while not connected. */
  protocol: '5' | '3.1.1' | null;
  /** Why there is no connection; null: there is one, or nothing has been tried yet. */
  problem: { code: string; message: string; remedy: string } | null;
  /** What the broker lacks, such as `retained_messages`. */
  missing: string[];
}

export interface CameraStatus extends CameraState {
  /** Frames that a newer one replaced before they were classified. */
  droppedTotal: number;
  /** Frames that are decided on, all regions together. */
  framesPerSecond: number;
  /** It delivers drawings or recordings instead of live images. */
  simulated: boolean;
}

export interface AlertStatus extends Omit<RaisedAlert, 'sinceMs'> {
  /** Unix time, milliseconds. */
  sinceAtMs: number;
}

export interface AlarmStatus extends Pick<Alarm, 'name' | 'severity'> {
  code: string;
  message: string;
  remedy: string;
  /** Unix time, milliseconds. */
  sinceAtMs: number;
}

const NO_SAMPLES: SampleCounts = {
  total: 0,
  labelled: 0,
  waiting: 0,
  excluded: 0,
  trash: 0,
  thinned: 0,
  pictureBytes: 0,
  classes: [],
};

/** Labels, head and trainings of one task. */
export interface TaskStatus extends TaskEyes {
  name: string;
  model: ModelStatus;
  samples: SampleCounts;
  training: TrainingStatus;
}

export interface TrainingStatus {
  running: RunningTraining | null;
  /** Labels given or changed since the last training. */
  newLabels: number;
  /** Number of new labels at which a training starts automatically; 0 = never. */
  everyNewLabels: number;
  minLabels: number;
  /** Labels that each of two classes needs for a first head without training; null: off. */
  instantLabelsPerClass: number | null;
  /** Failures of the instant learner since the start of the daemon. */
  instantFailures: number;
  /** Result of the last training, including those before a restart; null before the first. */
  last: ReportSummary | null;
}

export interface FrameStatus {
  total: number;
  droppedTotal: number;
  perSecond: number;
  /** From encoded image to decision, milliseconds; null before the first frame. */
  msP50: number | null;
  msP95: number | null;
  limit: RateLimit;
  /** 99th percentile of the delay of the event loop, milliseconds. */
  loopDelayMsP99: number;
}

export function agentStatus(agent: AgentView): AgentStatus {
  const { config, options, pausing, statistics } = agent;
  const cameras = agent.cameras.map(({ supervisor, config: camera }) => {
    const state = supervisor.state();
    const droppedTotal = agent.perception.dropped(state.name) + state.droppedFrames;
    const framesPerSecond = agent.cameraLoad.framesPerSecond(state.name);
    return { ...state, droppedTotal, framesPerSecond, simulated: !isLive(camera) };
  });
  return {
    robot: config.robot.id,
    version: options.version,
    boot: agent.boot,
    startedAtMs: agent.started.dateMs(),
    uptimeSeconds: Math.round(agent.started.ageMs()) / 1_000,
    state: pausing.has('inference') ? 'paused' : 'online',
    paused: pausing.paused,
    holds: agent.disturbance.holds(),
    simulated: cameras.some(({ simulated }) => simulated),
    alarms: agent.alarms.list().map(({ name, severity, error, since }) => {
      const { code, message, remedy } = error;
      return { name, severity, code, message, remedy, sinceAtMs: since.dateMs() };
    }),
    alerts: agent.alerts.map(({ sinceMs, ...alert }) => {
      return { ...alert, sinceAtMs: dateOf(sinceMs) };
    }),
    mqtt: mqttStatus(agent.telemetry.broker),
    waitingMessages: agent.telemetry.waitingMessages,
    droppedMessages: { ...agent.telemetry.droppedMessages },
    consoleUrl: agent.consoleUrl,
    cameras,
    backbone: agent.perception.backbone,
    tasks: mapNonEmpty(agent.tasks, (task) => taskStatus(agent, task)),
    namedTasks: config.tasks.length > 0,
    frames: {
      total: statistics.framesTotal,
      droppedTotal: cameras.reduce((sum, { droppedTotal }) => sum + droppedTotal, 0),
      perSecond: statistics.framesPerSecond(),
      msP50: statistics.durationMs(0.5),
      msP95: statistics.durationMs(0.95),
      limit: agent.sparing.limit,
      loopDelayMsP99: statistics.loopDelayMs(),
    },
    position: agent.position.status(),
    fleet: agent.fleet?.status() ?? null,
    board: agent.sparing.readings(),
  };
}

function mqttStatus({
  url,
  connected,
  protocol,
  problem,
  missing,
}: BrokerView & { url: string }): MqttStatus {
  return {
    url,
    connected,
    protocol,
    problem: problem && {
      code: problem.code,
      message: problem.message,
      remedy: problem.remedy,
    },
    missing: missing.map(({ name }) => name),
  };
}

function taskStatus(agent: Pick<AgentView, 'state'>, task: RobotTask): TaskStatus {
  const { name, cameras, regions, samples } = task.state;
  return {
    name,
    cameras,
    regions,
    model: modelStatus(task),
    samples: readable(() => samples.counts(), NO_SAMPLES),
    training: trainingStatus(agent, task),
  };
}

/** Separate, because it is sent with every step of a training. */
export function trainingStatus(
  { state }: Pick<AgentView, 'state'>,
  task: Pick<RobotTask, 'name' | 'state' | 'training' | 'instant'>,
): TrainingStatus {
  const { training, instant } = task;
  const settings = task.state.settings.training;
  const { everyNewLabels, minLabels, minLabelsPerClass } = settings;
  return {
    running: training.running,
    newLabels: readable(() => training.newLabels, 0),
    everyNewLabels,
    minLabels,
    instantLabelsPerClass: settings.instant ? minLabelsPerClass : null,
    instantFailures: instant.failures,
    last: readable(() => state.reports.last(task.name), null),
  };
}

/** An unreadable disk has raised an alarm; the rest of the status must still be reported. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return otherwise;
  }
}

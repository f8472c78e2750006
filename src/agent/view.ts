import type { EventEmitter } from 'node:events';
import type { RaisedAlert } from '../alerts/rules.js';
import type { Alarms } from '../base/alarms.js';
import type { Log } from '../base/log.js';
import type { LogMemory } from '../base/log-memory.js';
import type { Moment } from '../base/moment.js';
import type { NonEmpty } from '../base/non-empty.js';
import type { Scheduler } from '../base/timers/scheduler.js';
import type { Frame } from '../camera/camera.js';
import type { CameraSupervisor } from '../camera/supervisor.js';
import type { CameraConfig, Config } from '../config/schema.js';
import type { FleetService } from '../fleet/robot/fleet-service.js';
import type { WrittenBytes } from '../host/written-bytes.js';
import type { Perception } from '../perception/perception.js';
import type { PerceptionThread } from '../perception/perception-thread.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { TrainingProgress } from '../training/job/job-protocol.js';
import type { TrainingReport } from '../training/report.js';
import type { CameraLoad } from './care/camera-load.js';
import type { Sparing } from './care/sparing.js';
import type { DoNotDisturb } from './do-not-disturb.js';
import type { DoctorService } from './doctor/doctor-service.js';
import type { State } from './open-state.js';
import type { Operations } from './operations.js';
import type { Pausing } from './pausing.js';
import type { OutputState } from './reporting/alerts/alerting.js';
import type { TelemetryService } from './reporting/telemetry-service.js';
import type { RobotTask } from './robot-task.js';
import type { CameraPictures } from './seeing/camera-pictures.js';
import type { FrameStatistics } from './seeing/frame-statistics.js';
import type { PositionService } from './seeing/position-service.js';
import type { RecentFrame, RecentFrames } from './seeing/recent-frames.js';
import type { RobotSettings } from './settings/robot-settings.js';

export interface AgentOptions {
  log: Log;
  environment: NodeJS.ProcessEnv;
  /** Version of headland. */
  version: string;
  /** Of this process, which may run several agents one after another. */
  writtenBytes: WrittenBytes;
  /** The perception thread, if it already starts. */
  thread?: Promise<PerceptionThread>;
  /** Of this process. Absent: nothing can be changed. */
  settings?: RobotSettings;
  /** The last lines of the log of this process. Absent: none are kept. */
  logMemory?: LogMemory;
}

export interface AgentEvents {
  decision: [recent: RecentFrame];
  /** The training of a task has made progress. */
  trainingProgress: [task: string, progress: TrainingProgress];
  trainingReport: [report: TrainingReport];
  /** Another head serves for a task; null: none does. */
  head: [task: string, stored: StoredHead | null];
  status: [];
}

export interface RunningCamera {
  config: CameraConfig;
  supervisor: CameraSupervisor;
}

/** The parts of a running daemon that its reports read. */
export interface AgentView extends EventEmitter<AgentEvents> {
  readonly config: Config;
  readonly options: AgentOptions;
  readonly boot: string;
  readonly started: Moment;
  readonly alarms: Alarms;
  readonly scheduler: Scheduler;
  /** The alerts that are raised now, the oldest first. */
  readonly alerts: readonly RaisedAlert[];
  readonly statistics: FrameStatistics;
  readonly recent: RecentFrames;
  readonly cameras: readonly RunningCamera[];
  readonly state: State;
  readonly operations: Operations;
  /** In the order of the configuration. */
  readonly tasks: NonEmpty<RobotTask>;
  readonly telemetry: TelemetryService;
  readonly pausing: Pausing;
  readonly disturbance: Pick<DoNotDisturb, 'holds'>;
  readonly sparing: Sparing;
  readonly position: Pick<PositionService, 'status'>;
  /** Null: the robot is in no fleet. */
  readonly fleet: Pick<FleetService, 'status'> | null;
  readonly perception: Pick<Perception<Frame>, 'backbone' | 'dropped' | 'serving'>;
  readonly consoleUrl: string | null;
  /** The outputs of alerts, in the order of the configuration. */
  readonly outputs: readonly OutputState[];
  readonly cameraLoad: Pick<CameraLoad, 'framesPerSecond'>;
  readonly cameraPictures: CameraPictures;
  readonly doctor: DoctorService;
}

import type { Position } from '../../base/geo/position.js';
import type { Log } from '../../base/log.js';
import type { Repeats } from '../../base/timers/scheduler.js';
import type { Config } from '../../config/schema.js';
import type { FleetTask, RunningBackbone } from '../../fleet/robot/fleet-ports.js';
import { FleetService } from '../../fleet/robot/fleet-service.js';
import type { State } from '../open-state.js';
import { fleetHeadMessage } from '../reporting/agent-messages.js';
import type { TelemetryService } from '../reporting/telemetry-service.js';
import type { RobotTask } from '../robot-task.js';

export interface FleetParts {
  config: Config;
  version: string;
  state: Pick<State, 'databasePath' | 'meta'>;
  tasks: readonly RobotTask[];
  telemetry: Pick<TelemetryService, 'fleetLink' | 'unknownShare' | 'event'>;
  backbone: () => RunningBackbone | null;
  position: () => Position | null;
  isHeld: () => boolean;
  repeats: Repeats;
  log: Log;
}

/** The robot's side of the fleet; null: the settings switch it off. */
export function joinFleet(parts: FleetParts): FleetService | null {
  const { config, telemetry } = parts;
  if (!config.fleet.enabled) return null;
  return new FleetService({
    robotId: config.robot.id,
    version: parts.version,
    config,
    databasePath: parts.state.databasePath,
    meta: parts.state.meta,
    tasks: parts.tasks.map(fleetTask),
    link: telemetry.fleetLink,
    surroundings: {
      backbone: parts.backbone,
      position: parts.position,
      unknownShare: (task) => telemetry.unknownShare(task),
      isHeld: parts.isHeld,
      tell: (task, news) => telemetry.event(fleetHeadMessage(task, news)),
    },
    repeats: parts.repeats,
    log: parts.log,
  });
}

function fleetTask(task: RobotTask): FleetTask {
  const { state, heads, training } = task;
  return {
    name: task.name,
    samples: state.samples,
    heads: state.heads,
    meta: state.meta,
    storeSettings: state.settings.samples,
    serving: () => heads.serving,
    isOnTrial: () => task.trial?.outcome === 'running',
    isTraining: () => training.isBusy,
    obstacle: () => task.obstacle,
    train: (fleet) => training.start('fleet', fleet),
    rollBack: async (version) => {
      await heads.rollback(version, 'fleet');
    },
  };
}

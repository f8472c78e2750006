import type { Log } from '../base/log.js';
import { mapNonEmpty } from '../base/non-empty.js';
import { LookAlikes } from '../samples/look-alikes.js';
import { AuditTrail } from './audit-trail.js';
import { DoNotDisturb } from './do-not-disturb.js';
import { Labelling } from './learning/labelling.js';
import { TrainingService } from './learning/training-service.js';
import type { State, TaskState } from './open-state.js';
import { Operations, type OperationTask } from './operations.js';
import { Pausing } from './pausing.js';
import { RecentFrames } from './seeing/recent-frames.js';

/**
 * The operations for a process without cameras. A daemon may have the same state open: it picks up new
 * labels and a change of the serving version within seconds.
 */
export function localOperations(
  state: State,
  log: Log,
  trainingOf: (task: TaskState) => Pick<TrainingService, 'start'> = (task) =>
    new TrainingService({
      state,
      task,
      obstacle: () => new DoNotDisturb(state.holds).obstacle(),
      events: { onProgress: () => {}, onReport: () => {} },
      log,
    }),
): Operations {
  const recent = new RecentFrames({ maxFrames: 0, maxBytes: 0 });
  const operationTask = (task: TaskState): OperationTask => {
    const { name, samples, heads } = task;
    const { groupWindowMs } = task.settings.samples;
    return {
      name,
      labelling: new Labelling(
        samples,
        recent,
        new LookAlikes(samples, { groupWindowMs, backboneChecksum: () => null }),
      ),
      samples,
      heads: {
        current: () => heads.current(),
        promote: (version, by) => heads.promote(version, undefined, by),
        rollback: (version, by) => heads.rollback(version, undefined, by),
        pin: (version, by) => heads.pin(version, by),
        // A daemon with the same state notices by itself.
        follow: async () => {},
      },
      training: trainingOf(task),
      onLabel: () => {},
      onRequest: () => {},
    };
  };
  return new Operations({
    tasks: mapNonEmpty(state.tasks, operationTask),
    recent,
    pausing: new Pausing(() => {}),
    disturbance: new DoNotDisturb(state.holds),
    audit: new AuditTrail(state.audit, log),
    outputs: null,
    rules: state.alertRules,
    settings: null,
    cameras: new Map(),
  });
}

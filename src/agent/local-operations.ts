import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { AuditTrail } from './audit-trail.js';
import { Labelling } from './learning/labelling.js';
import { TrainingService } from './learning/training-service.js';
import type { State } from './open-state.js';
import { Operations } from './operations.js';
import { Pausing } from './pausing.js';
import { RecentFrames } from './seeing/recent-frames.js';

/**
 * The operations in a process without cameras, on the state that a daemon may have open too: the
 * daemon sees new labels and another serving version within seconds.
 */
export function localOperations(
  config: Config,
  state: State,
  log: Log,
  training: Pick<TrainingService, 'start'> = new TrainingService(
    config,
    state,
    () => null,
    { onProgress: () => {}, onReport: () => {} },
    log,
  ),
): Operations {
  const recent = new RecentFrames({ maxFrames: 0, maxBytes: 0 });
  return new Operations({
    labelling: new Labelling(state.samples, recent),
    recent,
    samples: state.samples,
    heads: state.heads,
    training,
    pausing: new Pausing(() => {}),
    audit: new AuditTrail(state.audit, log),
    onLabel: () => {},
  });
}

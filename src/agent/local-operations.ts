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
 * The operations for a process without cameras. A daemon may have the same state open: it picks up new
 * labels and a change of the serving version within seconds.
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

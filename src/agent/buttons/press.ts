import { eyeOf } from '../../base/words/eye.js';
import type { Config } from '../../config/schema.js';
import type { Requester } from '../audit-trail.js';
import type { Operations } from '../operations.js';

export type Button = Config['gpio']['inputs'][number];

/**
 * Does what a press of a button means. The audit names the button, unless it is a `capture`.
 * @throws HeadlandError as the operation
 */
export async function press({ name, action }: Button, operations: Operations): Promise<void> {
  const by: Requester = { source: 'button', button: name };
  switch (action.kind) {
    case 'label': {
      const { label, task } = action;
      await operations.labelLatest(eyeOf(action), label, by, task ?? undefined);
      break;
    }
    case 'retrain':
      await operations.retrain(by, action.task ?? undefined);
      break;
    case 'capture':
      operations.capture(action.camera);
      break;
    case 'acknowledge':
      await operations.acknowledgeAlerts(action.rule ?? undefined, by);
      break;
    case 'pause':
      await operations.pause(action.what, by);
      break;
    case 'resume':
      await operations.resume(action.what, by);
      break;
  }
}

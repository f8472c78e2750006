import type { Notices } from '../../../../page/state/notices.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { Order } from './answer-outbox.js';

interface Given {
  /** Samples that were answered. */
  ids: string[];
  task: string | null;
  /** What takes the answer back; null: the robot had stored it before, undefined: it has refused it. */
  undo: () => string | null | undefined;
}

/** The order that takes an answer back, to be sent after it. */
export function takenBack(api: RobotApi, { ids, task, undo }: Given, notices: Notices): Order {
  let attempts = 0;
  return {
    send: async () => {
      attempts += 1;
      const handle = undo();
      if (handle === undefined) return;
      if (handle !== null) await api.call('POST /api/undo', { body: { undo: handle } }, task);
      else {
        // The answer was sent twice, because the first response was lost: only the first had a handle.
        const body = { ids, to: { state: 'waiting' } } as const;
        await api.call('POST /api/pictures/set', { body }, task);
      }
    },
    // After a lost response, the robot may have done it already.
    refused: (reason) => {
      if (attempts === 1) notices.problem(reason);
    },
  };
}

import type { LIVE } from '../../console/contract/live-contract.js';
import type { HandlersOf, OwnKey } from '../../console/handlers.js';
import type { Requester } from '../audit-trail.js';
import type { RobotTask } from '../robot-task.js';
import type { AgentView } from '../view.js';
import { frameSummary } from './console-status.js';

const BY: Requester = { source: 'console' };

/** What a person does beside the live images. */
export function liveHandlers(
  { operations }: AgentView,
  { name }: RobotTask,
): HandlersOf<Exclude<keyof typeof LIVE, OwnKey>> {
  return {
    'POST /api/pause': async ({ body }) => ({ paused: await operations.pause(body.what, BY) }),
    'POST /api/resume': async ({ body }) => ({ paused: await operations.resume(body.what, BY) }),
    'POST /api/release': async ({ body }) => ({
      holders: (await operations.release(body.holder, BY)).map(({ holder }) => holder),
    }),
    'POST /api/snapshot': async ({ body }) => {
      const { recent, sample } = await operations.snapshot(body.camera, name, body.frameId);
      return { sampleId: sample.id, frame: frameSummary(recent, name) };
    },
  };
}

import type { TEACH } from '../../console/contract/teach-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import type { Requester } from '../audit-trail.js';
import type { RobotTask } from '../robot-task.js';
import { guesses } from '../seeing/guesses.js';
import type { AgentView } from '../view.js';

const BY: Requester = { source: 'console' };

/** Questions and labels of one task. */
export function teachHandlers(
  { operations, perception }: AgentView,
  task: RobotTask,
): Partial<HandlersOf<keyof typeof TEACH>> {
  const { name, state } = task;
  const { samples } = state;
  return {
    'GET /api/waiting': ({ query: { limit = 24 } }) => {
      const waiting = samples.list({ labelled: false, order: 'newest', limit });
      const { inference } = state.settings;
      const ids = waiting.map(({ id }) => id);
      const guessed = guesses({ task: name, perception, samples, inference }, ids);
      return {
        samples: waiting.map(({ id, capturedAtMs, source }) => {
          return { id, capturedAtMs, camera: source, guess: guessed.get(id) ?? null };
        }),
      };
    },
    'GET /api/look-alikes': ({ query }) => ({
      samples: operations
        .lookAlikes(query.sample, name)
        .map(({ sample: { id, capturedAtMs }, cosine }) => ({ id, capturedAtMs, cosine })),
    }),
    async 'POST /api/label'({ body }) {
      const { label } = body;
      if ('sampleIds' in body) {
        const { samples: labelled } = await operations.labelMany(body.sampleIds, label, BY, name);
        return { sampleIds: labelled.map(({ id }) => id), undo: null };
      }
      const target =
        'frameId' in body ? { frame: body.frameId, group: body.group } : { sample: body.sampleId };
      const { sample } = await operations.label(target, label, BY, name);
      return { sampleIds: [sample.id], undo: null };
    },
  };
}

import { suggestLabels } from '../../base/words/near-label.js';
import type { Question, TEACH } from '../../console/contract/teach-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import type { Requester } from '../audit-trail.js';
import type { RobotTask } from '../robot-task.js';
import { guesses } from '../seeing/guesses.js';
import type { QueuedSample } from '../teaching/label-queue.js';
import { nothingLabel } from '../teaching/nothing-label.js';
import { taughtSoFar } from '../teaching/taught-so-far.js';
import type { AgentView } from '../view.js';

const BY: Requester = { source: 'console' };

/** Trainings that failed tell nothing about labels. */
const LATEST_REPORTS = 20;

/** Questions and labels of one task. */
export function teachHandlers(
  agent: AgentView,
  task: RobotTask,
): Partial<HandlersOf<keyof typeof TEACH>> {
  const { operations, perception } = agent;
  const { name, state } = task;
  const { samples, settings } = state;
  return {
    'GET /api/teach/questions': ({ query: { limit = 8, skipped = '' } }) => {
      const { items, waiting } = task.queue.next(limit, skipped.split(',').filter(Boolean));
      return {
        questions: items.map(question),
        waiting,
        nothingLabel: nothingLabel(samples.labelCounts(), settings.samples.nothingLabel),
      };
    },
    'GET /api/teach/progress': () => {
      const { progress, labelled, waiting, newLabels } = taughtSoFar(agent, task);
      return { ...progress, labelled, waiting, newLabels };
    },
    'GET /api/teach/changes': () => {
      const last = task.training.reports(LATEST_REPORTS).find(({ result }) => result?.effect);
      return {
        trainingId: last?.trainingId ?? null,
        messages: last?.result?.effect?.messages ?? [],
      };
    },
    'GET /api/teach/near': ({ query }) => {
      const { alike, near } = suggestLabels(query.label, samples.labels());
      return { alike, near };
    },
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
        const many = await operations.labelMany(body.sampleIds, label, BY, name);
        return { sampleIds: many.samples.map(({ id }) => id), undo: many.undo };
      }
      const target =
        'frameId' in body ? { frame: body.frameId, group: body.group } : { sample: body.sampleId };
      const { sample, undo } = await operations.label(target, label, BY, name);
      return { sampleIds: [sample.id], undo };
    },
  };
}

function question({ sample, reason, why, guess, offered, others }: QueuedSample): Question {
  const { id, capturedAtMs, source } = sample;
  const [best = null] = guess?.ranked ?? [];
  return { id, capturedAtMs, camera: source, guess: best, reason, why, offered, others };
}

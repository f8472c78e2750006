import type {
  BRAIN,
  TrainingReport as ConsoleReport,
  HeadVersion,
} from '../../console/contract/brain-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { StoredReport } from '../../training/stored-report.js';
import type { Requester } from '../audit-trail.js';
import type { RobotTask } from '../robot-task.js';
import type { AgentView } from '../view.js';
import { headSummary } from './console-status.js';

const BY: Requester = { source: 'console' };

/** Versions and trainings of one task. */
export function brainHandlers(
  { operations }: AgentView,
  task: RobotTask,
): Partial<HandlersOf<keyof typeof BRAIN>> {
  const { name, state, training } = task;
  return {
    'GET /api/reports': ({ query: { limit = 20 } }) => ({
      reports: training.reports(limit).map(report),
    }),
    'GET /api/heads': async () => {
      const cards = (await state.heads.list()).flatMap(({ card }) => card ?? []);
      const serving = task.heads.serving?.card.version;
      return { heads: cards.map((card) => headVersion(card, card.version === serving)).reverse() };
    },
    'POST /api/retrain': async () => ({ trainingId: await operations.retrain(BY, name) }),
    'POST /api/rollback': async ({ body: { version } }) => ({
      version: (await operations.rollback(version, BY, name)).card.version,
    }),
    'POST /api/promote': async ({ body: { version } }) => ({
      version: (await operations.promote(version, BY, name)).card.version,
    }),
  };
}

function headVersion(card: HeadCard, serving: boolean): HeadVersion {
  return { ...headSummary(card), holdout: card.holdout, serving };
}

function report(source: StoredReport): ConsoleReport {
  const { result } = source;
  return {
    trainingId: source.trainingId,
    outcome: source.outcome,
    reason: source.reason,
    headVersion: result?.version ?? null,
    learner: result?.learner ?? null,
    holdout: result?.holdout ?? null,
    finishedAt: source.finishedAt,
    durations: { total: source.durationMs, ...result?.durationsMs },
  };
}

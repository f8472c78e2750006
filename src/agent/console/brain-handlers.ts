import type {
  BRAIN,
  TrainingReport as ConsoleReport,
  HeadVersion,
} from '../../console/contract/brain-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { StoredReport } from '../../training/stored-report.js';
import type { Requester } from '../audit-trail.js';
import { OnnxExport } from '../brain/onnx-export.js';
import { TaskBrain } from '../brain/task-brain.js';
import type { RobotTask } from '../robot-task.js';
import { addedCardsDir } from '../seeing/perception-settings.js';
import type { AgentView } from '../view.js';
import { headSummary } from './console-status.js';

const BY: Requester = { source: 'console' };

/** Versions and trainings of one task. */
export function brainHandlers(agent: AgentView, task: RobotTask): HandlersOf<keyof typeof BRAIN> {
  const { operations } = agent;
  const { name, state, training } = task;
  const brain = brainOf(agent, task);
  return {
    'GET /api/brain/timeline': ({ query: { limit = 50, before } }) => brain.timeline(limit, before),
    'GET /api/brain/versions/{version}': async ({ params }) => {
      const { card, ...known } = await brain.version(params.version);
      const serving = task.heads.serving?.card.version === card.version;
      return { ...known, head: headVersion(card, serving) };
    },
    'GET /api/brain/curve': () => brain.curve(),
    'GET /api/brain/compare': ({ query: { a, b } }) => brain.compare(a, b),
    'GET /api/brain/versions/{version}/onnx': async ({ params }) => {
      const { fileName, bytes } = await brain.onnx(params.version);
      const headers = { 'content-disposition': `attachment; filename="${fileName}"` };
      return { mediaType: 'application/octet-stream', bytes, headers };
    },
    'POST /api/pin': async ({ body: { version } }) => {
      if (version !== null) return { pinned: await operations.pin(version, BY, name) };
      await operations.unpin(BY, name);
      return { pinned: null };
    },
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

function brainOf({ config, state }: AgentView, task: RobotTask): TaskBrain {
  const { settings, heads } = task.state;
  return new TaskBrain({
    robot: config.robot.id,
    task: task.name,
    heads,
    answers: task.answers,
    reports: (limit) => task.training.reports(limit),
    newestReport: () => state.reports.last(task.name)?.trainingId ?? null,
    serving: () => task.heads.serving?.card.version ?? null,
    exporter: new OnnxExport(),
    exportSettings: () => ({
      format: 'onnx',
      cardsDir: settings.models.cardsDir,
      addedCardsDir: addedCardsDir(settings),
      cacheDir: task.cacheDir,
      maxErrorShare: settings.inference.maxErrorShare,
    }),
  });
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

import type {
  ConsoleEvent,
  TrainingReport as ConsoleReport,
  ConsoleSource,
  ConsoleStatus,
  FrameSummary,
  HeadVersion,
  TrainingState,
} from '../console/state.js';
import { readings } from '../host/board.js';
import type { HeadCard } from '../training/card.js';
import type { TrainingReport } from '../training/report.js';
import { trustOf } from './messages.js';
import type { Requester } from './operations.js';
import type { RecentFrame } from './recent-frames.js';
import type { AgentView } from './view.js';

const BY: Requester = { source: 'console' };

/** The daemon as the web page sees it. */
export function consoleSource(agent: AgentView): ConsoleSource {
  const { operations } = agent;
  const { samples } = agent.state;
  return {
    status: () => consoleStatus(agent),
    latest(camera) {
      const recent = agent.recent.latest(camera);
      return recent ? { ...summary(recent), jpeg: recent.frame.jpeg } : null;
    },
    waiting: (limit) =>
      samples.list({ labelled: false, order: 'newest', limit }).map((sample) => ({
        id: sample.id,
        capturedAtMs: sample.capturedAtMs,
        camera: sample.source,
        guess: null,
      })),
    picture: (sampleId) => samples.picture(sampleId),
    async labelFrame(frameId, label, group) {
      const { sample } = await operations.label({ frame: frameId, group }, label, BY);
      return { sampleId: sample.id };
    },
    async labelSample(sampleId, label) {
      const { sample } = await operations.label({ sample: sampleId }, label, BY);
      return { sampleId: sample.id };
    },
    retrain: async () => ({ trainingId: await operations.retrain(BY) }),
    reports: (limit) => agent.training.reports.slice(0, limit).map(report),
    heads: async () =>
      (await agent.state.heads.list())
        .filter(({ card }) => card !== null)
        .map(({ card, current }) => ({ ...headVersion(card!), serving: current }))
        .reverse(),
    rollback: async (version) => ({
      version: (await operations.rollback(version, BY)).card.version,
    }),
    promote: async (version) => ({
      version: (await operations.promote(version, BY)).card.version,
    }),
    pause: async (what) => ({ paused: await operations.pause(what, BY) }),
    resume: async (what) => ({ paused: await operations.resume(what, BY) }),
    async snapshot(camera) {
      const { recent, sample } = operations.snapshot(camera);
      return { sampleId: sample.id, frame: summary(recent) };
    },
    subscribe(listener: (event: ConsoleEvent) => void) {
      const onDecision = (recent: RecentFrame): void =>
        listener({ type: 'decision', data: summary(recent) });
      const onTraining = (): void => listener({ type: 'training', data: trainingState(agent) });
      const onStatus = (): void => listener({ type: 'status', data: consoleStatus(agent) });
      agent.on('decision', onDecision);
      agent.on('trainingProgress', onTraining);
      agent.on('trainingReport', onTraining);
      agent.on('head', onStatus);
      agent.on('status', onStatus);
      return () => {
        agent.off('decision', onDecision);
        agent.off('trainingProgress', onTraining);
        agent.off('trainingReport', onTraining);
        agent.off('head', onStatus);
        agent.off('status', onStatus);
      };
    },
  };
}

function consoleStatus(agent: AgentView): ConsoleStatus {
  const { statistics, perception } = agent;
  const card = agent.heads.serving?.card ?? null;
  const { learnt } = agent.instant;
  const { total, labelled, waiting, classes } = agent.state.samples.counts();
  return {
    robot: agent.config.robot.id,
    version: agent.options.version,
    state: agent.pausing.has('inference') ? 'paused' : 'online',
    paused: agent.pausing.paused,
    uptimeSeconds: (Date.now() - agent.startedAtMs) / 1_000,
    simulated: agent.cameras.some(({ config }) => config.driver === 'simulated'),
    mqtt: { url: agent.telemetry.url, connected: agent.telemetry.connected },
    cameras: agent.cameras.map(({ supervisor }) => {
      const state = supervisor.state();
      return {
        name: state.name,
        description: state.description,
        phase: state.phase,
        condition: state.quality?.condition ?? null,
        framesTotal: state.framesTotal,
        stillFrames: state.stillFrames,
        droppedTotal: perception.dropped(state.name) + state.droppedFrames,
        lastFrameAtMs: state.lastFrameAtMs,
        restarts: state.restarts,
        lastRestartReason: state.lastRestartReason?.message ?? null,
      };
    }),
    backbone: perception.backbone,
    head: card && headVersion(card),
    learnt: learnt && { labels: learnt.labels, classes: [...learnt.head.labels] },
    ...trustOf(agent.heads.serving, learnt),
    samples: {
      total,
      labelled,
      waiting,
      classes: classes.map(({ label, training, exam }) => ({ label, training, exam })),
    },
    training: trainingState(agent),
    frameMsP50: statistics.durationMs(0.5),
    frameMsP95: statistics.durationMs(0.95),
    framesPerSecond: statistics.framesPerSecond(Date.now()),
    temperatureC: readings({ diskPath: agent.config.paths.stateDir }).temperatureC,
  };
}

function trainingState(agent: AgentView): TrainingState {
  const running = agent.training.running;
  return {
    running: running !== null,
    phase: running?.progress?.phase ?? null,
    done: running?.progress?.done ?? 0,
    total: running?.progress?.total ?? 0,
    etaSeconds: running?.progress?.etaSeconds ?? null,
    newLabels: agent.training.newLabels,
    everyNewLabels: agent.config.training.everyNewLabels,
    minLabels: agent.config.training.minLabels,
    instantLabelsPerClass: agent.config.training.instant
      ? agent.config.training.minLabelsPerClass
      : null,
  };
}

function summary({ frameId, frame, perceived }: RecentFrame): FrameSummary {
  const { decision, timings } = perceived;
  return {
    frameId,
    camera: frame.camera,
    capturedAtMs: frame.capturedAtMs,
    decision: decision.top.length === 0 ? null : { ...decision, totalMs: timings.totalMs },
  };
}

function headVersion(card: HeadCard): Omit<HeadVersion, 'serving'> {
  return {
    version: card.version,
    learner: card.learner,
    labels: card.labels,
    trainedAt: card.createdAt,
    examMacroF1: card.exam?.macroF1 ?? null,
    trust: card.trust?.level ?? null,
  };
}

function report(source: TrainingReport): ConsoleReport {
  const { result } = source;
  return {
    trainingId: source.trainingId,
    outcome: source.outcome,
    reason: source.reason,
    headVersion: result?.version ?? null,
    learner: result?.learner ?? null,
    exam: result?.exam ?? null,
    finishedAt: source.finishedAt,
    durations: { total: source.durationMs, ...result?.durationsMs },
  };
}

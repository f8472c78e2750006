import { messageOf } from '../../base/errors.js';
import { type Eye, eyeOf, eyesOf } from '../../base/words/eye.js';
import { decidesOn } from '../../base/words/task.js';
import type {
  ConsoleEvent,
  TrainingReport as ConsoleReport,
  ConsoleSource,
  ConsoleSources,
  ConsoleStatus,
  EncodedPicture,
  FrameSummary,
  HeadSummary,
  HeadVersion,
  TaskSummary,
  TrainingState,
} from '../../console/console-source.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { StoredReport } from '../../training/stored-report.js';
import { mediaTypeOf } from '../../vision/sniff.js';
import type { Requester } from '../audit-trail.js';
import { chosenTask } from '../open-state.js';
import { undecidedBy } from '../operations.js';
import type { RobotTask } from '../robot-task.js';
import { guesses } from '../seeing/guesses.js';
import type { RecentFrame } from '../seeing/recent-frames.js';
import {
  type AgentStatus,
  agentStatus,
  type TaskStatus,
  type TrainingStatus,
  trainingStatus,
} from '../status.js';
import type { AgentView } from '../view.js';

const BY: Requester = { source: 'console' };

function encodedPicture(bytes: Uint8Array): EncodedPicture {
  return { mediaType: mediaTypeOf(bytes), bytes };
}

/** Adapts the daemon to the interface of the web page. */
export function consoleSources(agent: AgentView): ConsoleSources {
  const byTask = new Map(agent.tasks.map((task) => [task, consoleSource(agent, task)]));
  return (name = agent.tasks[0].name) => byTask.get(chosenTask(agent.tasks, name))!;
}

/** One task of the daemon. */
function consoleSource(agent: AgentView, task: RobotTask): ConsoleSource {
  const { operations } = agent;
  const { name, state, training } = task;
  const { samples, heads } = state;
  return {
    status: () => consoleStatus(agentStatus(agent), name),
    latest(camera) {
      const eye = agent.cameras
        .flatMap(({ config }) => eyesOf(config))
        .find((each) => eyeOf(each) === camera);
      if (eye && !decidesOn(state, eye)) {
        const deciding = agent.tasks.filter((each) => decidesOn(each.state, eye));
        throw undecidedBy(
          name,
          eyeOf(eye),
          deciding.map((each) => each.name),
        );
      }
      const recent = agent.recent.latest(camera, name);
      return recent
        ? { ...summary(recent, name), picture: encodedPicture(recent.frame.jpeg) }
        : null;
    },
    waiting(limit) {
      const waiting = samples.list({ labelled: false, order: 'newest', limit });
      const { perception } = agent;
      const parts = { task: name, perception, samples, inference: state.settings.inference };
      const guessed = guesses(
        parts,
        waiting.map(({ id }) => id),
      );
      return waiting.map(({ id, capturedAtMs, source }) => {
        return { id, capturedAtMs, camera: source, guess: guessed.get(id) ?? null };
      });
    },
    picture(sampleId) {
      const bytes = samples.picture(sampleId);
      return bytes && encodedPicture(bytes);
    },
    async labelFrame(frameId, label, group) {
      const { sample } = await operations.label({ frame: frameId, group }, label, BY, name);
      return { sampleId: sample.id };
    },
    async labelSample(sampleId, label) {
      const { sample } = await operations.label({ sample: sampleId }, label, BY, name);
      return { sampleId: sample.id };
    },
    async labelSamples(sampleIds, label) {
      const { samples: labelled } = await operations.labelMany(sampleIds, label, BY, name);
      return { sampleIds: labelled.map(({ id }) => id) };
    },
    lookAlikes: (sampleId) =>
      operations.lookAlikes(sampleId, name).map(({ sample: { id, capturedAtMs }, cosine }) => {
        return { id, capturedAtMs, cosine };
      }),
    retrain: async () => ({ trainingId: await operations.retrain(BY, name) }),
    reports: (limit) => training.reports(limit).map(report),
    heads: async () =>
      (await heads.list())
        .flatMap(({ card }) => card ?? [])
        .map((card) => headVersion(card, card.version === task.heads.serving?.card.version))
        .reverse(),
    rollback: async (version) => ({
      version: (await operations.rollback(version, BY, name)).card.version,
    }),
    promote: async (version) => ({
      version: (await operations.promote(version, BY, name)).card.version,
    }),
    pause: async (what) => ({ paused: await operations.pause(what, BY) }),
    resume: async (what) => ({ paused: await operations.resume(what, BY) }),
    async snapshot(camera) {
      const { recent, sample } = operations.snapshot(camera, name);
      return { sampleId: sample.id, frame: summary(recent, name) };
    },
    subscribe(listener: (event: ConsoleEvent) => void) {
      /** A failure to notify a page must not affect the daemon. */
      const notify = (event: () => ConsoleEvent): void => {
        try {
          listener(event());
        } catch (error) {
          agent.options.log.error({ err: messageOf(error) }, 'cannot notify the page');
        }
      };
      const onDecision = (recent: RecentFrame): void => {
        if (!decidesOn(state, recent.frame)) return;
        notify(() => ({ type: 'decision', data: summary(recent, name) }));
      };
      const onTraining = (trained: string): void => {
        if (trained !== name) return;
        notify(() => ({ type: 'training', data: trainingState(trainingStatus(agent, task)) }));
      };
      const onReport = (trained: { task: string }): void => onTraining(trained.task);
      const onStatus = (): void =>
        notify(() => ({ type: 'status', data: consoleStatus(agentStatus(agent), name) }));
      agent.on('decision', onDecision);
      agent.on('trainingProgress', onTraining);
      agent.on('trainingReport', onReport);
      agent.on('head', onStatus);
      agent.on('status', onStatus);
      return () => {
        agent.off('decision', onDecision);
        agent.off('trainingProgress', onTraining);
        agent.off('trainingReport', onReport);
        agent.off('head', onStatus);
        agent.off('status', onStatus);
      };
    },
  };
}

function consoleStatus(status: AgentStatus, name: string): ConsoleStatus {
  const { tasks, frames } = status;
  const task = chosenTask(tasks, name);
  const { model, samples, training } = task;
  return {
    robot: status.robot,
    version: status.version,
    state: status.state,
    paused: status.paused,
    uptimeSeconds: status.uptimeSeconds,
    task: name,
    tasks: tasks.map(taskSummary),
    namedTasks: status.namedTasks,
    simulated: status.simulated,
    alarms: status.alarms.map(({ name, severity, code, message, remedy, sinceAtMs }) => {
      return { name, severity, code, message, remedy, sinceAtMs };
    }),
    mqtt: status.mqtt,
    // The page shows each region like a camera of its own.
    cameras: status.cameras.flatMap(eyes).map(({ camera, eye }) => ({
      name: eyeOf(eye),
      decided: decidesOn(task, eye),
      description: camera.description,
      phase: camera.phase,
      condition: camera.quality?.condition ?? null,
      framesTotal: camera.framesTotal,
      stillFrames: camera.stillFrames,
      droppedTotal: camera.droppedTotal,
      lastFrameAtMs: camera.lastFrameAtMs,
      restarts: camera.restarts,
      lastRestartReason: camera.lastRestartReason?.message ?? null,
    })),
    backbone: status.backbone,
    head: model.card && headSummary(model.card),
    learnt: model.learnt && {
      labels: model.learnt.labels,
      classes: [...model.learnt.head.labels],
    },
    trust: model.trust,
    next: model.next,
    samples: {
      total: samples.total,
      labelled: samples.labelled,
      waiting: samples.waiting,
      classes: samples.classes.map(({ label, training, holdout }) => ({
        label,
        training,
        holdout,
      })),
    },
    training: trainingState(training),
    frameMsP50: frames.msP50,
    frameMsP95: frames.msP95,
    framesPerSecond: frames.perSecond,
    temperatureC: status.board.temperatureC,
  };
}

function trainingState({ running, ...training }: TrainingStatus): TrainingState {
  return {
    running: running !== null,
    phase: running?.progress?.phase ?? null,
    done: running?.progress?.done ?? 0,
    total: running?.progress?.total ?? 0,
    etaSeconds: running?.progress?.etaSeconds ?? null,
    paused: running?.paused ?? null,
    newLabels: training.newLabels,
    everyNewLabels: training.everyNewLabels,
    minLabels: training.minLabels,
    instantLabelsPerClass: training.instantLabelsPerClass,
  };
}

function taskSummary({ name, samples, model, training }: TaskStatus): TaskSummary {
  return {
    name,
    labelled: samples.labelled,
    waiting: samples.waiting,
    headVersion: model.card?.version ?? null,
    learntLabels: model.learnt?.labels ?? null,
    trust: model.trust,
    training: training.running !== null,
  };
}

function eyes(camera: AgentStatus['cameras'][number]): { camera: typeof camera; eye: Eye }[] {
  const regions = camera.regions.length === 0 ? [null] : camera.regions;
  return regions.map((region) => ({ camera, eye: { camera: camera.name, region } }));
}

function summary({ frameId, frame, perceived }: RecentFrame, task: string): FrameSummary {
  const { answers, timings } = perceived;
  const decision = answers.find((answer) => answer.task === task)?.decision;
  return {
    frameId,
    camera: eyeOf(frame),
    capturedAtMs: frame.capturedAtMs,
    decision:
      decision && decision.top.length > 0 ? { ...decision, totalMs: timings.totalMs } : null,
  };
}

function headSummary(card: HeadCard): HeadSummary {
  return {
    version: card.version,
    learner: card.learner,
    labels: card.labels,
    trainedAt: card.createdAt,
    holdoutMacroF1: card.holdout?.macroF1 ?? null,
    trust: card.trust?.level ?? null,
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

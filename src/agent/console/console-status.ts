import { type Eye, eyeOf } from '../../base/words/eye.js';
import { decidesOn } from '../../base/words/task.js';
import type {
  ConsoleStatus,
  FrameSummary,
  HeadSummary,
  TaskSummary,
  TrainingState,
} from '../../console/contract/live-contract.js';
import type { HeadCard } from '../../registry/head-card.js';
import { chosenTask } from '../open-state.js';
import type { RecentFrame } from '../seeing/recent-frames.js';
import type { AgentStatus, TaskStatus, TrainingStatus } from '../status.js';

/** The status of the daemon as the console shows it, about one task. */
export function consoleStatus(status: AgentStatus, name: string): ConsoleStatus {
  const { tasks, frames } = status;
  const task = chosenTask(tasks, name);
  const { model, samples, training } = task;
  return {
    robot: status.robot,
    version: status.version,
    state: status.state,
    paused: status.paused,
    holds: status.holds.map(({ holder, reason, secondsLeft }) => {
      return { holder, reason, endsAtMs: Date.now() + Math.round(secondsLeft * 1_000) };
    }),
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
      simulated: camera.simulated,
      description: camera.description,
      phase: camera.phase,
      condition: camera.quality?.condition ?? null,
      framesTotal: camera.framesTotal,
      stillFrames: camera.stillFrames,
      droppedTotal: camera.droppedTotal,
      framesPerSecond: rateOfEye(camera),
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
    nextSteps: model.nextSteps,
    pinned: model.pinned,
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

export function trainingState({ running, ...training }: TrainingStatus): TrainingState {
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

/** Regions of a camera are decided on about as often as one another. */
function rateOfEye({ framesPerSecond, regions }: AgentStatus['cameras'][number]): number {
  return Math.round((framesPerSecond / Math.max(1, regions.length)) * 10) / 10;
}

/** A frame with the decision of one task, without its image. */
export function frameSummary(
  { frameId, frame, perceived }: RecentFrame,
  task: string,
): FrameSummary {
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

export function headSummary(card: HeadCard): HeadSummary {
  return {
    version: card.version,
    learner: card.learner,
    labels: card.labels,
    trainedAt: card.createdAt,
    holdoutMacroF1: card.holdout?.macroF1 ?? null,
    trust: card.trust?.level ?? null,
  };
}

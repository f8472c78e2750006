import type { RobotTask } from '../robot-task.js';
import type { AgentView } from '../view.js';
import { type TeachProgress, teachProgress } from './teach-progress.js';

/** Progress of a task, and the numbers of labels behind it. */
export interface TaughtSoFar {
  progress: TeachProgress;
  labelled: number;
  waiting: number;
  /** Labels given or changed since the last training. */
  newLabels: number;
}

/** @throws HeadlandError HL_STORE_… */
export function taughtSoFar(
  { pausing }: Pick<AgentView, 'pausing'>,
  { state, heads, instant, training }: Pick<RobotTask, 'state' | 'heads' | 'instant' | 'training'>,
): TaughtSoFar {
  const { samples, settings } = state;
  const { everyNewLabels, minLabels, minLabelsPerClass } = settings.training;
  const counts = samples.labelCounts();
  const { newLabels } = training;
  const trained = heads.serving?.card ?? null;
  const progress = teachProgress({
    counts,
    headServes: trained !== null || instant.learnt !== null,
    trainedServes: trained !== null,
    instantLabelsPerClass: settings.training.instant ? minLabelsPerClass : null,
    minLabelsPerClass,
    newLabels,
    newLabelsOf: samples.labelsGivenSince(training.learntRevision),
    everyNewLabels,
    minLabels,
    training: training.isBusy ? 'runs' : pausing.has('training') ? 'paused' : 'waits',
    trust: trained?.trust ?? null,
    instantTrust: instant.learnt?.trust ?? null,
  });
  const { labelled, waiting } = samples.counts();
  return { progress, labelled, waiting, newLabels };
}

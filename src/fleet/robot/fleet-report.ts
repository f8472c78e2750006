import type { Position } from '../../base/geo/position.js';
import type { Config } from '../../config/schema.js';
import { MAX_LABELS } from '../contract/fleet-fields.js';
import type { Reported, ReportedTask } from '../contract/reported.js';
import type { RunningBackbone } from './fleet-ports.js';
import type { TaskContext } from './task-context.js';

const MAX_REASON_CHARACTERS = 1_024;

/** What the robot tells the hub about one task. Pure. */
export function taskReport(
  context: TaskContext,
  backbone: RunningBackbone,
  unknownShare: number | null,
): ReportedTask {
  const { task, settings } = context.parts;
  const memory = context.memoryOf(backbone);
  const { sums, moment, evaluated, head } = memory;
  const { problem } = context;
  const serving = task.serving()?.card ?? null;
  const isNoisy = settings.privacy.epsilon !== null;
  return {
    task: task.name,
    backbone: {
      name: backbone.name,
      checksum: backbone.checksum,
      feature_size: backbone.featureSize,
    },
    // Exact counts would undo the noise.
    labels: isNoisy ? [] : labelCounts(context),
    sums: sums?.queued
      ? {
          object: sums.object,
          epoch: sums.epoch,
          version: sums.version,
          basis: sums.basis,
          samples: isNoisy ? 0 : sums.samples,
        }
      : null,
    moment: moment?.queued ? moment.object : null,
    evaluated: evaluated?.queued ? { round: evaluated.round, object: evaluated.object } : null,
    head: head && {
      fleet_version: head.version,
      object: head.object,
      state: head.state,
      local_version: head.localVersion,
      reason: head.reason?.slice(0, MAX_REASON_CHARACTERS) ?? null,
    },
    serving: serving && {
      local_version: serving.version,
      fleet_version: serving.fleet?.version ?? null,
      holdout: serving.holdout && {
        macro_f1: serving.holdout.macroF1,
        accuracy: serving.holdout.accuracy,
        samples: serving.holdout.samples,
      },
    },
    unknown_share: unknownShare,
    problem: problem && {
      code: problem.code,
      message: problem.message.slice(0, MAX_REASON_CHARACTERS),
    },
  };
}

export function privacyReport(
  { epsilon, delta, releases }: Config['fleet']['privacy'],
  used: number,
): Reported['privacy'] {
  if (epsilon === null) return null;
  return { epsilon, delta, releases_left: Math.max(0, releases - used) };
}

export function positionReport(position: Position | null): Reported['position'] {
  return position && { latitude: position.latitude, longitude: position.longitude };
}

/** Labels that the settings keep back are not even named. */
function labelCounts({ parts }: TaskContext): ReportedTask['labels'] {
  const withheld = new Set(parts.settings.neverShare);
  return [...parts.task.samples.labelCounts()]
    .filter(([label]) => !withheld.has(label))
    .map(([label, samples]) => ({ label, samples }))
    .sort((one, other) => (one.label < other.label ? -1 : 1))
    .slice(0, MAX_LABELS);
}

import { HeadlandError } from '../errors.js';
import type { SampleStore } from '../samples/store.js';
import type { Command } from '../telemetry/command-contract.js';
import type { HeadService } from './heads.js';
import type { InstantService } from './instant-service.js';
import type { Labelling } from './labelling.js';
import { predictionMessage } from './messages.js';
import type { Pausing } from './pausing.js';
import type { RecentFrames } from './recent-frames.js';
import type { TrainingService } from './training-service.js';

export interface CommandParts {
  labelling: Labelling;
  recent: RecentFrames;
  heads: HeadService;
  training: TrainingService;
  instant: Pick<InstantService, 'labelsChanged'>;
  samples: Pick<SampleStore, 'labelRevision'>;
  pausing: Pausing;
  /** Everything the daemon knows of itself, for `status`. */
  describe(): Record<string, unknown>;
}

/** What each command does; the answer becomes `data` of the response. Throws HeadlandErrors. */
export async function executeCommand(command: Command, parts: CommandParts): Promise<unknown> {
  switch (command.name) {
    case 'retrain':
      return { training_id: await parts.training.start('mqtt') };
    case 'label': {
      const sample =
        command.sample !== undefined
          ? parts.labelling.labelSample(command.sample, command.label, 'mqtt')
          : parts.labelling.labelFrame(command.frame!, command.label, 'mqtt', command.group);
      parts.instant.labelsChanged();
      parts.training.onLabel();
      return {
        sample_id: sample.id,
        label: sample.label,
        group: sample.group,
        exam: sample.exam,
        label_revision: parts.samples.labelRevision(),
      };
    }
    case 'rollback':
      return { head_version: (await parts.heads.rollback(command.version)).card.version };
    case 'promote':
      return { head_version: (await parts.heads.promote(command.version)).card.version };
    case 'snapshot':
      return snapshot(command, parts);
    case 'status':
      return parts.describe();
    case 'pause':
      parts.pausing.pause(command.what);
      return { paused: parts.pausing.paused };
    case 'resume':
      parts.pausing.resume(command.what);
      return { paused: parts.pausing.paused };
  }
}

/** Keeps the newest frame as a sample that waits for a label, so that it can be labelled later. */
function snapshot(
  command: Extract<Command, { name: 'snapshot' }>,
  { recent, labelling }: CommandParts,
): unknown {
  const latest = recent.latest(command.camera);
  if (!latest) {
    throw new HeadlandError('HL_FRAME_NONE', 'no frame has been perceived yet', {
      remedy: 'Wait for the camera, or look at `status` for the reason that it gives none.',
      details: { camera: command.camera ?? null },
    });
  }
  const sample = labelling.keepWaiting(latest);
  const prediction = predictionMessage(latest, sample.id);
  if (command.include_picture !== true) return prediction;
  return { ...prediction, picture_base64: Buffer.from(latest.frame.jpeg).toString('base64') };
}

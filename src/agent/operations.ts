import { HeadlandError } from '../base/errors.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { Sample } from '../samples/sample.js';
import type { SampleStore } from '../samples/store.js';
import type { AuditTrail, Requester } from './audit-trail.js';
import type { Labelling } from './learning/labelling.js';
import type { TrainingService } from './learning/training-service.js';
import type { Pausable, Pausing } from './pausing.js';
import type { RecentFrame, RecentFrames } from './seeing/recent-frames.js';

/** A frame that is still in memory, or a stored sample whose label is given or corrected. */
export type LabelTarget = { frame: string; group?: string | undefined } | { sample: string };

export interface OperationParts {
  labelling: Labelling;
  recent: Pick<RecentFrames, 'latest'>;
  samples: Pick<SampleStore, 'labelRevision'>;
  heads: {
    promote(version: number): Promise<StoredHead>;
    rollback(version?: number): Promise<StoredHead>;
  };
  training: Pick<TrainingService, 'start'>;
  pausing: Pausing;
  audit: AuditTrail;
  /** A label was given: whatever learns from labels looks at it now. */
  onLabel(): void;
}

/**
 * Everything that a person can do to this robot, once, whichever door the wish comes through: MQTT,
 * the web page or the command line. Rules, audit and what follows from an operation are in here; a
 * door only checks the form of a wish and words the answer. Every operation may throw HeadlandErrors.
 */
export class Operations {
  constructor(private readonly parts: OperationParts) {}

  /**
   * Labels a frame or a sample, or corrects the label of a sample; durable when it resolves.
   * @returns the sample, and the label revision from which on a decision has learnt this label
   * @throws HeadlandError HL_FRAME_GONE, HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE, HL_STORE_…
   */
  label(
    target: LabelTarget,
    label: string,
    by: Requester,
  ): Promise<{ sample: Sample; labelRevision: number }> {
    const { labelling, samples, audit, onLabel } = this.parts;
    return audit.around('label', { ...target, label }, by, () => {
      const sample =
        'sample' in target
          ? labelling.labelSample(target.sample, label, by.source)
          : labelling.labelFrame(target.frame, label, by.source, target.group);
      onLabel();
      return { sample, labelRevision: samples.labelRevision() };
    });
  }

  /**
   * Starts a training and resolves with its id at once.
   * @throws HeadlandError HL_TRAINING_RUNNING, HL_TRAINING_PAUSED, HL_BOARD_TOO_HOT
   */
  retrain(by: Requester): Promise<string> {
    const { training, audit } = this.parts;
    return audit.around('retrain', {}, by, () => training.start(by.source));
  }

  /**
   * Lets `version` serve, or without it the one that served before.
   * @throws HeadlandError HL_HEAD_NO_PREVIOUS, HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID,
   *   HL_HEAD_BACKBONE_MISMATCH, HL_PERCEPTION_CRASHED
   */
  rollback(version: number | undefined, by: Requester): Promise<StoredHead> {
    const { heads, audit } = this.parts;
    return audit.around('rollback', { version }, by, () => heads.rollback(version));
  }

  /** Lets `version` serve although the gate may have refused it. @throws as {@link rollback} */
  promote(version: number, by: Requester): Promise<StoredHead> {
    const { heads, audit } = this.parts;
    return audit.around('promote', { version }, by, () => heads.promote(version));
  }

  /** @returns what is paused now */
  pause(what: Pausable, by: Requester): Promise<Pausable[]> {
    const { pausing, audit } = this.parts;
    return audit.around('pause', { what }, by, () => {
      pausing.pause(what);
      return pausing.paused;
    });
  }

  /** @returns what is still paused */
  resume(what: Pausable, by: Requester): Promise<Pausable[]> {
    const { pausing, audit } = this.parts;
    return audit.around('resume', { what }, by, () => {
      pausing.resume(what);
      return pausing.paused;
    });
  }

  /**
   * Keeps the newest frame as a sample that waits for a label, so that it can be labelled later. It
   * changes nothing that anyone has to answer for, so it is not in the audit.
   * @throws HeadlandError HL_FRAME_NONE, HL_STORE_…
   */
  snapshot(camera: string | undefined): { recent: RecentFrame; sample: Sample } {
    const { recent, labelling } = this.parts;
    const latest = recent.latest(camera);
    if (!latest) {
      const of = camera === undefined ? 'any camera' : `camera "${camera}"`;
      throw new HeadlandError('HL_FRAME_NONE', `there is no frame of ${of} yet`, {
        remedy: '`headland status` lists the cameras and says why one gives no frame.',
        details: { camera: camera ?? null },
      });
    }
    return { recent: latest, sample: labelling.keepWaiting(latest) };
  }
}

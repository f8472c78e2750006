import { HeadlandError } from '../base/errors.js';
import type { StoredHead } from '../registry/version-directory.js';
import type { Sample } from '../samples/sample.js';
import type { SampleStore } from '../samples/store.js';
import type { AuditTrail, Requester } from './audit-trail.js';
import type { Labelling } from './learning/labelling.js';
import type { TrainingService } from './learning/training-service.js';
import type { Pausable, Pausing } from './pausing.js';
import type { RecentFrame, RecentFrames } from './seeing/recent-frames.js';

/** A frame that is still in memory, or a stored sample to label or relabel. */
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
  /** Called after every label: notifies everything that learns from labels. */
  onLabel(): void;
}

/**
 * Every operation that a person can carry out on this robot, shared by MQTT, the web page and the
 * command line. This class holds the rules, the audit and the effects of an operation; the interfaces
 * only parse requests and format answers. Every operation may throw HeadlandErrors.
 */
export class Operations {
  constructor(private readonly parts: OperationParts) {}

  /**
   * Labels a frame or a sample, or corrects the label of a sample. The label is durable when it resolves.
   * @returns the sample, and the label revision at which a decision includes this label
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
   * Starts a training and resolves with its id without waiting for its end.
   * @throws HeadlandError HL_TRAINING_RUNNING, HL_TRAINING_PAUSED, HL_BOARD_TOO_HOT
   */
  retrain(by: Requester): Promise<string> {
    const { training, audit } = this.parts;
    return audit.around('retrain', {}, by, () => training.start(by.source));
  }

  /**
   * Switches to `version`, by default to the head that served before.
   * @throws HeadlandError HL_HEAD_NO_PREVIOUS, HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID,
   *   HL_HEAD_BACKBONE_MISMATCH, HL_PERCEPTION_CRASHED
   */
  rollback(version: number | undefined, by: Requester): Promise<StoredHead> {
    const { heads, audit } = this.parts;
    return audit.around('rollback', { version }, by, () => heads.rollback(version));
  }

  /** Switches to `version` even if the gate has refused it. @throws as {@link rollback} */
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
   * Stores the newest frame as a sample that waits for a label. Not audited, because it changes neither
   * labels nor heads.
   * @throws HeadlandError HL_FRAME_NONE, HL_STORE_…
   */
  snapshot(eye: string | undefined): { recent: RecentFrame; sample: Sample } {
    const { recent, labelling } = this.parts;
    const latest = recent.latest(eye);
    if (!latest) {
      const source = eye === undefined ? 'any camera' : `camera "${eye}"`;
      throw new HeadlandError('HL_FRAME_NONE', `there is no frame from ${source} yet`, {
        remedy: 'Run `headland status`: it lists the cameras and shows why one delivers no frames.',
        details: { camera: eye ?? null },
      });
    }
    return { recent: latest, sample: labelling.keepWaiting(latest) };
  }
}

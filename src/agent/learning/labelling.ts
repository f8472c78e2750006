import { HeadlandError } from '../../base/errors.js';
import { eyeOf } from '../../base/words/eye.js';
import { normaliseLabel } from '../../base/words/label.js';
import type { PlaceGroups } from '../../samples/grouping/place-groups.js';
import type { LookAlike, LookAlikes } from '../../samples/look-alikes.js';
import type { LabelSource, Sample } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import type { RecentFrame, RecentFrames } from '../seeing/recent-frames.js';

/** Key of the features of the unaugmented image. */
const ORIGINAL = { recipe: '', view: 0 } as const;

/** Stores recent frames as samples, with a label or waiting for one. */
export class Labelling {
  constructor(
    private readonly store: SampleStore,
    private readonly recent: RecentFrames,
    private readonly alikes: LookAlikes,
    /** Null: frames are grouped by time alone. */
    private readonly places: PlaceGroups | null = null,
  ) {}

  /**
   * Stores a frame with its label. The sample is durable on return; nothing is stored on an error.
   * @throws HeadlandError HL_FRAME_GONE, HL_LABEL_INVALID, HL_LABEL_ALIKE,
   *   HL_FEATURES_INVALID, HL_STORE_…
   */
  labelFrame(frameId: string, label: string, source: LabelSource, group?: string): Sample {
    const recent = this.recent.remembered(frameId);
    this.#refuseAlike(label);
    return this.#keep(recent, { label, source }, group);
  }

  /**
   * Labels a stored sample.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  labelSample(sampleId: string, label: string, source: LabelSource): Sample {
    this.#refuseAlike(label, [sampleId]);
    return this.store.label(sampleId, label, source);
  }

  /**
   * Labels stored samples, all or none: see {@link LookAlikes.label}.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  labelSamples(sampleIds: readonly string[], label: string, source: LabelSource): Sample[] {
    this.#refuseAlike(label, sampleIds);
    return this.alikes.label(sampleIds, label, source);
  }

  /** See {@link LookAlikes.of}. @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_SAMPLE_NOT_EMBEDDED */
  lookAlikes(sampleId: string): LookAlike[] {
    return this.alikes.of(sampleId);
  }

  /** Stores a frame that waits for a label. @throws as {@link labelFrame} */
  keepWaiting(recent: RecentFrame): Sample {
    return this.#keep(recent, null);
  }

  /** Treats "apple" beside "Apple" as a typing error, not as a second class. */
  #refuseAlike(label: string, sampleIds: readonly string[] = []): void {
    const alike = this.store.alikeLabel(label, sampleIds);
    if (alike === null) return;
    const given = normaliseLabel(label);
    throw new HeadlandError('HL_LABEL_ALIKE', `label "${given}" looks like the class "${alike}"`, {
      remedy: `Did you mean "${alike}"? Give that label, or one that differs in more than case, width, spaces or look-alike letters.`,
      details: { label: given, alike },
    });
  }

  #keep(
    { frame, perceived, backboneChecksum }: RecentFrame,
    given: { label: string; source: LabelSource } | null,
    group?: string,
  ): Sample {
    const { located } = frame;
    const ofPlace = located ? (this.places?.groupFor(located) ?? null) : null;
    return this.store.batch(() => {
      const { sample, duplicate } = this.store.admit({
        jpeg: frame.jpeg,
        label: given?.label ?? null,
        labelSource: given?.source ?? null,
        group: group ?? ofPlace ?? frame.group ?? frame.camera,
        source: eyeOf(frame),
        capturedAtMs: frame.capturedAtMs,
        origin: frame.origin ?? null,
        dhash: perceived.dhash,
        position: located?.position ?? null,
      });
      if (located && !duplicate) this.places?.stored(sample.id, located);
      if (backboneChecksum !== null) {
        this.store.putFeatures([
          { sampleId: sample.id, backboneChecksum, features: perceived.features, ...ORIGINAL },
        ]);
      }
      return sample;
    });
  }
}

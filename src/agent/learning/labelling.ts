import { HeadlandError } from '../../base/errors.js';
import { eyeOf } from '../../base/words/eye.js';
import { normaliseLabel } from '../../base/words/label.js';
import { MAX_LABELLED_TOGETHER } from '../../base/words/label-limits.js';
import type { PlaceGroups } from '../../samples/grouping/place-groups.js';
import type { LookAlike, LookAlikes } from '../../samples/look-alikes.js';
import type { FormerState, LabelSource, Sample, SampleChange } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import type { RecentFrame, RecentFrames } from '../seeing/recent-frames.js';

/** Key of the features of the unaugmented image. */
const ORIGINAL = { recipe: '', view: 0 } as const;

/** A sample that was labelled, and what it was before. */
export interface Labelled {
  sample: Sample;
  before: FormerState;
}

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
  labelFrame(frameId: string, label: string, source: LabelSource, group?: string): Labelled {
    const recent = this.recent.remembered(frameId);
    this.#refuseAlike(label);
    return this.#keep(recent, { label, source }, group);
  }

  /**
   * Labels a stored sample.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  labelSample(sampleId: string, label: string, source: LabelSource): Labelled {
    this.#refuseAlike(label, [sampleId]);
    return this.store.batch(() => {
      const before = this.store.stateOf(sampleId);
      return { sample: this.store.label(sampleId, label, source), before };
    });
  }

  /**
   * Labels stored samples, all or none: see {@link LookAlikes.label}.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  labelSamples(
    sampleIds: readonly string[],
    label: string,
    source: LabelSource,
  ): { samples: Sample[]; before: FormerState[] } {
    this.#refuseAlike(label, sampleIds);
    const { store } = this;
    const ids = [...new Set(sampleIds)];
    return store.batch(() => {
      const before = ids.map((id) => store.stateOf(id));
      const samples: Sample[] = [];
      // Near-duplicates are found among those labelled before, too.
      for (let i = 0; i < ids.length; i += MAX_LABELLED_TOGETHER) {
        const some = ids.slice(i, i + MAX_LABELLED_TOGETHER);
        samples.push(...this.alikes.label(some, label, source));
      }
      return { samples, before };
    });
  }

  /**
   * Labels stored samples, takes their labels off, excludes, removes or brings them back: all or none.
   * @returns what they were before
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  changeSamples(
    sampleIds: readonly string[],
    to: SampleChange,
    source: LabelSource,
  ): FormerState[] {
    if ('label' in to) return this.labelSamples(sampleIds, to.label, source).before;
    return this.store.batch(() =>
      [...new Set(sampleIds)].map((id) => this.store.change(id, to, source)),
    );
  }

  /** See {@link LookAlikes.of}. @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_SAMPLE_NOT_EMBEDDED */
  lookAlikes(sampleId: string): LookAlike[] {
    return this.alikes.of(sampleId);
  }

  /** Stores a frame that waits for a label. @throws as {@link labelFrame} */
  keepWaiting(recent: RecentFrame): Sample {
    return this.#keep(recent, null).sample;
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
  ): Labelled {
    const { located } = frame;
    const ofPlace = located ? (this.places?.groupFor(located) ?? null) : null;
    return this.store.batch(() => {
      const { sample, duplicate, before } = this.store.admit({
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
      return { sample, before };
    });
  }
}

import { cosine, NEAR_DUPLICATE_COSINE } from '../base/cosine.js';
import { HeadlandError } from '../base/errors.js';
import { MAX_LABELLED_TOGETHER } from '../base/words/label-limits.js';
import type { LabelSource, Sample } from './sample.js';
import type { SampleStore } from './store.js';

/**
 * Least cosine of look-alikes. Of pairs of grocery photos (EfficientNet-Lite0, 288 pixels), 99.3 % at
 * 0.90 or more show the same class, 90 % at 0.85 or more.
 */
const LOOK_ALIKE_COSINE = 0.9;
/** Most look-alikes of a sample: it can be labelled together with all of them. */
const MAX_LOOK_ALIKES = MAX_LABELLED_TOGETHER - 1;
/**
 * Most samples of a pass before a sample and after it that are compared, the nearest: what looks like a frame
 * is mostly near it. Reading an embedding takes 50 µs, and offers must not hold up the frames.
 */
const COMPARED_EACH_WAY = { waiting: 200, labelled: 1_000 };
/** Longest time between two captures of one pass, as a multiple of `samples.groupWindowMs`. */
const WINDOWS_OF_A_PASS = 10;

/** No label yet. */
const WAITING = { label: null, labelSource: null };

export interface LookAlike {
  sample: Sample;
  /** Of the embeddings, {@link LOOK_ALIKE_COSINE}..1. */
  cosine: number;
}

export interface LookAlikeOptions {
  /** `samples.groupWindowMs`. */
  groupWindowMs: number;
  /**
   * SHA-256 of the running backbone. Null, as in a process without one: the backbone that embedded the
   * sample last.
   */
  backboneChecksum: () => string | null;
}

/** A sample and its embedding; null: it has none. */
interface Embedded {
  sample: Sample;
  features: Float32Array | null;
}

/** Finds the look-alikes of a sample of a task, and labels several samples together. */
export class LookAlikes {
  readonly #passMs: number;

  constructor(
    private readonly store: SampleStore,
    private readonly options: LookAlikeOptions,
  ) {
    this.#passMs = WINDOWS_OF_A_PASS * options.groupWindowMs;
  }

  /**
   * The waiting samples of the same source and pass, of many the nearest in time, whose embedding has a cosine of at least 0.90 to
   * that of the sample; most alike first, at most 63. Of the same pass are samples of the same group
   * and those captured within ten `samples.groupWindowMs`.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_SAMPLE_NOT_EMBEDDED
   */
  of(sampleId: string): LookAlike[] {
    const { store } = this;
    const sample = store.known(sampleId);
    const checksum = this.#checksumFor(sampleId);
    const own = this.#embedded([sample], checksum)[0]?.features;
    if (!own) {
      throw new HeadlandError(
        'HL_SAMPLE_NOT_EMBEDDED',
        `sample ${sampleId} has no embedding of the running backbone`,
        {
          remedy: 'Label it alone: its look-alikes can be found after the next training.',
          details: { id: sampleId },
        },
      );
    }
    const near = this.#ofPass(sample, { labelled: false }).filter(({ id }) => id !== sampleId);
    return this.#embedded(near, checksum)
      .flatMap((each) => {
        if (!each.features) return [];
        const alike = cosine(own, each.features);
        return alike >= LOOK_ALIKE_COSINE ? [{ sample: each.sample, cosine: alike }] : [];
      })
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, MAX_LOOK_ALIKES);
  }

  /**
   * Labels several samples, all or none. Before the label decides whether they are held out,
   * near-duplicates among them, and of samples of their pass that have the label already, come into one
   * group: none is held out while another is trained on. Only samples without any label move, because
   * heads remember the groups that they have learnt; where labelled near-duplicates are apart, their
   * groups all become training groups. What the user keeps out of training stays there.
   * @param sampleIds 1..64
   * @returns the samples, in the order of the ids
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID, HL_STORE_…
   */
  label(sampleIds: readonly string[], label: string, source: LabelSource): Sample[] {
    const { store } = this;
    const ids = [...new Set(sampleIds)];
    return store.batch(() => {
      const clusters = this.#clusters(
        ids.map((id) => store.adopt(id, WAITING)),
        label,
      );
      for (const members of clusters) this.#gather(members);
      for (const id of ids) store.label(id, label, source);
      const groups = clusters.map((members) => members.map(({ id }) => store.known(id).group));
      // A group that changes its side may have near-duplicates in groups of other clusters.
      while (groups.map((each) => store.uniteGroups(each)).includes(true));
      return ids.map((id) => store.known(id));
    });
  }

  #checksumFor(sampleId: string): string | null {
    return this.options.backboneChecksum() ?? this.store.newestBackbone(sampleId);
  }

  #ofPass(
    { id, source, group, capturedAtMs }: Sample,
    which: { labelled: false } | { label: string },
  ): Sample[] {
    const { store } = this;
    const earliest = capturedAtMs - this.#passMs;
    const latest = capturedAtMs + this.#passMs;
    const limit = COMPARED_EACH_WAY['label' in which ? 'labelled' : 'waiting'];
    const all = { ...which, source, limit };
    const before = { from: earliest, to: capturedAtMs };
    const after = { from: capturedAtMs, to: latest };
    const found = [
      ...store.list({ ...all, order: 'latest', capturedMs: before }),
      ...store.list({ ...all, order: 'earliest', capturedMs: after }),
      ...store.list({ ...all, order: 'newest', group, afterId: id }),
      ...store.list({ ...all, order: 'oldest', group, afterId: id }),
    ];
    return [...new Map(found.map((sample) => [sample.id, sample])).values()];
  }

  #embedded(samples: readonly Sample[], checksum: string | null): Embedded[] {
    const ids = samples.map(({ id }) => id);
    const found = checksum === null ? null : this.store.features(ids, checksum, '', 0);
    return samples.map((sample) => ({ sample, features: found?.get(sample.id)?.[0] ?? null }));
  }

  /**
   * Clusters (single linkage) of near-duplicates of one source and pass: given samples, and those of
   * their passes that have the label already.
   */
  #clusters(given: readonly Sample[], label: string): Sample[][] {
    const [first] = given;
    if (!first) return [];
    const ids = new Set(given.map(({ id }) => id));
    const labelled = given.flatMap((sample) => this.#ofPass(sample, { label }));
    const all = [
      ...given,
      ...new Map(labelled.filter(({ id }) => !ids.has(id)).map((each) => [each.id, each])).values(),
    ];
    const rest = new Set(this.#embedded(all, this.#checksumFor(first.id)));
    const clusters: Sample[][] = [];
    for (const start of rest) {
      rest.delete(start);
      const cluster = [start];
      for (const member of cluster) {
        for (const other of rest) {
          if (!this.#areNearDuplicates(member, other)) continue;
          rest.delete(other);
          cluster.push(other);
        }
      }
      if (cluster.length > 1) clusters.push(cluster.map(({ sample }) => sample));
    }
    return clusters;
  }

  #areNearDuplicates(a: Embedded, b: Embedded): boolean {
    if (!a.features || !b.features || a.sample.source !== b.sample.source) return false;
    const samePass =
      a.sample.group === b.sample.group ||
      Math.abs(a.sample.capturedAtMs - b.sample.capturedAtMs) <= this.#passMs;
    return samePass && cosine(a.features, b.features) >= NEAR_DUPLICATE_COSINE;
  }

  /** Moves members without any label to the group of one with a label, else to that of the oldest. */
  #gather(members: readonly Sample[]): void {
    const { store } = this;
    const byAge = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
    const settled = byAge.filter(({ id }) => store.isLabelledAnywhere(id));
    const anchor = settled.find(({ label }) => label !== null) ?? settled[0] ?? byAge[0];
    if (!anchor) return;
    const fixed = new Set(settled);
    for (const member of byAge) {
      if (!fixed.has(member)) store.regroup(member.id, anchor.group, false);
    }
  }
}

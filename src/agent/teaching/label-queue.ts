import { isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { Heap } from '../../base/values/heap.js';
import type { Message } from '../../base/words/message.js';
import type { Config } from '../../config/schema.js';
import { type Candidate, queryOrder, relativeEntropy } from '../../head/acquisition/query-order.js';
import { Sketcher, sketchDistance } from '../../head/acquisition/sketch.js';
import { topLabels } from '../../head/score.js';
import { type AnswerSettings, answer, answerSettings } from '../../perception/answer.js';
import { isNovel } from '../../perception/decision.js';
import type { Perception } from '../../perception/perception.js';
import type { ServingHead } from '../../perception/perception-protocol.js';
import type { Sample } from '../../samples/sample.js';
import type { SampleStore } from '../../samples/store.js';
import {
  type AskReason,
  askMessage,
  askReason,
  isOffered,
  meanOf,
  type SampleGuess,
} from './question.js';

export interface LabelQueueParts {
  /** Name of the task whose head answers. */
  task: string;
  perception: Pick<Perception<never>, 'backbone' | 'serving'>;
  samples: Pick<
    SampleStore,
    'features' | 'get' | 'labelCounts' | 'labelRevision' | 'labelsSince' | 'list' | 'waitingIds'
  >;
  inference: Config['inference'];
  log: Log;
  /** Monotonic time, milliseconds: how long the work of a request takes. */
  nowMs?: () => number;
}

/** A sample that waits for a label, and why the robot asks for it. */
export interface QueuedSample {
  sample: Sample;
  reason: AskReason;
  /** The reason in a sentence. */
  why: Message;
  /** Null: no head serves, or the sample has no features of the running backbone. */
  guess: SampleGuess | null;
  /** Whether the guess is worth a button of its own. */
  offered: boolean;
  /** All labels of the task but the guess, the most probable first, then the most frequent. */
  others: string[];
}

/** Most labelled samples, the newest of each class, that distances are taken to at the start. */
const LANDMARKS = 500;
/** Most labelled samples in memory: labels after the start are added to the first ones. */
const MAX_LANDMARKS = 2_000;
/** Samples whose features are read at once. */
const BATCH = 16;
/** A request that has taken so long answers with what it knows; the rest follows in slices. */
const REQUEST_MS = 20;
const SLICE_MS = 10;
const PAUSE_MS = 40;

/** What is known of a waiting sample; the sketch is null without features of the running backbone. */
interface Entry {
  sketch: Float32Array | null;
  nearest: number;
  nearestId: string | null;
  answer: (Candidate['answer'] & { head: ServingHead }) | null;
}

/** A waiting sample that the serving head was not asked about. */
interface Stale {
  id: string;
  entry: Entry;
  doubt: number;
}

interface Landmark {
  sketch: Float32Array;
  label: string;
}

/**
 * The order in which a person should label the waiting samples of a task, see {@link queryOrder}. It works
 * from stored features, and remembers a sketch of each waiting sample, so that a request reads only what is
 * new since the one before. With another head it asks the head again, a slice at a time; until then the
 * answers of the previous head keep their place.
 */
export class LabelQueue {
  readonly #entries = new Map<string, Entry>();
  /** Waiting samples whose features were not looked for yet. */
  readonly #unread = new Set<string>();
  readonly #landmarks = new Map<string, Landmark>();
  /** Samples that a person or an alert has asked about since the start of the daemon. */
  readonly #requested = new Set<string>();
  #sketcher: Sketcher | null = null;
  #checksum: string | null = null;
  /** Up to which labels are taken over; null: nothing is read yet. */
  #revision: number | null = null;
  #counts: ReadonlyMap<string, number> = new Map();
  #settings: { head: ServingHead; settings: AnswerSettings } | null = null;
  #timer: NodeJS.Timeout | null = null;

  readonly #nowMs: () => number;

  constructor(private readonly parts: LabelQueueParts) {
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** Asks for the label of this sample before all others, until the daemon ends. */
  request(sampleId: string): void {
    this.#requested.add(sampleId);
  }

  /**
   * The waiting samples whose labels help most, the most useful first.
   * @param skipped ids that come last, in this order
   * @throws HeadlandError HL_STORE_…
   */
  next(limit: number, skipped: readonly string[] = []): { items: QueuedSample[]; waiting: number } {
    const deadlineMs = this.#nowMs() + REQUEST_MS;
    this.#follow();
    if (!this.#work(deadlineMs)) this.#continueLater();
    const ids = this.#order(limit, skipped);
    return {
      items: ids.flatMap((id) => this.#question(id) ?? []),
      waiting: this.#entries.size,
    };
  }

  /** Samples that had no features may have some now. */
  featuresAdded(): void {
    for (const [id, { sketch }] of this.#entries) if (sketch === null) this.#unread.add(id);
  }

  /** Ends the work in slices. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #order(limit: number, skipped: readonly string[]): string[] {
    const entries = this.#entries;
    const last = skipped.filter((id) => entries.has(id));
    const lastSet = new Set(last);
    const requested: string[] = [];
    const sketched: string[] = [];
    const unknown: string[] = [];
    const candidates: Candidate[] = [];
    const mean = meanOf(this.#counts);
    for (const [id, entry] of entries) {
      if (lastSet.has(id)) continue;
      if (this.#requested.has(id)) requested.push(id);
      else if (entry.sketch === null) unknown.push(id);
      else {
        sketched.push(id);
        candidates.push(this.#candidate(entry, entry.sketch, mean));
      }
    }
    const chosen = queryOrder(candidates, Math.max(0, limit - requested.length));
    return [
      ...requested.reverse(),
      ...chosen.map((i) => sketched[i]!),
      ...unknown.reverse(),
      ...last,
    ].slice(0, limit);
  }

  #candidate(entry: Entry, sketch: Float32Array, mean: number): Candidate {
    const label = this.#labelOf(entry.nearestId);
    const count = label === null ? 0 : (this.#counts.get(label) ?? 0);
    return {
      sketch,
      nearest: entry.nearest,
      answer: this.#serving === null ? null : entry.answer,
      classShare: count > 0 ? count / mean : null,
    };
  }

  #question(id: string): QueuedSample | null {
    const sample = this.parts.samples.get(id);
    const entry = this.#entries.get(id);
    if (!sample || !entry) return null;
    const guess = this.#guess(id);
    const nearestLabel = this.#labelOf(entry.nearestId);
    const counts = this.#counts;
    const requested = this.#requested.has(id);
    const ranked = guess?.ranked.map(({ label }) => label) ?? [];
    const known = new Set(ranked);
    const frequent = [...counts].sort((a, b) => b[1] - a[1]).map(([label]) => label);
    const facts = { requested, guess, nearestLabel, counts };
    const reason = askReason(facts);
    return {
      sample,
      reason,
      why: askMessage(reason, facts),
      guess,
      offered: guess !== null && isOffered(guess),
      others: [...ranked.slice(1), ...frequent.filter((label) => !known.has(label))],
    };
  }

  get #serving(): ServingHead | null {
    return this.parts.perception.serving(this.parts.task);
  }

  #labelOf(landmarkId: string | null): string | null {
    return landmarkId === null ? null : (this.#landmarks.get(landmarkId)?.label ?? null);
  }

  #guess(id: string): SampleGuess | null {
    const head = this.#serving;
    const features = head && this.#features([id]).get(id);
    if (!features) return null;
    const { decision, scores } = answer(head, features, this.#settingsFor(head));
    const { noveltyPValue } = decision;
    const { labels } = head.head;
    const ranked = topLabels({ labels, probabilities: scores.probabilities }, labels.length);
    return { ranked, noveltyPValue, novel: isNovel(noveltyPValue, this.parts.inference) };
  }

  #settingsFor(head: ServingHead): AnswerSettings {
    if (this.#settings?.head !== head) {
      const settings = answerSettings(head.head, this.parts.inference);
      this.#settings = { head, settings };
    }
    return this.#settings.settings;
  }

  /** Takes over what has changed in the store: which samples wait, and what was labelled. */
  #follow(): void {
    const { samples, perception } = this.parts;
    const checksum = perception.backbone?.checksum ?? null;
    if (checksum !== this.#checksum) this.#forget(checksum);
    this.#counts = samples.labelCounts();
    const revision = samples.labelRevision();
    const since = this.#revision;
    const changes = since === null ? [] : samples.labelsSince(since, LANDMARKS);
    if (since === null || changes.length === LANDMARKS || revision < since) this.#readLandmarks();
    else for (const { sampleId } of changes) this.#relabelled(sampleId);
    this.#revision = revision;
    const waiting = samples.waitingIds();
    const known = new Set(waiting);
    for (const id of this.#entries.keys()) if (!known.has(id)) this.#entries.delete(id);
    for (const id of this.#requested) if (!known.has(id)) this.#requested.delete(id);
    for (const id of waiting) {
      if (this.#entries.has(id)) continue;
      this.#entries.set(id, { sketch: null, nearest: Infinity, nearestId: null, answer: null });
      this.#unread.add(id);
    }
  }

  #forget(checksum: string | null): void {
    this.#checksum = checksum;
    this.#sketcher = null;
    this.#revision = null;
    this.#entries.clear();
    this.#unread.clear();
    this.#landmarks.clear();
  }

  /** Reads the newest labelled samples of each class, and measures all distances to them. */
  #readLandmarks(): void {
    const { samples } = this.parts;
    this.#landmarks.clear();
    const limit = Math.max(1, Math.floor(LANDMARKS / Math.max(1, this.#counts.size)));
    const labelled = [...this.#counts.keys()].flatMap((label) =>
      samples.list({ label, order: 'newest', limit }),
    );
    const found = this.#features(labelled.map(({ id }) => id));
    for (const { id, label } of labelled) {
      const sketch = this.#sketch(found.get(id));
      if (sketch && label !== null) this.#landmarks.set(id, { sketch, label });
    }
    for (const entry of this.#entries.values()) this.#measure(entry);
  }

  /** A sample was labelled, relabelled, or has lost its label. */
  #relabelled(id: string): void {
    const label = this.parts.samples.get(id)?.label ?? null;
    const known = this.#landmarks.get(id);
    if (label === null) {
      this.#landmarks.delete(id);
      for (const entry of this.#entries.values()) {
        if (entry.nearestId === id) this.#measure(entry);
      }
      return;
    }
    if (known) {
      known.label = label;
      return;
    }
    const sketch = this.#entries.get(id)?.sketch ?? this.#sketch(this.#features([id]).get(id));
    if (!sketch) return;
    this.#landmarks.set(id, { sketch, label });
    for (const entry of this.#entries.values()) approach(entry, id, sketch);
    const [oldest] = this.#landmarks.keys();
    if (this.#landmarks.size > MAX_LANDMARKS) this.#landmarks.delete(oldest!);
  }

  #measure(entry: Entry): void {
    entry.nearest = Infinity;
    entry.nearestId = null;
    for (const [id, { sketch }] of this.#landmarks) approach(entry, id, sketch);
  }

  /** @returns whether everything is read, and asked of the serving head */
  #work(deadlineMs: number): boolean {
    while (this.#unread.size > 0) {
      if (this.#nowMs() > deadlineMs) return false;
      const ids = firstOf(this.#unread, BATCH);
      const found = this.#features(ids);
      for (const id of ids) {
        this.#unread.delete(id);
        const entry = this.#entries.get(id);
        const features = found.get(id);
        if (!entry || !features) continue;
        entry.sketch = this.#sketch(features);
        this.#measure(entry);
        this.#ask(entry, features);
      }
    }
    const head = this.#serving;
    if (head === null) return true;
    const all: Stale[] = [];
    for (const [id, entry] of this.#entries) {
      if (entry.sketch === null || entry.answer?.head === head) continue;
      all.push({ id, entry, doubt: entry.answer?.entropy ?? 1 });
    }
    // The most doubtful first: they are the likeliest to be asked about. Most of the others wait for a slice.
    const stale = new Heap(all, (a, b) => a.doubt > b.doubt);
    while (stale.size > 0) {
      if (this.#nowMs() > deadlineMs) return false;
      const batch = popped(stale, BATCH);
      const found = this.#features(batch.map(({ id }) => id));
      for (const { id, entry } of batch) this.#ask(entry, found.get(id));
    }
    return true;
  }

  #ask(entry: Entry, features: Float32Array | null | undefined): void {
    const head = this.#serving;
    if (head === null || !features) return;
    const { decision, scores } = answer(head, features, this.#settingsFor(head));
    const { noveltyPValue } = decision;
    entry.answer = { head, entropy: relativeEntropy(scores.probabilities), noveltyPValue };
  }

  #continueLater(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        if (!this.#work(this.#nowMs() + SLICE_MS)) this.#continueLater();
      } catch (error) {
        // Where the disk is unavailable, that has raised an alarm. The next request continues.
        const level = isHeadlandError(error) ? 'debug' : 'error';
        this.parts.log[level]({ err: error }, `cannot read features: ${messageOf(error)}`);
      }
    }, PAUSE_MS);
    this.#timer.unref();
  }

  #sketch(features: Float32Array | null | undefined): Float32Array | null {
    if (!features) return null;
    this.#sketcher ??= new Sketcher(features.length);
    return this.#sketcher.featureSize === features.length ? this.#sketcher.sketch(features) : null;
  }

  /** Features of the running backbone by sample. */
  #features(ids: readonly string[]): Map<string, Float32Array | null> {
    if (this.#checksum === null) return new Map();
    const found = this.parts.samples.features(ids, this.#checksum, '', 0);
    return new Map([...found].map(([id, [features]]) => [id, features ?? null]));
  }
}

function approach(entry: Entry, landmarkId: string, sketch: Float32Array): void {
  if (entry.sketch === null) return;
  const distance = sketchDistance(entry.sketch, sketch);
  if (distance >= entry.nearest) return;
  entry.nearest = distance;
  entry.nearestId = landmarkId;
}

function popped<T>(heap: Heap<T>, count: number): T[] {
  return Array.from({ length: Math.min(count, heap.size) }, () => heap.pop()!);
}

function firstOf<T>(items: Iterable<T>, count: number): T[] {
  const found: T[] = [];
  for (const item of items) {
    if (found.length === count) break;
    found.push(item);
  }
  return found;
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { Frame } from '../../camera/camera.js';
import type { Perception } from '../../perception/perception.js';
import type { Perceived } from '../../perception/perception-protocol.js';
import type { SampleStore } from '../../samples/store.js';

/** How often new samples are looked for. */
const LOOK_INTERVAL_MS = 1_000;
/** Samples looked at together. */
const BATCH = 100;
/** Pause after each sample as a multiple of its duration: most of the time belongs to the cameras. */
const PAUSE_FACTOR = 2;

export interface EmbeddingParts {
  perception: Pick<Perception<Frame>, 'backbone' | 'submit'>;
  /** Of any task: pictures and features belong to all. */
  samples: Pick<SampleStore, 'idsAfter' | 'newestBackbone' | 'picture' | 'putFeatures'>;
  /** Whether nothing is classified now. */
  isPaused: () => boolean;
  /** Called after features of several samples have come. */
  onEmbedded: () => void;
  repeats: Repeats;
  log: Log;
}

/**
 * Computes features of stored samples that have none of the running backbone, such as imported ones, in
 * the time that the cameras leave: only with features can they be guessed, ordered and learnt at once.
 */
export class EmbeddingService {
  #repetition: Repetition | null = null;
  #checksum: string | null = null;
  /** The newest sample that was looked at. */
  #cursor = '';
  #stopped = false;

  constructor(private readonly parts: EmbeddingParts) {}

  start(): void {
    this.#repetition = this.parts.repeats.every({
      name: 'embedding',
      what: 'embed stored samples',
      intervalMs: LOOK_INTERVAL_MS,
      run: () => this.#look(),
    });
  }

  stop(): void {
    this.#stopped = true;
    void this.#repetition?.stop();
  }

  /** Stores what perception has made of a stored sample. */
  embedded(sampleId: string, { features }: Perceived): void {
    const backboneChecksum = this.parts.perception.backbone?.checksum;
    if (backboneChecksum === undefined || backboneChecksum !== this.#checksum) return;
    try {
      const row = { sampleId, backboneChecksum, features, recipe: '', view: 0 };
      this.parts.samples.putFeatures([row]);
    } catch (error) {
      // The sample may have been removed meanwhile; a failing disk has raised an alarm.
      this.parts.log.debug({ sampleId, err: messageOf(error) }, 'cannot store features');
    }
  }

  /** The picture of a stored sample cannot be decoded; a training reports it, too. */
  refused(sampleId: string, error: HeadlandError): void {
    this.parts.log.debug({ sampleId, code: error.code }, 'cannot embed a stored sample');
  }

  async #look(): Promise<void> {
    const checksum = this.parts.perception.backbone?.checksum ?? null;
    if (checksum === null || this.parts.isPaused()) return;
    if (checksum !== this.#checksum) this.#cursor = '';
    this.#checksum = checksum;
    try {
      await this.#embedNext(checksum);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.parts.log.debug({ code: error.code }, 'cannot look for samples without features');
    }
  }

  /** Works through the samples that were stored since the last time. */
  async #embedNext(checksum: string): Promise<void> {
    const { samples, perception, isPaused, onEmbedded } = this.parts;
    for (;;) {
      const ids = samples.idsAfter(this.#cursor, BATCH);
      let embedded = 0;
      for (const id of ids) {
        if (this.#stopped || isPaused() || perception.backbone?.checksum !== checksum) return;
        if (samples.newestBackbone(id) !== checksum) {
          embedded += Number(await this.#embed(id));
        }
        this.#cursor = id;
      }
      if (embedded > 0) onEmbedded();
      if (ids.length < BATCH) return;
      await nextTurn();
    }
  }

  async #embed(id: string): Promise<boolean> {
    const jpeg = this.parts.samples.picture(id);
    if (jpeg === null) return false;
    const startMs = performance.now();
    await this.parts.perception.submit({
      camera: '',
      region: null,
      sequence: 0,
      capturedAtMs: 0,
      jpeg,
      stored: id,
    });
    const pauseMs = PAUSE_FACTOR * (performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    return true;
  }
}

import { Refusal } from '../../../../../../page/request/refusal.js';
import type { PageParts } from '../../../../control/page-parts.js';
import { type ImportBatch, importBatches, packed } from './import-batches.js';
import { type ImportFile, mediaTypeOf } from './import-files.js';

/** The robot takes one import at a time; another page may be at it. */
const BUSY = 'HL_IMPORT_RUNNING';
const BUSY_PAUSE_MS = 1_000;
const REFUSALS_KEPT = 100;

export interface RefusedFile {
  name: string;
  message: string;
}

/** How far an import is. */
export interface ImportState {
  files: number;
  done: number;
  stored: number;
  duplicates: number;
  /** At most 100. */
  refused: readonly RefusedFile[];
  refusedTotal: number;
  ended: boolean;
  cancelled: boolean;
}

/** Sends files to the robot, in batches, one after the other. */
export class ImportRun {
  readonly #abort = new AbortController();
  #state: ImportState;

  /**
   * @param label for files in no folder; null: they wait for one
   * @param changed is given every new state
   */
  constructor(
    private readonly page: PageParts,
    private readonly files: readonly ImportFile[],
    private readonly label: string | null,
    private readonly changed: (state: ImportState) => void,
  ) {
    this.#state = {
      files: files.length,
      done: 0,
      stored: 0,
      duplicates: 0,
      refused: [],
      refusedTotal: 0,
      ended: false,
      cancelled: false,
    };
  }

  async run(): Promise<void> {
    this.#set({});
    for (const batch of importBatches(this.files, this.label)) {
      if (this.#abort.signal.aborted) break;
      await this.#send(batch);
    }
    this.#set({ ended: true, cancelled: this.#abort.signal.aborted });
    this.page.store.changed();
  }

  /** What has arrived stays. */
  cancel(): void {
    this.#abort.abort();
  }

  async #send(batch: ImportBatch): Promise<void> {
    const [first] = batch.files;
    if (first === undefined) return;
    const mediaType = mediaTypeOf(first.name);
    if (mediaType === undefined) {
      const message = this.page.words.say('pictures.notAnImage');
      this.#refuse(batch, [{ name: first.name, message }], 1);
      return;
    }
    const { label } = batch;
    try {
      const { archive, names } =
        batch.files.length > 1 ? await packed(batch) : { archive: null, names: null };
      const query = { name: first.name, ...(label === null ? {} : { label }) };
      const answer = await this.page.api.importFile(
        archive ?? first.file,
        archive?.type ?? mediaType,
        query,
        this.#abort.signal,
      );
      const { stored, duplicates } = this.#state;
      this.#set({
        stored: stored + answer.stored,
        duplicates: duplicates + answer.duplicates,
      });
      const refused = answer.refused.map(({ name, message }) => {
        return { name: names?.get(name.split('/').at(-1) ?? '') ?? name, message };
      });
      this.#refuse(batch, refused, answer.refusedTotal);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      if (error.code === BUSY) {
        await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
        if (!this.#abort.signal.aborted) await this.#send(batch);
        return;
      }
      const { message } = error;
      const refused = batch.files.map(({ name }) => ({ name, message }));
      this.#refuse(batch, refused, refused.length);
      // The robot is full, locked or gone: the next files fare no better.
      if (error.status === 0 || error.status === 401 || error.status === 507) this.cancel();
    }
  }

  #refuse({ files }: ImportBatch, refused: readonly RefusedFile[], total: number): void {
    const { state } = this;
    this.#set({
      done: state.done + files.length,
      refused: [...state.refused, ...refused].slice(0, REFUSALS_KEPT),
      refusedTotal: state.refusedTotal + total,
    });
  }

  get state(): ImportState {
    return this.#state;
  }

  #set(parts: Partial<ImportState>): void {
    this.#state = { ...this.#state, ...parts };
    this.changed(this.#state);
  }
}

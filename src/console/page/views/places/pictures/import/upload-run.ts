import type { PageParts } from '../../../../control/page-parts.js';
import { Refusal } from '../../../../robot/refusal.js';
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

/** Sends files to the robot, one after the other. */
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
    for (const file of this.files) {
      if (this.#abort.signal.aborted) break;
      await this.#send(file);
    }
    this.#set({ ended: true, cancelled: this.#abort.signal.aborted });
    this.page.store.changed();
  }

  /** What has arrived stays. */
  cancel(): void {
    this.#abort.abort();
  }

  async #send({ file, name }: ImportFile): Promise<void> {
    const mediaType = mediaTypeOf(name);
    if (mediaType === undefined) {
      this.#refuse([{ name, message: this.page.words.say('pictures.notAnImage') }], 1);
      return;
    }
    const query =
      this.label === null || name.includes('/') ? { name } : { name, label: this.label };
    try {
      const answer = await this.page.api.importFile(file, mediaType, query, this.#abort.signal);
      const { stored, duplicates } = this.#state;
      this.#set({
        stored: stored + answer.stored,
        duplicates: duplicates + answer.duplicates,
      });
      this.#refuse(answer.refused, answer.refusedTotal);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      if (error.code === BUSY) {
        await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
        if (!this.#abort.signal.aborted) await this.#send({ file, name });
        return;
      }
      this.#refuse([{ name, message: error.message }], 1);
      // The robot is full, locked or gone: the next file fares no better.
      if (error.status === 0 || error.status === 401 || error.status === 507) this.cancel();
    }
  }

  #refuse(refused: readonly RefusedFile[], total: number): void {
    const { state } = this;
    this.#set({
      done: state.done + 1,
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

import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { HeadService } from '../../src/agent/learning/head-service.js';
import { ShadowService } from '../../src/agent/learning/shadow-service.js';
import { openState, type State } from '../../src/agent/open-state.js';
import { augmentationRecipe } from '../../src/backbone/embedder.js';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { serialiseError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { Scheduler } from '../../src/base/timers/scheduler.js';
import type { Config } from '../../src/config/schema.js';
import type { ServingHead } from '../../src/perception/perception-protocol.js';
import { importFolder } from '../../src/samples/folder/import-folder.js';
import { SampleStore } from '../../src/samples/store.js';
import { readLabelled } from '../../src/training/data/collect.js';
import { embedMissing } from '../../src/training/data/embed-missing.js';
import type { JobEnd, JobOptions } from '../../src/training/job/job-process.js';
import { runTraining } from '../../src/training/job/run-training.js';
import type { TrainingReport } from '../../src/training/report.js';
import { Trainer } from '../../src/training/trainer.js';
import type { KeepingEmbedder } from './life-features.js';
import type { Stage } from './life-plan.js';

/** A folder in memory where there is one: the disk is not what is measured. */
export function scratchFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'headland-life-'));
}

/**
 * A robot with its state folder: labels come by import, `headland train`'s trainer trains, the
 * registry says what serves, and the replaced head is followed in the shadow as in the daemon. The
 * training runs in this process.
 */
export class Robot {
  readonly #state: State;
  readonly #trainer: Trainer;
  readonly #heads: HeadService;
  readonly #shadow: ShadowService;
  readonly #database: State['database'];
  rolledBack = 0;

  constructor(
    private readonly config: Config,
    private readonly embedder: KeepingEmbedder,
  ) {
    const log = silentLog();
    this.#state = openState(config);
    this.#database = this.#state.database;
    const { databasePath: dbPath } = this.#state;
    const { heads: registry, samples } = this.#state.task();
    this.#trainer = new Trainer({
      task: 'main',
      dbPath,
      cacheDir: config.paths.cacheDir,
      registry,
      settings: config,
      log,
      startJob: async ({ settings }) => {
        const nothing = (): void => {};
        const ended = this.#train(settings);
        return { pid: undefined, stop: nothing, pause: nothing, resume: nothing, ended };
      },
    });
    const events = { onPinned: () => undefined, onServing: () => {}, onUnusable: () => {} };
    const repeats = new Scheduler({ alarms: NO_ALARMS, log });
    this.#heads = new HeadService(
      registry,
      () => {},
      () => embedder.checksum,
      events,
      log,
      repeats,
    );
    this.#shadow = new ShadowService({
      registry,
      samples,
      heads: this.#heads,
      settings: config.gate,
      onSwitched: () => {
        this.rolledBack += 1;
      },
      repeats,
      log,
    });
  }

  /** Imports a folder of class folders as `headland import` does. */
  async import(folder: string): Promise<void> {
    await importFolder(this.#state.task().samples, folder, {
      groupPattern: null,
      limits: {
        maxBytes: this.config.inference.maxPictureBytes,
        maxPixels: this.config.inference.maxPicturePixels,
      },
      quarantineDir: join(this.config.paths.stateDir, 'quarantine'),
    });
    await this.prepare();
  }

  /** Embeds ahead of the training what is labelled, and lets the shadow see the new labels. */
  async prepare(): Promise<void> {
    const { seed, ...augmentation } = this.config.augmentation;
    const { samples } = this.#state.task();
    await embedMissing({
      store: samples,
      embedder: this.embedder,
      samples: readLabelled(samples),
      augmentation,
      seed,
      recipe: augmentationRecipe(augmentation, seed),
      onProgress: () => {},
    });
    await this.#shadow.check();
  }

  /** Removes all samples of a class. */
  remove(label: string): void {
    const { samples } = this.#state.task();
    const ofClass = readLabelled(samples).filter((sample) => sample.label === label);
    samples.remove(
      ofClass.map(({ id }) => id),
      'cli',
    );
    samples.emptyTrash();
  }

  async train(): Promise<TrainingReport> {
    const report = await this.#trainer.start({ trigger: 'cli' }).finished;
    await this.#heads.follow();
    await this.#shadow.check();
    return report;
  }

  /** The head that decides; null: none does. */
  get serving(): ServingHead | null {
    const stored = this.#heads.serving;
    return stored && { version: stored.card.version, head: stored.head };
  }

  /** The newest version, whether it serves or not; null: there is none. */
  async newest(): Promise<ServingHead | null> {
    const { heads } = this.#state.task();
    const version = (await heads.list()).at(-1)?.version;
    return version === undefined ? null : { version, head: (await heads.load(version)).head };
  }

  close(): void {
    this.#state.close();
  }

  async #train(settings: JobOptions['settings']): Promise<JobEnd> {
    try {
      const result = await runTraining({
        settings,
        store: new SampleStore(this.#database, settings.samples),
        onProgress: () => {},
        log: silentLog(),
      });
      return { result, error: null };
    } catch (error) {
      return { result: null, error: serialiseError(error) };
    }
  }
}

/** Files of a stage, put into the class folders that their labels name. */
export async function placeLabels(
  folder: string,
  stage: Stage,
  fileOf: (labelling: Stage['labels'][number]) => Promise<string>,
): Promise<void> {
  for (const labelling of stage.labels) {
    const { photo, label, copy } = labelling;
    const source = await fileOf(labelling);
    mkdirSync(join(folder, label), { recursive: true });
    const name = `${photo.sha256.slice(0, 8)}-${copy}-${basename(photo.path)}`;
    const target = join(folder, label, name);
    try {
      linkSync(source, target);
    } catch {
      // Another file system.
      copyFileSync(source, target);
    }
  }
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

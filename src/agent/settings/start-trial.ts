import { existsSync, realpathSync } from 'node:fs';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { loadSection } from '../../config/load.js';
import { pageChangesPath } from '../../config/settings/page-changes.js';
import { SettingsTrial } from './settings-trial.js';

/**
 * The start of a daemon with settings that are on trial, wherever they are written. Never throws: a disk
 * that does not let it look must not keep the daemon from starting.
 */
export class StartTrial {
  readonly #trials: SettingsTrial[];

  constructor(configFile: string) {
    this.#trials = placesOf(configFile).map((path) => new SettingsTrial(path));
  }

  /** Gives up settings with which a daemon has failed before. */
  async begin(): Promise<void> {
    await this.#each(async (trial) => {
      if (await trial.begin()) await trial.undo(failedBefore());
    });
  }

  /** @returns true: the settings before are back, and another start uses them */
  async undo(reason: unknown): Promise<boolean> {
    const undone = await this.#each((trial) => trial.undo(reason));
    return undone.includes(true);
  }

  /** The start was ended by a person. */
  async postpone(): Promise<void> {
    await this.#each((trial) => trial.postpone());
  }

  /** The daemon runs. @returns why other settings than these were undone; null: none were */
  async pass(): Promise<HeadlandError | null> {
    const undone = await this.#each(async (trial) => {
      await trial.pass();
      return trial.takeUndone();
    });
    return undone.find((error) => error instanceof HeadlandError) ?? null;
  }

  async #each<T>(work: (trial: SettingsTrial) => Promise<T>): Promise<(T | null)[]> {
    const results: (T | null)[] = [];
    for (const trial of this.#trials) results.push(await work(trial).catch(() => null));
    return results;
  }
}

function placesOf(configFile: string): string[] {
  const file = existsSync(configFile) ? [realpathSync(configFile)] : [];
  try {
    return [...file, pageChangesPath(loadSection(configFile, 'paths').stateDir)];
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return file;
  }
}

function failedBefore(): HeadlandError {
  return new HeadlandError(
    'HL_SETTINGS_NOT_STARTED',
    'the daemon ended while it began to run with them',
    {
      remedy: 'Look into the log of that start; if the power was cut then, make the change again.',
    },
  );
}

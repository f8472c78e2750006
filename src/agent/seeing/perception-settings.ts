import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import { tasksOf } from '../../config/tasks-of.js';
import type { PerceptionSettings } from '../../perception/perception-protocol.js';

/** Folder of the backbones added by `models add`. */
export function addedCardsDir({ paths }: Pick<Config, 'paths'>): string {
  return join(paths.stateDir, 'backbones');
}

/** The settings of perception from the configuration. */
export function perceptionSettings(config: Config): PerceptionSettings {
  const { models, paths, inference } = config;
  return {
    backbone: models.backbone,
    cardsDir: models.cardsDir,
    addedCardsDir: addedCardsDir({ paths }),
    cacheDir: paths.cacheDir,
    threads: inference.threads,
    execution: { provider: inference.executionProvider, libraryPath: inference.libraryPath },
    fit: inference.fit,
    maxPictureBytes: inference.maxPictureBytes,
    maxPicturePixels: inference.maxPicturePixels,
    tasks: tasksOf(config).map(({ name, cameras, regions, settings }) => {
      return { name, cameras, regions, decision: settings.inference };
    }),
  };
}

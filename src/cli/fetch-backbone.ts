import { prepareBackbone } from '../agent/prepare-backbone.js';
import type { Config } from '../config/schema.js';
import type { Log } from '../log.js';
import { progressBar } from './progress.js';

/** Makes sure that the configured backbone is in the cache, with a bar of bytes while it comes. */
export async function fetchBackbone(
  config: Config,
  log: Log,
  { json }: { json?: boolean },
): Promise<void> {
  const bar = progressBar('bytes', json);
  try {
    await prepareBackbone(config, {
      log,
      environment: process.env,
      onProgress: ({ receivedBytes, totalBytes }) => bar.update(receivedBytes, totalBytes),
    });
  } finally {
    bar.stop();
  }
}

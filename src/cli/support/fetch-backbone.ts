import { prepareBackbone } from '../../agent/seeing/prepare-backbone.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { PullProgress } from '../../models/pull-model.js';
import { progressBar } from './progress.js';

/**
 * Ensures that a backbone, by default the configured one, is in the cache. Shows a progress bar during
 * a download.
 * @throws HeadlandError HL_MODEL_…
 */
export async function fetchBackbone(
  config: Config,
  log: Log,
  { json }: { json?: boolean },
  name = config.models.backbone,
): Promise<{ path: string; checksum: string }> {
  const bar = progressBar('bytes', json);
  try {
    const onProgress = ({ receivedBytes, totalBytes }: PullProgress): void =>
      bar.update(receivedBytes, totalBytes);
    return await prepareBackbone(config, { log, environment: process.env, onProgress }, name);
  } finally {
    bar.stop();
  }
}

import { prepareBackbone } from '../../agent/seeing/prepare-backbone.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { PullProgress } from '../../models/pull-model.js';
import { showProgress } from '../progress/progress.js';

/**
 * Ensures that a backbone, by default the configured one, is in the cache. Shows progress.
 * @throws HeadlandError HL_MODEL_…
 */
export async function fetchBackbone(
  config: Config,
  log: Log,
  name = config.models.backbone,
): Promise<{ path: string; checksum: string }> {
  const progress = showProgress();
  progress.begin(`preparing ${name}`);
  try {
    const onProgress = ({ receivedBytes, totalBytes }: PullProgress): void => {
      const [done, total] = [receivedBytes, totalBytes];
      if (done === total) progress.begin(`converting ${name}`);
      else progress.show({ what: `fetching ${name}`, done, total, unit: 'bytes' });
    };
    return await prepareBackbone(config, { log, environment: process.env, onProgress }, name);
  } finally {
    progress.stop();
  }
}

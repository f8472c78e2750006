import type { Config } from '../../src/config/schema.js';
import { silentLog } from '../../src/log.js';
import { Perception, type PerceptionEvents } from '../../src/perception/perception.js';

export interface BenchFrame {
  camera: string;
  jpeg: Uint8Array;
}

/** Perception as the daemon builds it; any failure ends the bench. */
export function benchPerception(
  config: Config,
  events: Partial<PerceptionEvents<BenchFrame>>,
): Perception<BenchFrame> {
  const { inference, models, paths } = config;
  const failed = (error: Error): never => {
    throw error;
  };
  return new Perception<BenchFrame>(
    {
      ...{ backbone: models.backbone, cardsDir: models.cardsDir, cacheDir: paths.cacheDir },
      ...{ threads: inference.threads, fit: inference.fit, decision: inference },
      maxPictureBytes: inference.maxPictureBytes,
      maxPicturePixels: inference.maxPicturePixels,
    },
    {
      onPerceived: () => {},
      onRefused: (_frame, error) => failed(error),
      onFailure: failed,
      ...events,
    },
    silentLog(),
  );
}

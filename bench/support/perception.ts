import { perceptionSettings } from '../../src/agent/seeing/perception-settings.js';
import type { Backbone } from '../../src/backbone/backbone.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { Perception, type PerceptionEvents } from '../../src/perception/perception.js';

export interface BenchFrame {
  camera: string;
  region: string | null;
  jpeg: Uint8Array;
}

/** Perception as the daemon builds it; any failure ends the bench. */
export function benchPerception(
  config: Config,
  events: Partial<PerceptionEvents<BenchFrame>>,
): Perception<BenchFrame> {
  const failed = (error: Error): never => {
    throw error;
  };
  return new Perception<BenchFrame>(
    perceptionSettings(config),
    {
      onPerceived: () => {},
      onRefused: (_frame, error) => failed(error),
      onFailure: failed,
      onHeadLost: (_task, error) => failed(error),
      ...events,
    },
    silentLog(),
  );
}

/** Lets a head of twelve classes serve. */
export async function serveHead(
  perception: Perception<BenchFrame>,
  { featureSize, checksum }: Pick<Backbone, 'featureSize' | 'checksum'>,
): Promise<void> {
  const labels = Array.from({ length: 12 }, (_, index) => `class-${index}`);
  await perception.swapHead('main', {
    version: 1,
    head: {
      learner: 'ridge',
      labels,
      featureSize,
      backboneChecksum: checksum,
      transform: 'none',
      temperature: 1,
      weights: new Float32Array(12 * featureSize).map((_, i) => Math.sin(i)),
      bias: new Float32Array(12),
    },
  });
}

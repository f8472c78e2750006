import { perceptionSettings } from '../../src/agent/seeing/backbone-service.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { Perception, type PerceptionEvents } from '../../src/perception/perception.js';

export interface BenchFrame {
  camera: string;
  eye: string;
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
      onHeadLost: failed,
      ...events,
    },
    silentLog(),
  );
}

import type { TestContext } from 'node:test';
import { createRandom, type Random } from '../../../src/base/random.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { FEATURES, TestAgent } from '../../agent/support.js';
import { Mosquitto } from '../../telemetry/mosquitto.js';
import { type HubOptions, HubStandIn } from './hub-stand-in.js';

type Settings = Record<string, unknown>;

/** A robot in a fleet, its hub and the broker between them. */
export interface FleetRig {
  broker: Mosquitto;
  robot: TestAgent;
  hub: HubStandIn;
  samples: SampleStore;
  /** Checksum of the features. */
  backbone: string;
}

/** A whole robot, connected to a real broker. */
export async function startFleet(
  t: TestContext,
  fleet: Settings = {},
  options: HubOptions & { settings?: Settings; mqtt?: Settings; dir?: string } = {},
): Promise<FleetRig> {
  const broker = await Mosquitto.start(t);
  const { settings = {}, mqtt = {}, dir, ...hubOptions } = options;
  const robot = await TestAgent.create(
    t,
    ['crop'],
    {
      mqtt: {
        url: broker.url,
        backoffInitialMs: 50,
        protocol: options.protocolVersion === 4 ? '3.1.1' : 'auto',
        ...mqtt,
      },
      fleet: { enabled: true, intervalMs: 1_000, ...fleet },
      ...settings,
    },
    {},
    ...(dir === undefined ? [] : [dir]),
  );
  // The stand-in must know the backbone, which the robot tells first.
  const listener = await HubStandIn.connect(t, broker.url, 'unknown', hubOptions);
  await robot.agent.start();
  const report = await listener.reports.until(() => true, 'the first report');
  const backbone = report.tasks[0]!.backbone.checksum;
  listener.close();
  const hub = await HubStandIn.connect(t, broker.url, backbone, hubOptions);
  const samples = robot.agent.state.tasks[0].samples;
  return { broker, robot, hub, samples, backbone };
}

export interface Lesson {
  labels: readonly string[];
  /** Samples of each class. */
  count: number;
  seed?: number;
  /** Group of the sample; default: ten groups. */
  group?: (index: number) => string;
  /** So many samples in a row are the same picture; default: 1. */
  copies?: number;
}

/** Labelled samples with features: those of a class lie around a direction of its own. */
export function teachFeatures(
  samples: SampleStore,
  backbone: string,
  { labels, count, seed = 1, group = (index) => `pass-${index % 10}`, copies = 1 }: Lesson,
): void {
  const random = createRandom(seed);
  let features: Float32Array = new Float32Array(0);
  for (const label of labels) {
    for (let index = 0; index < count; index++) {
      const { sample } = samples.admit({
        jpeg: Buffer.from(`\xff\xd8\xff picture ${label} ${seed} ${index}`, 'latin1'),
        label,
        labelSource: 'import',
        group: group(index),
        source: 'import',
        capturedAtMs: 1_700_000_000_000 + index,
        dhash: '0000000000000000',
      });
      // Copies follow each other and look the same.
      if (index % copies === 0) features = featuresOf(label, () => normal(random));
      samples.putFeatures([
        { sampleId: sample.id, backboneChecksum: backbone, recipe: '', view: 0, features },
      ]);
    }
  }
}

/** Features that look like those of a class. */
export function featuresOf(label: string, noise: () => number): Float32Array {
  const centre = createRandom([...label].reduce((sum, c) => 31 * sum + c.charCodeAt(0), 7) >>> 0);
  return Float32Array.from({ length: FEATURES }, () =>
    Math.max(0, 1 + 1.2 * normal(centre) + 0.5 * noise()),
  );
}

/** Nearly standard normal: the sum of twelve uniform numbers. */
export function normal(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.next();
  return sum;
}

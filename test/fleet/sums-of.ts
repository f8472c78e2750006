import { randomUUID } from 'node:crypto';
import { sha256Hex } from '../../src/base/hash.js';
import { createRandom, type Random } from '../../src/base/random.js';
import { encodeChunks } from '../../src/fleet/contract/chunk-codec.js';
import type { Reported } from '../../src/fleet/contract/reported.js';
import type { HubStore } from '../../src/fleet/hub/store/hub-store.js';
import { encodeSums, sumsByClass } from '../../src/head/sums/task-sums.js';

export const TASK = 'weeds';
export const BACKBONE = 'b1';

/** Chunks of the sums of some random samples, and the id of their object. */
export function randomSums(
  seed: number,
  {
    labels = ['a', 'b', 'c'],
    size = 6,
    samples = 12,
    epoch = randomUUID() as string,
    version = 1,
    chunkBytes = 150,
  } = {},
): { object: string; bytes: Uint8Array; chunks: Uint8Array[]; epoch: string; version: number } {
  const random: Random = createRandom(seed);
  const z = new Float64Array(samples * size);
  for (let row = 0; row < samples; row++) {
    let norm = 0;
    for (let j = 0; j < size; j++) {
      const value = random.uniform(-1, 1);
      z[row * size + j] = value;
      norm += value * value;
    }
    for (let j = 0; j < size; j++) z[row * size + j]! /= Math.sqrt(norm);
  }
  const given = Array.from({ length: samples }, () => labels[random.int(labels.length)]!);
  const shares = Float64Array.from({ length: samples }, () => 1 / (1 + random.int(3)));
  const bytes = encodeSums({
    backboneChecksum: BACKBONE,
    basisChecksum: 'identity',
    directions: size,
    sigma: 0,
    classes: sumsByClass(z, size, given, shares),
  });
  const about = { kind: 'sums' as const, task: TASK, backbone: BACKBONE, epoch, version };
  const chunks = [...encodeChunks(bytes, about, chunkBytes)];
  return { object: sha256Hex(bytes), bytes, chunks, epoch, version };
}

/** A report of a robot with one task. */
export function reportWith(
  epoch: string,
  number: number,
  more: Partial<Reported> = {},
): Uint8Array {
  const report: Reported = {
    schema: 'fleet/reported/1',
    at: new Date(0).toISOString(),
    epoch,
    number,
    version: '0.0.0',
    share: true,
    privacy: null,
    position: null,
    tasks: [
      {
        task: TASK,
        backbone: { name: 'test', checksum: BACKBONE, feature_size: 6 },
        labels: [],
        sums: null,
        moment: null,
        evaluated: null,
        head: null,
        serving: null,
        unknown_share: null,
        problem: null,
      },
    ],
    ...more,
  };
  return Buffer.from(JSON.stringify(report));
}

/** The task of the store, with the basis of all directions. @returns its id */
export async function taskIn(store: HubStore, directions = 6): Promise<number> {
  return store.transaction(async ({ scopes }) => {
    const { id } = await scopes.ensure({
      task: TASK,
      backbone: BACKBONE,
      backboneName: 'test',
      featureSize: directions,
    });
    await scopes.setBasis(id, { checksum: 'identity', object: null, directions, atMs: 1 });
    return id;
  });
}

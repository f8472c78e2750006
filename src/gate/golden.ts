import { sha256Hex } from '../base/hash.js';
import { createRandom } from '../base/random.js';
import type { Head } from '../head/head.js';
import { headProbabilities } from '../head/score.js';

const ROWS = 16;

/** Checksums of the answers of a head to drawn features. */
export interface GoldenOutputs {
  /** Seed of the draw, which gives the same features on every machine. */
  seed: number;
  /** Number of feature vectors. */
  rows: number;
  /** SHA-256 of the answers (float64, little endian) before the head was written. */
  trained: string;
  /** SHA-256 of the answers of the head that was read back from the disk. */
  readBack: string;
}

/** Asks both heads with the same features. Checksums that differ mean a damaged artefact. */
export function goldenOutputs(trained: Head, readBack: Head, seed: number): GoldenOutputs {
  return {
    seed,
    rows: ROWS,
    trained: goldenChecksum(trained, { seed, rows: ROWS }),
    readBack: goldenChecksum(readBack, { seed, rows: ROWS }),
  };
}

/** SHA-256 of the probabilities that a head gives to `rows` drawn feature vectors. */
export function goldenChecksum(head: Head, { seed, rows }: { seed: number; rows: number }): string {
  const random = createRandom(seed);
  // Like features of a rectifying backbone: many zeros, never negative.
  const features = Float32Array.from({ length: rows * head.featureSize }, () =>
    Math.max(0, 2 * random.next() - 0.5),
  );
  const probabilities = headProbabilities(head, features);
  const bytes = new DataView(new ArrayBuffer(probabilities.length * 8));
  probabilities.forEach((p, i) => {
    bytes.setFloat64(i * 8, p, true);
  });
  return sha256Hex(new Uint8Array(bytes.buffer));
}

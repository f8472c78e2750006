import assert from 'node:assert/strict';
import { decodeEvaluation } from '../../../src/fleet/contract/evaluation-codec.js';
import { decodeMoment } from '../../../src/fleet/contract/moment-codec.js';
import { decodeHead } from '../../../src/head/codec.js';
import { type Basis, decodeBasis, project } from '../../../src/head/sums/basis.js';
import { decodeCandidates } from '../../../src/head/sums/candidates.js';
import { decodeSums, type TaskSums } from '../../../src/head/sums/task-sums.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { readLabelled } from '../../../src/training/data/collect.js';
import { originals } from '../../../src/training/data/feature-matrix.js';
import type { WholeObject, WireTap } from './wire-tap.js';

/** Starts of pictures. */
const PICTURES = [Buffer.from([0xff, 0xd8, 0xff]), Buffer.from('\x89PNG', 'latin1')];
/** Bytes of features that no message holds by chance. */
const STRETCH_BYTES = 16;
const DECODERS: Record<string, (bytes: Uint8Array) => unknown> = {
  moment: decodeMoment,
  sums: decodeSums,
  evaluation: decodeEvaluation,
  basis: decodeBasis,
  candidates: decodeCandidates,
  head: decodeHead,
  prior: decodeSums,
};

/** No message holds a picture, and every object is one of those that the contract names. */
export function assertNoPicture(tap: WireTap): void {
  for (const { topic, payload } of tap.heard) {
    for (const start of PICTURES) assert.ok(!payload.includes(start), `a picture on ${topic}`);
  }
  for (const { header, bytes } of tap.objects()) {
    const decode = DECODERS[header.kind];
    assert.ok(decode, header.kind);
    decode(bytes);
  }
}

/**
 * Neither a message, nor a sum that a robot has sent, nor the difference of two of them is the features of one
 * sample.
 * @returns versions of sums that were looked at
 */
export function assertNoSample(tap: WireTap, robot: string, samples: SampleStore): number {
  const own = tap.objects().filter((object) => object.robot === robot);
  const sent = own.filter(({ header }) => header.kind === 'sums');
  const backbone = sent[0]?.header.backbone ?? '';
  const labelled = readLabelled(samples);
  const vectors = originals(samples, labelled, backbone).filter((vector) => vector !== null);
  assert.equal(vectors.length, labelled.length);
  assertNoRawFeatures(tap, vectors);
  const versions = sent.map(({ bytes }) => decodeSums(bytes));
  for (const basis of basesOf(own)) {
    const inBasis = versions.filter(({ basisChecksum }) => basisChecksum === basis.checksum);
    const rows = vectors.map((vector) => project(basis, vector));
    inBasis.forEach((version, i) => {
      assertNotOne(version, null, rows);
      for (const earlier of inBasis.slice(0, i)) assertNotOne(version, earlier, rows);
    });
  }
  return versions.length;
}

function assertNoRawFeatures(tap: WireTap, vectors: readonly Float32Array[]): void {
  const wire = Buffer.concat(tap.heard.map(({ payload }) => payload));
  for (const vector of vectors) {
    for (const values of [vector, Float64Array.from(vector)]) {
      const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      // The first values may all be zero.
      const at = vector.findIndex((value) => value !== 0) * values.BYTES_PER_ELEMENT;
      assert.ok(!wire.includes(raw.subarray(at, at + STRETCH_BYTES)), 'features on the wire');
    }
  }
}

function basesOf(objects: readonly WholeObject[]): Basis[] {
  const bases = objects.filter(({ header }) => header.kind === 'basis');
  assert.ok(bases.length > 0, 'no basis went over the wire');
  return bases.map(({ bytes }) => decodeBasis(bytes));
}

function assertNotOne(now: TaskSums, before: TaskSums | null, rows: readonly Float64Array[]): void {
  for (const { label, sums } of now.classes) {
    const earlier = before?.classes.find((each) => each.label === label)?.sums.sum;
    const difference = sums.sum.map((value, i) => value - (earlier?.[i] ?? 0));
    for (const row of rows) {
      for (const sign of [1, -1]) {
        const distance = Math.hypot(...difference.map((value, i) => value - sign * row[i]!));
        assert.ok(distance > 1e-6, `one sample of ${label}`);
      }
    }
  }
}

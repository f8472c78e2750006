import { randomBytes } from 'node:crypto';
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, HeadlandError, messageOf } from '../base/errors.js';
import { switchLinkDurably, writeDirectoryDurably } from '../base/files/durable-files.js';
import { makeFolder } from '../base/files/make-folder.js';
import { sha256Hex } from '../base/hash.js';
import { conversionRecipe, sourceIdentity } from './conversion-recipe.js';
import type { ModelCard } from './model-card.js';
import { fullPrecisionName } from './variant.js';
import type { VariantGolden } from './variant-golden.js';

const RECORD_FILE = 'card.json';

/** Name of a converted model in its folder. */
export function modelFile({ engine }: ModelCard): string {
  return engine === 'tfjs' ? 'model.tfjs.zip' : 'model.onnx';
}

/** Content of `card.json` beside a cached model. */
const recordSchema = z.object({
  schema: z.literal(1),
  /** SHA-256 (hex) of the model file. */
  checksum: z.string().regex(/^[0-9a-f]{64}$/),
  /** {@link sourceIdentity} of the weights that it was converted from. */
  sourceSha256: z.string(),
  /** Where the source file came from. */
  source: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  /** For an 8-bit variant: its features of the check picture when it was made. */
  golden: z
    .object({ features: z.array(z.number()), maxRelativeError: z.number() })
    .nullable()
    .default(null),
});

export interface CachedModel {
  /** `<cacheDir>/backbones/<name>/model.onnx`, or another file name by {@link modelFile}. */
  path: string;
  model: Uint8Array;
  /** SHA-256 (hex) of the model file. */
  checksum: string;
  /** Where the weights came from. */
  source: string;
  /** SHA-256 (hex) of the source file of the weights. */
  sourceSha256: string;
  /** For an 8-bit variant: its features of the check picture when it was made. */
  variantGolden: VariantGolden | null;
}

/** A model that {@link writeCachedModel} puts into the cache. */
export interface NewCachedModel
  extends Pick<CachedModel, 'model' | 'checksum' | 'source' | 'sourceSha256'> {
  variantGolden?: VariantGolden;
  /** For an 8-bit variant: how it was made and how it compared. */
  quantization?: object;
}

/** Folder of a backbone's files. It is a link, so that it can be switched at once. */
export function cachedModelDir(cacheDir: string, name: string): string {
  return join(cacheDir, 'backbones', name);
}

/**
 * Reads the cached model of a card and proves it by its checksum.
 * @throws HeadlandError HL_MODEL_NOT_CACHED (HL_MODEL_NOT_QUANTIZED for an 8-bit variant) when it
 *   is missing, unreadable, or made from another version of the card; HL_MODEL_CHECKSUM when its
 *   file is damaged.
 */
export async function readCachedModel(card: ModelCard, cacheDir: string): Promise<CachedModel> {
  const dir = cachedModelDir(cacheDir, card.name);
  const path = join(dir, modelFile(card));
  let record: z.infer<typeof recordSchema>;
  let model: Uint8Array;
  try {
    // Resolves the link once, so that both files are of one version while another pull switches.
    const version = await realpath(dir);
    record = recordSchema.parse(JSON.parse(await readFile(join(version, RECORD_FILE), 'utf8')));
    model = await readFile(join(version, modelFile(card)));
  } catch (cause) {
    throw notCached(card, dir, whyUnread(cause));
  }
  if (JSON.stringify(record.recipe) !== JSON.stringify(conversionRecipe(card))) {
    throw notCached(card, dir, 'the cached model was made from another version of the card');
  }
  if (!card.sources.some((source) => sourceIdentity(source) === record.sourceSha256)) {
    throw notCached(
      card,
      dir,
      'the cached model was made from weights that the card no longer names',
    );
  }
  const checksum = sha256Hex(model);
  if (checksum !== record.checksum) {
    throw new HeadlandError(
      'HL_MODEL_CHECKSUM',
      `the cached model ${path} is damaged: its SHA-256 is ${checksum}, not ${record.checksum}`,
      { remedy: remedyFor(card), details: { path } },
    );
  }
  const { source, sourceSha256, golden: variantGolden } = record;
  return { path, model, checksum, source, sourceSha256, variantGolden };
}

/**
 * Puts a checked model into the cache: written whole beside the old one, then switched to in one
 * step; the old one is removed last. A crash at any point leaves either the old or the new model in
 * service.
 */
export async function writeCachedModel(
  card: ModelCard,
  cacheDir: string,
  converted: NewCachedModel,
): Promise<CachedModel> {
  const { model, checksum, source, sourceSha256, quantization, variantGolden = null } = converted;
  const link = cachedModelDir(cacheDir, card.name);
  const target = `.${card.name}-${checksum.slice(0, 12)}-${randomBytes(4).toString('hex')}`;
  const record = {
    schema: 1,
    checksum,
    sourceSha256,
    source,
    recipe: conversionRecipe(card),
    card,
    ...(variantGolden ? { golden: variantGolden } : {}),
    ...(quantization ? { quantization } : {}),
  };
  await makeFolder(join(cacheDir, 'backbones'));
  await writeDirectoryDurably(join(cacheDir, 'backbones', target), {
    [modelFile(card)]: model,
    [RECORD_FILE]: `${JSON.stringify(record, null, 2)}\n`,
  });
  const previous = await readlink(link).catch(() => null);
  if (previous === null) await rm(link, { recursive: true, force: true });
  await switchLinkDurably(link, target);
  if (previous?.startsWith(`.${card.name}-`) && previous !== target) {
    await rm(join(cacheDir, 'backbones', previous), { recursive: true, force: true });
  }
  const path = join(link, modelFile(card));
  return { path, model, checksum, source, sourceSha256, variantGolden };
}

/** Removes the cached files of a backbone, if there are any. */
export async function removeCachedModel(cacheDir: string, name: string): Promise<void> {
  const link = cachedModelDir(cacheDir, name);
  const target = await readlink(link).catch(() => null);
  await rm(link, { recursive: true, force: true });
  if (target?.startsWith(`.${name}-`)) {
    await rm(join(cacheDir, 'backbones', target), { recursive: true, force: true });
  }
}

function notCached(card: ModelCard, dir: string, why: string): HeadlandError {
  const details = { dir, why };
  const remedy = remedyFor(card);
  if (card.precision === undefined) {
    const message = `backbone ${card.name} is not in the cache (${dir}): ${why}`;
    return new HeadlandError('HL_MODEL_NOT_CACHED', message, { remedy, details });
  }
  const message = `the 8-bit backbone ${card.name} is not in the cache (${dir}): ${why}`;
  return new HeadlandError('HL_MODEL_NOT_QUANTIZED', message, { remedy, details });
}

function whyUnread(cause: unknown): string {
  return codeOf(cause) === 'ENOENT'
    ? 'no file'
    : `cannot be read: ${messageOf(cause).split('\n')[0]}`;
}

function remedyFor(card: ModelCard): string {
  return card.precision === undefined
    ? `Run \`headland models pull ${card.name}\`.`
    : `Run \`headland models quantize ${fullPrecisionName(card.name)}\`, ` +
        'or set models.backbone to the fp32 one.';
}

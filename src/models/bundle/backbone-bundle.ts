import { open, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { type CachedModel, modelFile } from '../../backbone/cache.js';
import { conversionRecipe, sourceIdentity } from '../../backbone/conversion-recipe.js';
import { type ModelCard, parseCard } from '../../backbone/model-card.js';
import { fullPrecisionCard, quantizedCard } from '../../backbone/variant.js';
import type { VariantGolden } from '../../backbone/variant-golden.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { sha256Hex } from '../../base/hash.js';
import { ArchiveFault, type ArchiveFiles, packArchive, unpackArchive } from './bundle-archive.js';

const MANIFEST_FILE = 'manifest.json';
const LICENCE_FILE = 'LICENCE.txt';
/** Bound on everything beside the model, bytes. */
const MAX_BESIDE_BYTES = 4_000_000;
const ZIP_MAGIC = Buffer.from('PK\u0003\u0004', 'latin1');

const manifestSchema = z.strictObject({
  format: z.literal('headland-backbone'),
  schema: z.literal(1),
  /** Name of the card, or of its 8-bit variant. */
  name: z.string(),
  /** Program and version that wrote the bundle. */
  madeBy: z.string().max(100),
  /** {@link sourceIdentity} of the weights. */
  sourceSha256: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  golden: z
    .strictObject({ features: z.array(z.number()), maxRelativeError: z.number() })
    .nullable(),
  /** Checked by `parseCard`. */
  card: z.unknown(),
});

/** A converted backbone as one file, for a robot without internet. */
export interface BackboneBundle {
  /** For an 8-bit variant, the card that `quantizedCard` derives. */
  card: ModelCard;
  model: Uint8Array;
  /** SHA-256 (hex) of the model. */
  checksum: string;
  /** {@link sourceIdentity} of the weights. */
  sourceSha256: string;
  /** `conversionRecipe` of the machine that converted the model. */
  recipe: Record<string, unknown>;
  variantGolden: VariantGolden | null;
  madeBy: string;
}

/**
 * Packs a cached backbone with its card and licence. The same backbone gives the same bytes.
 * @param licence Text of the licence.
 * @param madeBy Program and version.
 */
export function packBundle(
  card: ModelCard,
  cached: Pick<CachedModel, 'model' | 'sourceSha256' | 'variantGolden'>,
  licence: string,
  madeBy: string,
): Uint8Array {
  const base = fullPrecisionCard(card);
  const manifest: z.infer<typeof manifestSchema> = {
    format: 'headland-backbone',
    schema: 1,
    name: card.name,
    madeBy,
    sourceSha256: cached.sourceSha256,
    recipe: conversionRecipe(card),
    golden: cached.variantGolden,
    // A path of the machine that makes the bundle means nothing on the robot.
    card: {
      ...base,
      sources: base.sources.map((source) =>
        source.kind === 'file' ? { ...source, file: `${card.name}.onnx` } : source,
      ),
    },
  };
  return packArchive({
    [MANIFEST_FILE]: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`),
    [LICENCE_FILE]: Buffer.from(licence),
    [modelFile(card)]: cached.model,
  });
}

/**
 * Whether a file looks like a bundle: it begins as a zip archive does, which no ONNX file can.
 * @throws HeadlandError HL_MODEL_FILE_UNREADABLE
 */
export async function looksLikeBundle(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer } = await handle.read(Buffer.alloc(ZIP_MAGIC.length), 0, ZIP_MAGIC.length, 0);
      return buffer.equals(ZIP_MAGIC);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadableModel(path, cause);
  }
}

/**
 * Reads a bundle and proves every file in it.
 * @param maxBytes Bound on the model, bytes.
 * @throws HeadlandError HL_MODEL_FILE_UNREADABLE, HL_MODEL_TOO_LARGE, HL_MODEL_BUNDLE_INVALID
 */
export async function readBundle(
  path: string,
  maxBytes: number,
): Promise<{ bundle: BackboneBundle; bytes: Uint8Array }> {
  let bytes: Uint8Array;
  const most = maxBytes + MAX_BESIDE_BYTES;
  try {
    const { size } = await stat(path);
    if (size > most) throw tooLarge(path, size, maxBytes);
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof HeadlandError) throw cause;
    throw unreadableModel(path, cause);
  }
  try {
    return { bundle: parseBundle(unpackArchive(bytes, most)), bytes };
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_BUNDLE_INVALID',
      `${path} is no intact bundle of a backbone: ${faultOf(cause)}`,
      {
        remedy:
          'Copy the bundle again. If it is refused again, make it again with `headland models bundle` on a machine that has the backbone.',
        details: { path },
        cause,
      },
    );
  }
}

/**
 * The bundle must have been made from the weights and by the conversion that the robot's own card
 * of that name stands for; heads are trained on exactly these features.
 * @throws HeadlandError HL_MODEL_BUNDLE_FOREIGN
 */
export function requireFit(bundle: BackboneBundle, card: ModelCard, path: string): void {
  const isSameRecipe = JSON.stringify(bundle.recipe) === JSON.stringify(conversionRecipe(card));
  const isSameSource = card.sources.some((s) => sourceIdentity(s) === bundle.sourceSha256);
  if (isSameRecipe && isSameSource) return;
  const why = isSameSource
    ? 'it was converted by another version, or for another input'
    : 'it was made from other weights';
  throw new HeadlandError(
    'HL_MODEL_BUNDLE_FOREIGN',
    `${path} is no bundle of the ${card.name} of this robot: ${why} (made by ${bundle.madeBy})`,
    {
      remedy:
        'Make the bundle with the version of headland that this robot runs (`headland --version`) and from the same model card.',
      details: { path, why, madeBy: bundle.madeBy },
    },
  );
}

export function unreadableModel(file: string, cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_MODEL_FILE_UNREADABLE',
    `${file} cannot be read: ${fileProblem(cause)}`,
    {
      remedy: 'Give the path of an ONNX file or a bundle that this user may read.',
      details: { file },
      cause,
    },
  );
}

export function tooLarge(file: string, size: number, maxBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_MODEL_TOO_LARGE',
    `${file} has ${size} bytes; models.maxBytes allows ${maxBytes}`,
    {
      remedy: 'Raise models.maxBytes, if this is the right file.',
      details: { file, size, maxBytes },
    },
  );
}

/** @throws ArchiveFault, HeadlandError HL_MODEL_CARD_INVALID, what zod and JSON throw */
function parseBundle(files: ArchiveFiles): BackboneBundle {
  const manifest = manifestSchema.parse(JSON.parse(textOf(files, MANIFEST_FILE)));
  const base = parseCard(manifest.card, MANIFEST_FILE);
  const card = [base, quantizedCard(base)].find(({ name }) => name === manifest.name);
  if (card === undefined || (card !== base) !== (manifest.golden !== null)) {
    throw new ArchiveFault(`its name "${manifest.name}" does not fit its card`);
  }
  const model = take(files, modelFile(card));
  textOf(files, LICENCE_FILE);
  const { golden: variantGolden, madeBy, sourceSha256, recipe } = manifest;
  const checksum = sha256Hex(model);
  return { card, model, checksum, sourceSha256, recipe, variantGolden, madeBy };
}

function take(files: ArchiveFiles, name: string): Uint8Array {
  const bytes = Object.hasOwn(files, name) ? files[name] : undefined;
  if (bytes === undefined) throw new ArchiveFault(`it holds no ${name}`);
  return bytes;
}

function textOf(files: ArchiveFiles, name: string): string {
  return Buffer.from(take(files, name)).toString('utf8');
}

function faultOf(cause: unknown): string {
  if (!(cause instanceof z.ZodError)) return messageOf(cause);
  const fields = cause.issues.map(({ path }) => path.map(String).join('.') || 'the whole file');
  return `its ${MANIFEST_FILE} is not understood: ${fields.join(', ')}`;
}

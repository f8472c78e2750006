import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { removeCachedModel } from '../backbone/cache.js';
import { addedCards, listCards } from '../backbone/card-folders.js';
import { OnnxCodec, type OnnxGraph } from '../backbone/engines/onnx-proto.js';
import { isCardName, type ModelCard, type Pool, parseCard } from '../backbone/model-card.js';
import { fullPrecisionName, quantizedCard } from '../backbone/variant.js';
import { HeadlandError } from '../base/errors.js';
import { removeDurably, writeFileDurably } from '../base/files/durable-files.js';
import { makeFolder } from '../base/files/make-folder.js';
import { sha256Hex } from '../base/hash.js';
import { tooLarge, unreadableModel } from './bundle/backbone-bundle.js';
import { bundleFile, bundleNames } from './bundle/bundle-names.js';
import { convertModel } from './convert-model.js';
import { checkFeatures, type FeatureCheck } from './onnx/check-features.js';
import { type FoundTap, findTap } from './onnx/find-tap.js';
import { describePresets, type Normalisation, normalisationInGraph } from './onnx/normalisation.js';
import { type ImageInput, readImageInput } from './onnx/onnx-input.js';
import { poolForShape, probeShape } from './onnx/probe-onnx.js';
import { tappedTensor } from './onnx/prune.js';
import { type PullOptions, pullModel } from './pull-model.js';
import { inAddedFolder } from './write-folders.js';

export interface AddOptions {
  /** ONNX file. */
  file: string;
  /** Name of the new card. */
  name: string;
  cardsDir: string | null;
  /** Folder of added cards; created when absent. */
  addedDir: string;
  /** Side of the square input, pixels; null: taken from the graph. */
  inputSize: number | null;
  /** Null: the graph must normalise by itself. */
  normalisation: Normalisation | null;
  /** Tensor or node; null: found automatically. */
  tap: string | null;
  /** Null: by the shape of the tapped tensor. */
  pool: Pool | null;
  licence: string | null;
  title: string | null;
  /** Asks a person for what the graph does not tell; null without a person. */
  ask: Ask | null;
  pull: PullOptions;
}

/** Questions to a person, repeated until the answer is usable. */
export interface Ask {
  inputSize(): Promise<number>;
  normalisation(): Promise<Normalisation>;
}

export interface AddedModel {
  card: ModelCard;
  /** The converted model. */
  path: string;
  checksum: string;
  /** Size of the file that was added, bytes. */
  bytes: number;
  input: ImageInput;
  tap: { tensor: string; kind: FoundTap['kind'] | 'given'; shape: readonly number[] };
  /** both: the person gave a normalisation although the graph seems to have one. */
  normalisedBy: 'graph' | 'person' | 'both';
  check: FeatureCheck;
}

/**
 * Makes a backbone from any ONNX network with an image input: finds input, normalisation and the
 * place of the features, converts and checks it, and stores the file with a card of its own. The
 * card is written last, so that an unfinished backbone is never listed.
 * @throws HeadlandError HL_MODEL_NAME_INVALID, HL_MODEL_NAME_TAKEN, HL_MODEL_FILE_UNREADABLE,
 *   HL_MODEL_TOO_LARGE, HL_MODEL_ONNX_INVALID, HL_MODEL_NOT_A_BACKBONE, HL_MODEL_TAP_UNKNOWN,
 *   HL_MODEL_INPUT_SIZE_UNKNOWN, HL_MODEL_NORMALISATION_UNKNOWN, HL_MODEL_CHECK_FAILED,
 *   HL_MODEL_CACHE_UNWRITABLE
 */
export async function addModel(options: AddOptions): Promise<AddedModel> {
  const { name, addedDir } = options;
  await checkName(options);
  const bytes = await readModel(options.file, options.pull.maxBytes);
  const { graph } = new OnnxCodec().decode(bytes);
  const input = readImageInput(graph);
  const found = chooseTap(graph, options);
  const inputSize = await chooseInputSize(input, options);
  const { normalisation, normalisedBy } = await chooseNormalisation(graph, input, options);
  const shape = await probeShape(bytes, found.tensor, inputSize);
  const pooled = poolForShape(shape);
  if (pooled === null) throw noVector(found.tensor, shape);
  // Where answers are averaged, the map behind them is hidden; else the shape tells how to pool.
  const pool = options.pool ?? (found.pool === 'average' ? 'average' : pooled.pool);
  const { channelOrder, ...deviations } = normalisation;
  const file = join(addedDir, `${name}.onnx`);
  const draft = {
    schema: 1,
    name,
    title: options.title ?? `${name}, added`,
    licence: options.licence ?? 'NOASSERTION',
    attribution: `added from ${options.file}`,
    trainingData: 'not stated',
    reportedTop1: null,
    engine: 'onnx',
    format: 'onnx',
    inputSize,
    layout: 'NCHW-RGB',
    channelOrder,
    normalisation: deviations,
    tap: found.tensor,
    pool,
    featureSize: featuresOf(shape, pool, pooled.featureSize),
    sources: [
      { kind: 'file', file: `${name}.onnx`, sha256: sha256Hex(bytes), bytes: bytes.length },
    ],
  };
  const tried = parseCard(draft, options.file);
  const model = convertModel(bytes, tried);
  const { golden, ...check } = await checkFeatures(tried, model, sha256Hex(model));
  const card = parseCard({ ...draft, golden }, options.file);
  const placed = {
    ...card,
    sources: card.sources.map((s) => (s.kind === 'file' ? { ...s, file } : s)),
  };
  await inAddedFolder(addedDir, async () => {
    await makeFolder(addedDir);
    await writeFileDurably(file, bytes);
  });
  try {
    const { path, checksum } = await pullModel(placed, options.pull);
    const text = `${JSON.stringify(card, null, 2)}\n`;
    await inAddedFolder(addedDir, () => writeFileDurably(join(addedDir, `${name}.json`), text));
    const { tensor, kind } = found;
    const tap = { tensor, kind, shape };
    return { card, path, checksum, bytes: bytes.length, input, tap, normalisedBy, check };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/**
 * Removes an added backbone: its card, its file or bundle, the converted model and the 8-bit
 * variant. Of a backbone that the robot knows without the bundle, bundle and model are removed.
 * @param configured The backbone of models.backbone, which must not lose its card.
 * @throws HeadlandError HL_MODEL_NOT_ADDED, HL_MODEL_IN_USE
 */
export async function removeModel(options: {
  name: string;
  addedDir: string;
  cacheDir: string;
  configured: string;
}): Promise<void> {
  const { name, addedDir, cacheDir, configured } = options;
  const own = (await addedCards(addedDir)).find((card) => card.name === name);
  if (own === undefined && !(await bundleNames(addedDir)).includes(name)) {
    throw new HeadlandError('HL_MODEL_NOT_ADDED', `"${name}" was not added by \`models add\``, {
      remedy: 'Name one that `headland models list` marks "added": only those can be removed.',
      details: { name },
    });
  }
  if (configured === name || fullPrecisionName(configured) === name) {
    throw new HeadlandError(
      'HL_MODEL_IN_USE',
      `backbone "${name}" is configured (models.backbone)`,
      {
        remedy:
          'Set models.backbone to another one, train (`headland train`), then remove this one.',
        details: { name },
      },
    );
  }
  const names = own === undefined ? [name] : [name, quantizedCard(own).name];
  // The card goes first: without it, nothing reads the other files.
  await inAddedFolder(addedDir, async () => {
    await removeDurably(join(addedDir, `${name}.json`));
    await rm(join(addedDir, `${name}.onnx`), { force: true });
    for (const each of names) await rm(join(addedDir, bundleFile(each)), { force: true });
  });
  for (const each of names) await removeCachedModel(cacheDir, each);
}

/** @throws HeadlandError HL_MODEL_NAME_INVALID, HL_MODEL_NAME_TAKEN */
async function checkName({ name, cardsDir, addedDir }: AddOptions): Promise<void> {
  if (!isCardName(name) || fullPrecisionName(name) !== name) {
    throw new HeadlandError('HL_MODEL_NAME_INVALID', `"${name}" cannot be the name of a backbone`, {
      remedy:
        'Use at most 63 lower-case letters, digits, ".", "_" or "-". "-int8" at the end is the name of ' +
        'the 8-bit variant.',
      details: { name },
    });
  }
  if ((await listCards(cardsDir, addedDir)).some((card) => card.name === name)) {
    throw new HeadlandError('HL_MODEL_NAME_TAKEN', `there is a backbone named "${name}" already`, {
      remedy: `Give another --name. If \`headland models list\` marks ${name} "added", \`headland models remove ${name}\` frees the name.`,
      details: { name },
    });
  }
}

/** @throws HeadlandError HL_MODEL_FILE_UNREADABLE, HL_MODEL_TOO_LARGE */
async function readModel(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw tooLarge(file, size, maxBytes);
    return await readFile(file);
  } catch (cause) {
    if (cause instanceof HeadlandError) throw cause;
    throw unreadableModel(file, cause);
  }
}

function chooseTap(
  graph: OnnxGraph,
  { tap }: AddOptions,
): { tensor: string; kind: AddedModel['tap']['kind']; pool: Pool | null } {
  if (tap === null) return findTap(graph);
  return { tensor: tappedTensor(graph, tap), kind: 'given', pool: null };
}

/** @throws HeadlandError HL_MODEL_NOT_A_BACKBONE, HL_MODEL_INPUT_SIZE_UNKNOWN */
async function chooseInputSize(
  { name, sides }: ImageInput,
  { inputSize, ask }: AddOptions,
): Promise<number> {
  const [height, width] = sides;
  const fixed = height ?? width;
  if (height !== null && width !== null && height !== width) {
    throw notABackbone(
      `its input "${name}" is ${height} x ${width} pixels, not a square`,
      'Export it with a square input, or with open sides and --input-size.',
    );
  }
  const size = inputSize ?? fixed ?? (await ask?.inputSize()) ?? null;
  if (size === null) {
    throw new HeadlandError(
      'HL_MODEL_INPUT_SIZE_UNKNOWN',
      `the graph leaves the size of its input "${name}" open`,
      { remedy: 'Give the side that the network was trained with, for example --input-size 224.' },
    );
  }
  if (fixed !== null && size !== fixed) {
    throw notABackbone(
      `its input "${name}" is ${fixed} x ${fixed} pixels, not ${size}`,
      'Leave --input-size out, or export the network with open sides.',
    );
  }
  if (size >= 16 && size <= 1_024) return size;
  throw notABackbone(
    `its input "${name}" is ${size} x ${size} pixels; a backbone takes 16 to 1,024`,
    'Use a network for images of that size.',
  );
}

/** @throws HeadlandError HL_MODEL_NORMALISATION_UNKNOWN */
async function chooseNormalisation(
  graph: OnnxGraph,
  input: ImageInput,
  options: AddOptions,
): Promise<{ normalisation: Normalisation; normalisedBy: AddedModel['normalisedBy'] }> {
  const inGraph = normalisationInGraph(graph, input);
  if (options.normalisation) {
    const isTwice = inGraph !== null && !isDeepStrictEqual(inGraph, options.normalisation);
    return {
      normalisation: options.normalisation,
      normalisedBy: isTwice ? 'both' : inGraph ? 'graph' : 'person',
    };
  }
  if (inGraph) return { normalisation: inGraph, normalisedBy: 'graph' };
  if (options.ask) {
    return { normalisation: await options.ask.normalisation(), normalisedBy: 'person' };
  }
  throw new HeadlandError(
    'HL_MODEL_NORMALISATION_UNKNOWN',
    'the graph does not normalise images, and it does not say how they were normalised in its training',
    {
      remedy: `Look up how the network was trained, and give --normalise: ${describePresets().join('; ')}; or numbers, MEAN,MEAN,MEAN/STD,STD,STD.`,
    },
  );
}

function featuresOf(shape: readonly number[], pool: Pool, otherwise: number): number {
  const last = shape.at(-1) ?? otherwise;
  if (pool === 'average') return shape[1] ?? otherwise;
  return pool === 'none' ? shape.reduce((product, side) => product * side, 1) : last;
}

function noVector(tensor: string, shape: readonly number[]): HeadlandError {
  return notABackbone(
    `"${tensor}" is ${shape.join(' x ')}, which is no vector, no feature map and no tokens`,
    'Name another tensor: --tap NAME.',
  );
}

function notABackbone(why: string, remedy: string): HeadlandError {
  return new HeadlandError('HL_MODEL_NOT_A_BACKBONE', `the graph cannot be a backbone: ${why}`, {
    remedy,
    details: { why },
  });
}

import { zipSync } from 'fflate';
import { z } from 'zod';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { unzip } from '../../base/files/unzip.js';

const MODEL_JSON = 'model.json';
const WEIGHTS = 'weights.bin';
/** Date of the entries in the archive, fixed so that the same model gives the same bytes. */
const ENTRY_DATE = new Date(1990, 5, 15, 12);
const MAX_WEIGHTS = 100_000;
/** An archive of {@link packTfjs} is not compressed. */
const MAX_INFLATION = 100;

const weightSpec = z.object({
  name: z.string().min(1).max(1_000),
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 31),
    )
    .max(8),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .object({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      scale: z.number().exactOptional(),
      min: z.number().exactOptional(),
    })
    .exactOptional(),
});

const modelSchema = z.object({
  format: z.enum(['layers-model', 'graph-model']).optional(),
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(z.object({ paths: z.array(z.string()).max(10_000), weights: z.array(weightSpec) }))
    .min(1)
    .max(MAX_WEIGHTS),
  signature: z.unknown().optional(),
  userDefinedMetadata: z.record(z.string(), z.unknown()).optional(),
});

export type TfjsWeightSpec = z.infer<typeof weightSpec>;

/** One weight: its description, and its bytes as in the files. */
export interface TfjsWeight {
  spec: TfjsWeightSpec;
  bytes: Uint8Array;
}

/** A TensorFlow.js model in memory. */
export interface TfjsModel {
  format: 'layers-model' | 'graph-model';
  /** Keras' JSON, or a GraphDef as JSON. */
  topology: Record<string, unknown>;
  weights: TfjsWeight[];
  /** Names of a graph's inputs and outputs, if it gives them. */
  signature: unknown;
  /** `userDefinedMetadata`. */
  metadata: Record<string, unknown>;
}

/**
 * Reads `model.json` and its shards. Accepts only weights that the manifest describes and only the
 * given shards, and every shard must be used to its last byte.
 * @param shards By the path in the weights manifest; their checksums are already proven.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID
 */
export function readTfjsFiles(
  json: Uint8Array,
  shards: ReadonlyMap<string, Uint8Array>,
): TfjsModel {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw invalidTfjs(`its model.json is not JSON: ${messageOf(cause)}`, { cause });
  }
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) {
    const [fault] = parsed.error.issues;
    throw invalidTfjs(`its model.json: ${fault?.path.map(String).join('.')}: ${fault?.message}`);
  }
  const { modelTopology: topology, weightsManifest, signature, userDefinedMetadata } = parsed.data;
  const unused = new Set(shards.keys());
  const names = new Set<string>();
  const weights = weightsManifest.flatMap(({ paths, weights: specs }) => {
    const parts = paths.map((path) => {
      const part = shards.get(path);
      if (part === undefined || !unused.delete(path)) {
        throw invalidTfjs(`it wants the shard "${path}", which the card does not name (once)`);
      }
      return part;
    });
    for (const { name } of specs) {
      if (names.has(name)) throw invalidTfjs(`it has the weight "${name}" twice`);
      names.add(name);
    }
    return cutWeights(specs, join(parts));
  });
  if (unused.size > 0) throw invalidTfjs(`it does not use the shard "${[...unused][0]}"`);
  const format = parsed.data.format ?? (Array.isArray(topology.node) ? 'graph-model' : null);
  return {
    format: format ?? 'layers-model',
    topology,
    weights,
    signature,
    metadata: userDefinedMetadata ?? {},
  };
}

/**
 * The files of a model in the form of TensorFlow.js' own loaders: `model.json` and the shards
 * beside it. Deterministic.
 * @param maxShardBytes Default: one shard.
 */
export function tfjsFiles(
  model: TfjsModel,
  maxShardBytes = Number.POSITIVE_INFINITY,
): Record<string, Uint8Array> {
  const data = join(model.weights.map(({ bytes }) => bytes));
  const count = Math.max(1, Math.ceil(data.length / maxShardBytes));
  const shards: [string, Uint8Array][] = Array.from({ length: count }, (_, i) => [
    count === 1 ? WEIGHTS : `group1-shard${i + 1}of${count}.bin`,
    data.subarray(i * maxShardBytes || 0, Math.min(data.length, (i + 1) * maxShardBytes)),
  ]);
  const json = {
    format: model.format,
    generatedBy: 'headland',
    convertedBy: null,
    modelTopology: model.topology,
    ...(model.signature === undefined ? {} : { signature: model.signature }),
    userDefinedMetadata: model.metadata,
    weightsManifest: [
      { paths: shards.map(([path]) => path), weights: model.weights.map(({ spec }) => spec) },
    ],
  };
  return {
    [MODEL_JSON]: new TextEncoder().encode(JSON.stringify(json)),
    ...Object.fromEntries(shards),
  };
}

/**
 * A model as a single file, an uncompressed zip archive of its files, so that one checksum
 * identifies it.
 */
export function packTfjs(model: TfjsModel): Uint8Array {
  return zipSync(tfjsFiles(model), { level: 0, mtime: ENTRY_DATE });
}

/** @throws HeadlandError HL_MODEL_TFJS_INVALID */
export function unpackTfjs(archive: Uint8Array): TfjsModel {
  let files: Record<string, Uint8Array>;
  let inflated = 0;
  try {
    files = unzip(archive, ({ originalSize }) => {
      inflated += originalSize;
      if (inflated > MAX_INFLATION * archive.length)
        throw new Error('it inflates far beyond its size');
      return true;
    });
  } catch (cause) {
    throw invalidTfjs(`its archive is damaged: ${messageOf(cause)}`, { cause });
  }
  const { [MODEL_JSON]: json, ...shards } = files;
  if (json === undefined) throw invalidTfjs(`its archive holds no ${MODEL_JSON}`);
  return readTfjsFiles(json, new Map(Object.entries(shards)));
}

/**
 * The argument of `tf.loadLayersModel` and `tf.loadGraphModel`; nothing is read from anywhere else.
 */
export function memoryHandler(model: TfjsModel) {
  const artifacts = {
    format: model.format,
    modelTopology: model.topology,
    weightSpecs: model.weights.map(({ spec }) => spec),
    weightData: join(model.weights.map(({ bytes }) => bytes)).buffer as ArrayBuffer,
    ...(model.signature ? { signature: model.signature as object } : {}),
    userDefinedMetadata: model.metadata as Record<string, object>,
  };
  return { load: async () => artifacts };
}

/** Describes and encodes a weight. */
export function tfjsWeight(
  name: string,
  shape: number[],
  values: Float32Array | Int32Array,
): TfjsWeight {
  const dtype = values instanceof Int32Array ? 'int32' : 'float32';
  // Little-endian by definition; every platform of Node is.
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { spec: { name, shape, dtype }, bytes };
}

/** Cuts the data into the bytes of each weight. @throws HeadlandError HL_MODEL_TFJS_INVALID */
export function cutWeights(specs: readonly TfjsWeightSpec[], data: Uint8Array): TfjsWeight[] {
  let offset = 0;
  const weights = specs.map((spec) => {
    const begin = offset;
    offset += byteLength(spec);
    if (offset > data.length) throw invalidTfjs(`its weights end before "${spec.name}" does`);
    return { spec, bytes: data.subarray(begin, offset) };
  });
  if (offset !== data.length) {
    throw invalidTfjs(`its shards hold ${data.length} bytes, its weights take ${offset}`);
  }
  return weights;
}

function byteLength({ shape, dtype, quantization }: TfjsWeightSpec): number {
  const width = { uint8: 1, uint16: 2, float16: 2, bool: 1, float32: 4, int32: 4 };
  return shape.reduce((product, side) => product * side, width[quantization?.dtype ?? dtype]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function invalidTfjs(
  why: string,
  options: { remedy?: string; cause?: unknown } = {},
): HeadlandError {
  return new HeadlandError(
    'HL_MODEL_TFJS_INVALID',
    `the TensorFlow.js model cannot be used: ${why}`,
    {
      remedy:
        options.remedy ?? 'In the card, correct tap, sizes and shards, or convert the model again.',
      cause: options.cause,
    },
  );
}

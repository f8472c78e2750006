import { isHeadlandError, messageOf } from '../../base/errors.js';
import { unzip } from '../../base/files/unzip.js';
import { ByteReader } from './byte-reader.js';
import { PickleDict, PickleGlobal, type PickleValue, refusePickle, unpickle } from './unpickle.js';

/** A tensor in row-major order, whatever strides it was saved with. */
export interface StateTensor {
  shape: number[];
  /** Product of `shape` values; integers beyond 2^24 are rounded. */
  data: Float32Array;
}

interface StorageType {
  itemBytes: number;
  read(view: DataView, byteOffset: number): number;
}

const STORAGE_TYPES: Record<string, StorageType> = {
  'torch.FloatStorage': { itemBytes: 4, read: (v, o) => v.getFloat32(o, true) },
  'torch.DoubleStorage': { itemBytes: 8, read: (v, o) => v.getFloat64(o, true) },
  'torch.HalfStorage': { itemBytes: 2, read: (v, o) => halfToNumber(v.getUint16(o, true)) },
  'torch.BFloat16Storage': { itemBytes: 2, read: (v, o) => bfloat16ToNumber(v.getUint16(o, true)) },
  'torch.LongStorage': { itemBytes: 8, read: (v, o) => Number(v.getBigInt64(o, true)) },
  'torch.IntStorage': { itemBytes: 4, read: (v, o) => v.getInt32(o, true) },
};

const GLOBALS: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor_v2',
  ...Object.keys(STORAGE_TYPES),
]);

/** Magic number of files that `torch.save` wrote before it wrote zip archives. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

/** One per tensor and a handful more. */
const MAX_ENTRIES = 20_000;

class Storage {
  constructor(
    readonly type: StorageType,
    readonly length: number,
  ) {}
  bytes: Uint8Array | null = null;
}

class LazyTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

/**
 * Reads a PyTorch `state_dict` file (`torch.save`, zip or legacy format) without executing it: only
 * plain containers, tensors and storages.
 * @param maxElements Bound on the elements of all tensors together.
 * @returns Tensors by parameter name, in the file's order.
 * @throws HeadlandError HL_MODEL_PICKLE_REFUSED
 */
export function readStateDict(
  file: Uint8Array,
  maxElements = file.length,
): Map<string, StateTensor> {
  try {
    const { root } = isZip(file) ? readZip(file) : readLegacy(file);
    return materialise(root, maxElements);
  } catch (error) {
    if (isHeadlandError(error)) throw error;
    throw refusePickle(messageOf(error));
  }
}

function isZip(file: Uint8Array): boolean {
  return file[0] === 0x50 && file[1] === 0x4b && file[2] === 0x03 && file[3] === 0x04;
}

/** `<name>/data.pkl` and one entry `<name>/data/<key>` per storage. */
function readZip(file: Uint8Array): { root: PickleValue } {
  let inflated = 0;
  let count = 0;
  const entries = unzip(file, (entry) => {
    if (++count > MAX_ENTRIES) throw refusePickle('its archive has too many entries');
    if (!/^[^/]+\/(data\.pkl|byteorder|data\/[0-9]+)$/.test(entry.name)) return false;
    inflated += entry.originalSize;
    // torch stores without compression, so anything larger than the file is an archive bomb.
    if (inflated > 2 * file.length) throw refusePickle('its archive inflates far beyond its size');
    return true;
  });
  const pickleName = Object.keys(entries).find((name) => name.endsWith('/data.pkl'));
  if (pickleName === undefined) throw refusePickle('the archive holds no data.pkl');
  const prefix = pickleName.slice(0, -'data.pkl'.length);
  const order = entries[`${prefix}byteorder`];
  if (order && Buffer.from(order).toString('latin1') !== 'little') {
    throw refusePickle('it was written on a big-endian machine');
  }
  const storages = new Map<string, Storage>();
  const root = unpickle(new ByteReader(entries[pickleName] as Uint8Array), rules(storages));
  for (const [key, storage] of storages) {
    storage.bytes = entries[`${prefix}data/${key}`] ?? null;
  }
  return { root };
}

/** Magic, protocol, system, state_dict, list of keys; then each storage: count and raw values. */
function readLegacy(file: Uint8Array): { root: PickleValue } {
  const reader = new ByteReader(file);
  const storages = new Map<string, Storage>();
  const nothing = rules(new Map());
  if (unpickle(reader, nothing) !== LEGACY_MAGIC) throw refusePickle('it is not a PyTorch file');
  if (unpickle(reader, nothing) !== 1001) throw refusePickle('unknown PyTorch file version');
  const system = unpickle(reader, nothing);
  if (!(system instanceof PickleDict) || system.entries.get('little_endian') !== true) {
    throw refusePickle('it was written on a big-endian machine');
  }
  const root = unpickle(reader, rules(storages));
  const keys = unpickle(reader, nothing);
  if (!Array.isArray(keys)) throw refusePickle('the list of storages is missing');
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw refusePickle('it holds a storage that no tensor uses');
    const length = Number(reader.u64());
    if (length !== storage.length)
      throw refusePickle('a storage does not have the announced length');
    storage.bytes = reader.bytes(length * storage.type.itemBytes);
  }
  return { root };
}

function rules(storages: Map<string, Storage>) {
  return {
    globals: GLOBALS,
    call: (name: string, args: PickleValue[]): PickleValue => {
      if (name === 'collections.OrderedDict' && args.length === 0) return new PickleDict();
      if (name === 'torch._utils._rebuild_tensor_v2') return rebuildTensor(args);
      throw refusePickle(`it calls ${name} in a way that a state_dict does not`);
    },
    persistent: (id: PickleValue): PickleValue => {
      const [tag, type, key, , length, view] = Array.isArray(id) ? id : [];
      const storageType = type instanceof PickleGlobal ? STORAGE_TYPES[type.name] : undefined;
      if (tag !== 'storage' || !storageType || typeof key !== 'string' || !isCount(length)) {
        throw refusePickle('a storage is not described the way PyTorch does it');
      }
      if (view !== undefined && view !== null) throw refusePickle('views of storages are unknown');
      const known = storages.get(key);
      if (known) {
        if (known.type !== storageType || known.length !== length) {
          throw refusePickle('one storage is described in two ways');
        }
        return known;
      }
      const storage = new Storage(storageType, length);
      storages.set(key, storage);
      return storage;
    },
  };
}

function rebuildTensor(args: PickleValue[]): LazyTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof Storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
    throw refusePickle('a tensor is not described the way PyTorch does it');
  }
  if (shape.length !== strides.length || shape.length > 8) {
    throw refusePickle('the shape of a tensor does not fit its strides');
  }
  return new LazyTensor(storage, offset, shape, strides);
}

function materialise(root: PickleValue, maxElements: number): Map<string, StateTensor> {
  if (!(root instanceof PickleDict)) throw refusePickle('it is not a dict of tensors');
  const tensors = new Map<string, StateTensor>();
  let elements = 0;
  for (const [name, tensor] of root.entries) {
    if (typeof name !== 'string' || !(tensor instanceof LazyTensor)) {
      throw refusePickle('it holds something that is not a named tensor');
    }
    const count = tensor.shape.reduce((product, n) => product * n, 1);
    elements += count;
    if (count > tensor.storage.length || elements > maxElements) {
      throw refusePickle(`tensor ${name.slice(0, 200)} is larger than what the file holds`);
    }
    tensors.set(name, { shape: tensor.shape, data: copyStrided(name, tensor, count) });
  }
  return tensors;
}

function copyStrided(name: string, tensor: LazyTensor, count: number): Float32Array {
  const { storage, shape, strides, offset } = tensor;
  const { itemBytes, read } = storage.type;
  const data = new Float32Array(count);
  if (count === 0) return data;
  const last = shape.reduce((sum, n, axis) => sum + (n - 1) * (strides[axis] as number), offset);
  const { bytes } = storage;
  if (bytes === null || last >= storage.length || bytes.length < storage.length * itemBytes) {
    throw refusePickle(`tensor ${name.slice(0, 200)} reaches beyond its storage`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = new Array<number>(shape.length).fill(0);
  let position = offset;
  for (let i = 0; i < count; i++) {
    data[i] = read(view, position * itemBytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      const next = (index[axis] as number) + 1;
      position += stride;
      if (next < (shape[axis] as number)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      position -= next * stride;
    }
  }
  return data;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of an IEEE 754 binary32. */
function bfloat16ToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0] as number;
}

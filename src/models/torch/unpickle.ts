import { HeadlandError } from '../../base/errors.js';
import type { ByteReader } from './byte-reader.js';

/** A value that a pickle builds here: plain data, or a result of the caller's globals. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleGlobal
  | object;

/** A dict or an OrderedDict, in insertion order. */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();
}

/**
 * A callable of the allow-list, by its Python name; only {@link PickleRules.call} may "call" it.
 */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** Everything that a pickle may do besides building plain data. */
export interface PickleRules {
  /** Full Python names that GLOBAL may push, such as `collections.OrderedDict`. */
  globals: ReadonlySet<string>;
  /** Handles REDUCE of an allowed global. */
  call(name: string, args: PickleValue[]): PickleValue;
  /** Handles BINPERSID. */
  persistent(id: PickleValue): PickleValue;
}

const MARK = Symbol('mark');
type StackItem = PickleValue | typeof MARK;
type Instruction = [opcode: number, run: () => void];

const STOP = 0x2e;

/** Most instructions of one pickle; a state_dict of 400 tensors needs about 10,000. */
const MAX_INSTRUCTIONS = 200_000;

export function refusePickle(why: string, details: Record<string, unknown> = {}): HeadlandError {
  return new HeadlandError('HL_MODEL_PICKLE_REFUSED', `the PyTorch file is refused: ${why}`, {
    remedy:
      'Use the file of a built-in card. Export weights of your own to ONNX, and add them with `headland models add`.',
    details,
  });
}

/**
 * Reads one pickle (protocols 2 to 4, the opcodes that PyTorch writes) from `reader`, including its
 * STOP. Nothing is ever executed: a global outside `rules.globals` ends the reading. Source:
 * CPython's `pickletools.py`, which documents every opcode.
 * @throws HeadlandError HL_MODEL_PICKLE_REFUSED
 */
export function unpickle(reader: ByteReader, rules: PickleRules): PickleValue {
  return new Unpickler(reader, rules).run();
}

class Unpickler {
  private readonly stack: StackItem[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly instructions = this.containers().concat(this.scalars(), this.calls());

  constructor(
    private readonly reader: ByteReader,
    private readonly rules: PickleRules,
  ) {}

  run(): PickleValue {
    const table = new Map(this.instructions);
    for (let count = 0; count < MAX_INSTRUCTIONS; count++) {
      const opcode = this.reader.u8();
      if (opcode === STOP) return this.pop();
      const instruction = table.get(opcode);
      if (instruction === undefined) {
        throw refusePickle(`opcode 0x${opcode.toString(16)} is not one that a state_dict needs`, {
          opcode,
          offset: this.reader.offset - 1,
        });
      }
      instruction();
    }
    throw refusePickle('it has too many instructions');
  }

  /** Opcodes by the letter that pickletools gives them. */
  private scalars(): Instruction[] {
    const push = (value: () => PickleValue) => () => this.push(value());
    const r = () => this.reader;
    return [
      [0x4e /* NONE */, push(() => null)],
      [0x88 /* NEWTRUE */, push(() => true)],
      [0x89 /* NEWFALSE */, push(() => false)],
      [0x4a /* BININT */, push(() => r().i32())],
      [0x4b /* BININT1 */, push(() => r().u8())],
      [0x4d /* BININT2 */, push(() => r().u16())],
      [0x8a /* LONG1 */, push(() => readLong(r().bytes(r().u8())))],
      [0x47 /* BINFLOAT */, push(() => r().f64BigEndian())],
      [0x58 /* BINUNICODE */, push(() => r().text(r().u32()))],
      [0x8c /* SHORT_BINUNICODE */, push(() => r().text(r().u8()))],
      [0x54 /* BINSTRING */, push(() => r().latin1(r().u32()))],
      [0x55 /* SHORT_BINSTRING */, push(() => r().latin1(r().u8()))],
    ];
  }

  private containers(): Instruction[] {
    const push = (value: () => PickleValue) => () => this.push(value());
    return [
      [0x28 /* MARK */, () => void this.stack.push(MARK)],
      [0x7d /* EMPTY_DICT */, push(() => new PickleDict())],
      [0x5d /* EMPTY_LIST */, push(() => [])],
      [0x29 /* EMPTY_TUPLE */, push(() => [])],
      [0x85 /* TUPLE1 */, push(() => this.popMany(1))],
      [0x86 /* TUPLE2 */, push(() => this.popMany(2))],
      [0x87 /* TUPLE3 */, push(() => this.popMany(3))],
      [0x74 /* TUPLE */, push(() => this.popToMark())],
      [0x61 /* APPEND */, () => this.append(this.popMany(1))],
      [0x65 /* APPENDS */, () => this.append(this.popToMark())],
      [0x73 /* SETITEM */, () => this.setItems(this.popMany(2))],
      [0x75 /* SETITEMS */, () => this.setItems(this.popToMark())],
    ];
  }

  private calls(): Instruction[] {
    const r = () => this.reader;
    return [
      [0x80 /* PROTO */, () => this.checkProtocol(r().u8())],
      [0x95 /* FRAME: a hint for buffering */, () => void r().u64()],
      [0x71 /* BINPUT */, () => this.remember(r().u8())],
      [0x72 /* LONG_BINPUT */, () => this.remember(r().u32())],
      [0x94 /* MEMOIZE */, () => this.remember(this.memo.size)],
      [0x68 /* BINGET */, () => this.recall(r().u8())],
      [0x6a /* LONG_BINGET */, () => this.recall(r().u32())],
      [0x63 /* GLOBAL */, () => this.pushGlobal([r().line(), r().line()])],
      [0x93 /* STACK_GLOBAL */, () => this.pushGlobal(this.popMany(2))],
      [0x52 /* REDUCE */, () => this.reduce(this.popMany(2))],
      [0x62 /* BUILD */, () => this.ignoreAttributes()],
      [0x51 /* BINPERSID */, () => this.push(this.rules.persistent(this.pop()))],
    ];
  }

  private checkProtocol(protocol: number): void {
    if (protocol < 2 || protocol > 4) throw refusePickle(`protocol ${protocol}`);
  }

  private reduce([callee, args]: PickleValue[]): void {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) {
      throw refusePickle('it calls something that is not an allowed function');
    }
    this.push(this.rules.call(callee.name, args));
  }

  /** An OrderedDict carries module metadata in its __dict__, but no weights. */
  private ignoreAttributes(): void {
    this.pop();
    this.topDict();
  }

  private append(items: PickleValue[]): void {
    const list = this.stack.at(-1);
    if (!Array.isArray(list)) throw refusePickle('it appends to something that is not a list');
    for (const item of items) list.push(item);
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
  }

  private pop(): PickleValue {
    const item = this.stack.pop();
    if (item === undefined || item === MARK) throw refusePickle('its stack is empty');
    return item as PickleValue;
  }

  private popMany(count: number): PickleValue[] {
    const values = Array.from({ length: count }, () => this.pop());
    return values.reverse();
  }

  private popToMark(): PickleValue[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw refusePickle('a mark is missing');
    const items = this.stack.splice(mark + 1) as PickleValue[];
    this.stack.pop();
    return items;
  }

  private topDict(): PickleDict {
    const dict = this.stack.at(-1);
    if (!(dict instanceof PickleDict)) throw refusePickle('it fills something that is not a dict');
    return dict;
  }

  private setItems(items: PickleValue[]): void {
    if (items.length % 2 !== 0) throw refusePickle('a key has no value');
    const { entries } = this.topDict();
    for (let i = 0; i < items.length; i += 2) {
      entries.set(items[i] as PickleValue, items[i + 1] as PickleValue);
    }
  }

  private remember(key: number): void {
    const value = this.pop();
    this.memo.set(key, value);
    this.push(value);
  }

  private recall(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) throw refusePickle('it refers to a value that it never made');
    this.push(value);
  }

  private pushGlobal([module, name]: PickleValue[]): void {
    const full = `${String(module)}.${String(name)}`;
    if (typeof module !== 'string' || typeof name !== 'string' || !this.rules.globals.has(full)) {
      throw refusePickle(`it asks for ${full.slice(0, 200)}, which is not on the allow-list`, {
        global: full.slice(0, 200),
      });
    }
    this.push(new PickleGlobal(full));
  }
}

/** Little-endian two's complement; a number where that is exact, else a bigint. */
function readLong(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  const signed = BigInt.asIntN(bytes.length * 8, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

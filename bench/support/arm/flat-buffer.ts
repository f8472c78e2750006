type Numbers = Uint8Array | Int32Array | Float32Array | BigInt64Array;

/** What a slot of a table holds; null leaves it out, so readers see the schema's default. */
export type Slot =
  | null
  | { byte: number }
  | { int: number }
  | { text: string }
  | { numbers: Numbers; alignment?: number }
  | { table: Table }
  | { tables: readonly Table[] };

/** One slot for each field of the schema's table, in order. */
export type Table = readonly Slot[];

const WORD = 4;

/**
 * Writes a FlatBuffer from its root table: a table, then what it refers to, since references only
 * point forwards. Equal vtables are not shared, which readers do not require.
 *
 * @param identifier four characters
 */
export function writeFlatBuffer(root: Table, identifier: string): Uint8Array {
  const writer = new Writer();
  const start = writer.reserveReference();
  writer.text(identifier);
  writer.refer(start, () => writer.table(root));
  return writer.finish();
}

class Writer {
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where a reference will be. */
  reserveReference(): number {
    return this.#append(WORD, WORD);
  }

  text(text: string): void {
    const at = this.#append(text.length, 1);
    this.#bytes.write(text, at, 'latin1');
  }

  /** Sets a reference to what `write` appends and gives the place of. */
  refer(reference: number, write: () => number): void {
    const target = write();
    this.#bytes.writeUInt32LE(target - reference, reference);
  }

  table(slots: Table): number {
    // Of the vtable: its own size, that of the table, and the place of each slot in the table.
    const vtable = this.#append(2 * (2 + slots.length), WORD);
    const present = slots.filter((slot) => slot !== null).length;
    const table = this.#append(WORD * (1 + present), WORD);
    this.#bytes.writeUInt16LE(2 * (2 + slots.length), vtable);
    this.#bytes.writeUInt16LE(WORD * (1 + present), vtable + 2);
    this.#bytes.writeInt32LE(table - vtable, table);
    const children: [place: number, slot: Exclude<Slot, null>][] = [];
    let offset = WORD;
    for (const [i, slot] of slots.entries()) {
      if (slot === null) continue;
      this.#bytes.writeUInt16LE(offset, vtable + 2 * (2 + i));
      if ('byte' in slot) this.#bytes.writeInt8((slot.byte << 24) >> 24, table + offset);
      else if ('int' in slot) this.#bytes.writeInt32LE(slot.int, table + offset);
      else children.push([table + offset, slot]);
      offset += WORD;
    }
    for (const [place, slot] of children) this.refer(place, () => this.#child(slot));
    return table;
  }

  #child(slot: Exclude<Slot, null>): number {
    if ('table' in slot) return this.table(slot.table);
    if ('tables' in slot) return this.#tables(slot.tables);
    if ('text' in slot) {
      const text = Buffer.from(`${slot.text}\0`, 'utf8');
      return this.#vector(text, text.length - 1, WORD);
    }
    if (!('numbers' in slot)) throw new Error('a number is no child of a table');
    const { numbers, alignment = numbers.BYTES_PER_ELEMENT } = slot;
    const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    return this.#vector(bytes, numbers.length, alignment);
  }

  #tables(tables: readonly Table[]): number {
    const vector = this.#append(WORD * (1 + tables.length), WORD);
    this.#bytes.writeUInt32LE(tables.length, vector);
    for (const [i, table] of tables.entries()) {
      this.refer(vector + WORD * (1 + i), () => this.table(table));
    }
    return vector;
  }

  /** The elements are aligned; the length stands before them. */
  #vector(bytes: Uint8Array, length: number, alignment: number): number {
    const elements = this.#append(bytes.length, Math.max(alignment, WORD), WORD);
    this.#bytes.writeUInt32LE(length, elements - WORD);
    this.#bytes.set(bytes, elements);
    return elements - WORD;
  }

  /** Zeros; `before` of them come ahead of the place that is returned and aligned. */
  #append(bytes: number, alignment: number, before = 0): number {
    const at = Math.ceil((this.#length + before) / alignment) * alignment;
    this.#length = at + bytes;
    if (this.#length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
    }
    return at;
  }
}

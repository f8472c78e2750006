/** Thrown by {@link ByteReader} when the bytes end early. */
export class OutOfBytes extends Error {}

/** Reads little-endian values one after the other and never past the end. */
export class ByteReader {
  offset = 0;
  private readonly view: DataView;

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  get remaining(): number {
    return this.source.length - this.offset;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  f64BigEndian(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.take(length);
    return this.source.subarray(start, start + length);
  }

  text(length: number): string {
    return new TextDecoder('utf-8').decode(this.bytes(length));
  }

  latin1(length: number): string {
    return Buffer.from(this.bytes(length)).toString('latin1');
  }

  /** The text up to the next line feed, which is consumed but not returned. */
  line(): string {
    const end = this.source.indexOf(0x0a, this.offset);
    if (end < 0) throw new OutOfBytes('a line has no end');
    const text = this.text(end - this.offset);
    this.offset = end + 1;
    return text;
  }

  private take(length: number): number {
    if (length > this.remaining) {
      throw new OutOfBytes(`${length} bytes wanted at ${this.offset}, ${this.remaining} left`);
    }
    const start = this.offset;
    this.offset += length;
    return start;
  }
}

import { Transform, type TransformCallback } from 'node:stream';

/**
 * Passes an MQTT byte stream through. Fails as soon as a fixed header announces a packet of more
 * than `maxBytes`, before its payload is buffered (MQTT 5, section 2.1).
 */
export class PacketGuard extends Transform {
  readonly #maxBytes: number;
  /** Bytes of the current packet that are still to come. */
  #toSkip = 0;
  /** Bytes of the fixed header seen so far: 0 = the next byte is a packet type. */
  #headerBytes = 0;
  #length = 0;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    for (let i = 0; i < chunk.length; ) {
      if (this.#toSkip > 0) {
        const skipped = Math.min(this.#toSkip, chunk.length - i);
        this.#toSkip -= skipped;
        i += skipped;
        continue;
      }
      const byte = chunk[i++]!;
      if (this.#headerBytes++ === 0) {
        this.#length = 0;
        continue;
      }
      // Variable byte integer: seven bits a byte, least significant first, at most four.
      this.#length += (byte & 0x7f) * 128 ** (this.#headerBytes - 2);
      if (this.#length > this.#maxBytes || this.#headerBytes > 5) {
        done(new Error(`packet larger than ${this.#maxBytes} bytes`));
        return;
      }
      if ((byte & 0x80) === 0) {
        this.#toSkip = this.#length;
        this.#headerBytes = 0;
      }
    }
    done(null, chunk);
  }
}

import { HeadlandError } from '../../../base/errors.js';
import type { CapturedPicture } from '../../camera.js';
import { isWholeJpeg } from '../jpeg/jpeg-stream.js';

/** "HLJ1": frames of this format, version 1. */
const MAGIC = 0x48_4c_4a_31;
const HEADER_BYTES = 16;
const MICROSECONDS_PER_MS = 1_000n;
/** The end of the year 9999, microseconds: what a date of JavaScript and of ISO 8601 can hold. */
const LATEST_MICROSECONDS = 253_402_300_799_999_999n;

interface Header {
  /** Unix time, milliseconds; null: the sender does not know it. */
  capturedAtMs: number | null;
  image: Buffer;
}

/**
 * Reads the frames that another program sends: a header of 16 bytes, all big-endian, then a JPEG.
 *
 * | bytes | content |
 * | --- | --- |
 * | 0–3 | `HLJ1` in ASCII |
 * | 4–7 | length of the JPEG, bytes, unsigned |
 * | 8–15 | Unix time of capture, microseconds, unsigned; 0: not known |
 *
 * What follows a wrong header cannot be understood, so the whole stream is refused. A frame whose image
 * is no complete JPEG is counted and left out.
 */
export class FrameReader {
  readonly #maxImageBytes: number;
  readonly #start = Buffer.alloc(HEADER_BYTES);
  #header: Header | null = null;
  /** Bytes received of the header, or of the image. */
  #have = 0;
  #invalidPictures = 0;

  /** @param maxImageBytes memory that a sender can take up */
  constructor(maxImageBytes: number) {
    this.#maxImageBytes = maxImageBytes;
  }

  /** Frames without a complete JPEG, including one that the stream broke off. */
  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * @returns the images that are complete now, in their order
   * @throws HeadlandError HL_CAMERA_FRAMING_REFUSED; nothing more can be read then
   */
  push(chunk: Uint8Array): CapturedPicture[] {
    const pictures: CapturedPicture[] = [];
    let position = 0;
    while (position < chunk.length) {
      const target = this.#header?.image ?? this.#start;
      const part = chunk.subarray(position, position + target.length - this.#have);
      target.set(part, this.#have);
      position += part.length;
      this.#have += part.length;
      if (this.#have < target.length) break;
      this.#have = 0;
      const picture = this.#header === null ? this.#begin() : this.#finish(this.#header);
      if (picture !== null) pictures.push(picture);
    }
    return pictures;
  }

  /** The stream has ended. */
  end(): void {
    if (this.#header !== null || this.#have > 0) this.#invalidPictures += 1;
    this.#header = null;
    this.#have = 0;
  }

  #begin(): null {
    const start = this.#start;
    if (start.readUInt32BE(0) !== MAGIC) {
      throw refused(`a frame begins with ${hex(start.subarray(0, 4))} instead of "HLJ1"`);
    }
    const imageBytes = start.readUInt32BE(4);
    if (imageBytes === 0) throw refused('the length of a frame is 0');
    if (imageBytes > this.#maxImageBytes) {
      throw refused(
        `the length of a frame is ${imageBytes} bytes; maxImageBytes is ${this.#maxImageBytes}`,
      );
    }
    const atMicroseconds = start.readBigUInt64BE(8);
    if (atMicroseconds > LATEST_MICROSECONDS) {
      throw refused(`the time of a frame is ${atMicroseconds} µs, after the year 9999`);
    }
    this.#header = {
      capturedAtMs: atMicroseconds === 0n ? null : Number(atMicroseconds / MICROSECONDS_PER_MS),
      image: Buffer.allocUnsafe(imageBytes),
    };
    return null;
  }

  #finish({ capturedAtMs, image }: Header): CapturedPicture | null {
    this.#header = null;
    if (!isWholeJpeg(image)) {
      this.#invalidPictures += 1;
      return null;
    }
    return capturedAtMs === null ? { jpeg: image } : { jpeg: image, capturedAtMs };
  }
}

function refused(why: string): HeadlandError {
  return new HeadlandError('HL_CAMERA_FRAMING_REFUSED', why, {
    remedy:
      'Send frames as docs/guides/cameras.md describes: HLJ1, length and time as big-endian numbers, then the JPEG. Raise maxImageBytes for larger images.',
  });
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

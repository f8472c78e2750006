const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const DQT = 0xdb;
const DRI = 0xdd;
/** Start-of-frame markers: C0 to CF without DHT (C4), JPG (C8) and DAC (CC). */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
const standsAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
/** APPn and COM: may hold anything, thumbnails too. */
const isApplicationData = (marker: number) => (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
const PICTURE_START = Buffer.from([0xff, SOI, 0xff]);

/**
 * Whether a segment (from its length field on) extends into the next picture, which happens when
 * its own picture was truncated within it. Frame headers, scan headers and Huffman tables never
 * contain the start bytes of a picture, nor end with part of them. A valid quantisation table may
 * contain the three bytes, but never a zero, which follows them in a real picture; the last two
 * values of such a table, or a restart interval, may even equal SOI.
 */
function swallowsPicture(marker: number, segment: Buffer): boolean {
  const start = segment.indexOf(PICTURE_START);
  if (marker === DQT) return start >= 0 && segment.includes(0, start);
  if (start >= 0 || marker === DRI) return start >= 0;
  return segment.at(-1) === 0xff || (segment.at(-2) === 0xff && segment.at(-1) === SOI);
}

/** This many bytes without any picture count as one broken picture. */
const GARBAGE_BYTES_PER_PICTURE = 65_536;

type State = 'seek' | 'header' | 'scan';

/**
 * Splits a stream of concatenated JPEGs into pictures. It parses the marker segments (ITU-T T.81,
 * annex B) and so handles EXIF thumbnails, restart markers, fill bytes, progressive scans and bytes
 * between pictures. A truncated, oversized or malformed picture is dropped and counted, and the
 * search resumes where the next picture may start. (A picture that is truncated inside application
 * data, near its beginning, can hide the start of the next one.)
 *
 * Some cameras send buffers that are larger than the picture in them: bytes after a complete
 * picture, zeros or the rest of an older one, do not count as damage.
 *
 * Memory: at most twice the sum of `maxPictureBytes` and one chunk.
 */
export class JpegSplitter {
  readonly #maxPictureBytes: number;
  #data = Buffer.alloc(0);
  #length = 0;
  /** First byte of the current picture (in state `seek`: first byte not yet searched). */
  #start = 0;
  #position = 0;
  /** Start of the segment before `position`; only a marker after it confirms its length. */
  #segment = 0;
  #state: State = 'seek';
  #frameHeaderSeen = false;
  #garbageBytes = 0;
  /** Bytes that may still follow the last complete picture without counting as damage. */
  #freeBytes = 0;
  #invalidPictures = 0;
  #damagedPictures = 0;

  constructor(maxPictureBytes: number) {
    this.#maxPictureBytes = maxPictureBytes;
  }

  /** Broken pictures so far; every 64 KiB of garbage, as {@link #skip} counts it, are one more. */
  get invalidPictures(): number {
    return this.#invalidPictures + Math.floor(this.#garbageBytes / GARBAGE_BYTES_PER_PICTURE);
  }

  /** Invalid pictures that have a frame header: the source sends JPEGs, but damaged ones. */
  get damagedPictures(): number {
    return this.#damagedPictures;
  }

  /** Adds bytes. @returns the pictures that they complete, as copies */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#append(chunk);
    const pictures: Uint8Array[] = [];
    while (this.#step(pictures));
    return pictures;
  }

  /** Ends the stream: an incomplete picture is dropped and counted. */
  end(): void {
    if (this.#state !== 'seek') this.#reject(this.#length);
    else this.#skip(this.#length - this.#start);
    this.#length = this.#start = this.#position = 0;
  }

  #append(chunk: Uint8Array): void {
    const kept = this.#length - this.#start;
    if (this.#length + chunk.length > this.#data.length) {
      const needed = kept + chunk.length;
      const target = needed * 2 > this.#data.length ? Buffer.allocUnsafe(needed * 2) : this.#data;
      this.#data.copy(target, 0, this.#start, this.#length);
      this.#data = target;
      this.#position -= this.#start;
      this.#segment -= this.#start;
      this.#start = 0;
      this.#length = kept;
    }
    this.#data.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  /** Advances by one step; false when more bytes are needed. */
  #step(pictures: Uint8Array[]): boolean {
    if (this.#state === 'seek') return this.#seek();
    if (this.#position - this.#start > this.#maxPictureBytes) {
      this.#reject(this.#position);
      return true;
    }
    return this.#state === 'header' ? this.#header(pictures) : this.#scan(pictures);
  }

  #seek(): boolean {
    for (;;) {
      const found = this.#data.subarray(0, this.#length).indexOf(0xff, this.#start);
      const next = found < 0 ? this.#length : found;
      this.#skip(next - this.#start);
      this.#start = this.#position = next;
      if (next + 2 >= this.#length) return false;
      if (this.#data[next + 1] === SOI && this.#data[next + 2] === 0xff) {
        this.#position = next + 2;
        this.#segment = next;
        this.#state = 'header';
        this.#frameHeaderSeen = false;
        return true;
      }
      this.#skip(1);
      this.#start = next + 1;
    }
  }

  /** Counts bytes outside pictures as garbage, beyond those allowed after a picture. */
  #skip(bytes: number): void {
    const free = Math.min(bytes, this.#freeBytes);
    this.#freeBytes -= free;
    this.#garbageBytes += bytes - free;
  }

  /** Parses a marker segment and moves past it. */
  #header(pictures: Uint8Array[]): boolean {
    const at = this.#position;
    if (at + 1 >= this.#length) return false;
    const marker = this.#data[at + 1]!;
    if (this.#data[at] !== 0xff || (marker < 0xc0 && marker !== 0x01)) {
      return this.#reject(this.#segment + 2);
    }
    if (marker === SOI) return this.#reject(at);
    if (marker === EOI) return this.#finish(pictures);
    if (marker === 0xff || standsAlone(marker)) {
      this.#position += marker === 0xff ? 1 : 2;
      return true;
    }
    return this.#segmentAt(at, marker);
  }

  /** Steps over a segment with a length, which must not run into the next picture. */
  #segmentAt(at: number, marker: number): boolean {
    if (at + 4 >= this.#length) return false;
    const end = at + 2 + this.#data.readUInt16BE(at + 2);
    const scanWithoutFrame = marker === SOS && !this.#frameHeaderSeen;
    const startsPicture = this.#data.subarray(at + 2, at + 5).equals(PICTURE_START);
    if (end < at + 4 || scanWithoutFrame || startsPicture) return this.#reject(at + 2);
    if (!isApplicationData(marker)) {
      if (end > this.#length) return false;
      if (swallowsPicture(marker, this.#data.subarray(at + 2, end))) return this.#reject(at + 2);
    }
    if (isFrameHeader(marker)) this.#frameHeaderSeen = true;
    if (marker === SOS) this.#state = 'scan';
    this.#segment = at;
    this.#position = end;
    return true;
  }

  /** Skips entropy-coded data, in which 00 or a restart marker follows every FF. */
  #scan(pictures: Uint8Array[]): boolean {
    const data = this.#data.subarray(0, this.#length);
    for (;;) {
      const found = data.indexOf(0xff, this.#position);
      if (found < 0 || found + 1 >= this.#length) {
        this.#position = Math.max(this.#position, found < 0 ? this.#length : found);
        return this.#position - this.#start > this.#maxPictureBytes;
      }
      const marker = data[found + 1]!;
      this.#position = found;
      if (marker === EOI) return this.#finish(pictures);
      if (marker === SOI) return this.#reject(found);
      if (marker === 0xff) this.#position += 1;
      else if (marker === 0x00 || standsAlone(marker)) this.#position += 2;
      else {
        this.#state = 'header';
        return true;
      }
    }
  }

  /** Completes the picture at its EOI marker. */
  #finish(pictures: Uint8Array[]): true {
    const end = this.#position + 2;
    if (!this.#frameHeaderSeen || end - this.#start > this.#maxPictureBytes) {
      return this.#reject(end);
    }
    pictures.push(new Uint8Array(this.#data.subarray(this.#start, end)));
    this.#freeBytes = this.#maxPictureBytes;
    this.#state = 'seek';
    this.#start = this.#position = end;
    return true;
  }

  /** Drops the picture and searches for the next one from `from` on. */
  #reject(from: number): true {
    this.#invalidPictures += 1;
    if (this.#frameHeaderSeen) this.#damagedPictures += 1;
    this.#state = 'seek';
    this.#start = this.#position = Math.min(from, this.#length);
    return true;
  }
}

/** Whether `bytes` are exactly one complete JPEG; trailing padding is allowed. */
export function isWholeJpeg(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return false;
  const splitter = new JpegSplitter(bytes.length);
  return splitter.push(bytes).length === 1 && splitter.invalidPictures === 0;
}

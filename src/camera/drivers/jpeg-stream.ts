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
 * Whether a table or header (from its length on) runs into the next picture, as it does when its own
 * picture was cut off in it. Frame and scan headers and Huffman tables never hold the start of a
 * picture, nor end with part of it. A quantisation table may hold the three bytes, but no zero after
 * them; the last two values of it, or a restart interval, may even be the next picture's SOI.
 */
function swallowsPicture(marker: number, segment: Buffer): boolean {
  const start = segment.indexOf(PICTURE_START);
  if (marker === DQT) return start >= 0 && segment.includes(0, start);
  if (start >= 0 || marker === DRI) return start >= 0;
  return segment.at(-1) === 0xff || (segment.at(-2) === 0xff && segment.at(-1) === SOI);
}

/** So many bytes without any picture are as good as one broken picture. */
const GARBAGE_BYTES_PER_PICTURE = 65_536;

type State = 'seek' | 'header' | 'scan';

/**
 * Cuts a byte stream of JPEGs, one after the other, into pictures. It follows the marker segments
 * (ITU-T T.81, annex B), so a thumbnail inside EXIF, restart markers, fill bytes, progressive scans
 * and bytes between pictures do not confuse it. A picture that is cut off, too large or malformed
 * is dropped and counted, and the search begins again where the next picture may start. (One that is
 * cut off inside application data, its first few bytes, can hide the start of the next.)
 *
 * Cameras hand on buffers that are larger than the picture in them: what follows a whole picture,
 * zeros or the rest of an older one, is no damage.
 *
 * Memory: never more than `maxPictureBytes` and one chunk, doubled.
 */
export class JpegSplitter {
  readonly #maxPictureBytes: number;
  #data = Buffer.alloc(0);
  #length = 0;
  /** First byte of the picture being read (in state `seek`: first byte not yet searched). */
  #start = 0;
  #position = 0;
  /** The segment before `position`: its length is proven only by a marker after it. */
  #segment = 0;
  #state: State = 'seek';
  #frameHeaderSeen = false;
  #garbageBytes = 0;
  /** So much may follow the last whole picture without being damage. */
  #freeBytes = 0;
  #invalidPictures = 0;
  #damagedPictures = 0;

  constructor(maxPictureBytes: number) {
    this.#maxPictureBytes = maxPictureBytes;
  }

  /** Broken pictures so far; before the first whole one, 64 KiB that belong to none count as one. */
  get invalidPictures(): number {
    return this.#invalidPictures + Math.floor(this.#garbageBytes / GARBAGE_BYTES_PER_PICTURE);
  }

  /** Of the invalid pictures, those with a frame header: the source sends JPEGs, but damages them. */
  get damagedPictures(): number {
    return this.#damagedPictures;
  }

  /** Adds the next bytes; returns the pictures that they complete, each in its own memory. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#append(chunk);
    const pictures: Uint8Array[] = [];
    while (this.#step(pictures));
    return pictures;
  }

  /** No more bytes will come: what is unfinished is dropped and counted. */
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

  /** Moves on as far as the bytes at hand allow; false when more are needed. */
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

  /** Bytes that belong to no picture; a buffer is never larger than the largest picture. */
  #skip(bytes: number): void {
    const free = Math.min(bytes, this.#freeBytes);
    this.#freeBytes -= free;
    this.#garbageBytes += bytes - free;
  }

  /** At a marker segment: reads its length and steps over it. */
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

  /** In entropy-coded data: FF is followed by 00 or a restart marker until the scan is over. */
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

  /** At the EOI marker. */
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

  /** Gives the picture up and seeks the next one from `from` on. */
  #reject(from: number): true {
    this.#invalidPictures += 1;
    if (this.#frameHeaderSeen) this.#damagedPictures += 1;
    this.#state = 'seek';
    this.#start = this.#position = Math.min(from, this.#length);
    return true;
  }
}

/** Whether `bytes` are one whole JPEG from its first to its last byte (trailing padding allowed). */
export function isWholeJpeg(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return false;
  const splitter = new JpegSplitter(bytes.length);
  return splitter.push(bytes).length === 1 && splitter.invalidPictures === 0;
}

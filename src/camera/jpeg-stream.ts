const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
/** Start-of-frame markers: C0 to CF without DHT (C4), JPG (C8) and DAC (CC). */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
const standsAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
/** So many bytes without the start of a picture are as good as one broken picture. */
const GARBAGE_BYTES_PER_PICTURE = 65_536;

type State = 'seek' | 'header' | 'scan';

/**
 * Cuts a byte stream of JPEGs, one after the other, into pictures. It follows the marker segments
 * (ITU-T T.81, annex B), so a thumbnail inside EXIF, restart markers, fill bytes, progressive scans
 * and bytes between pictures do not confuse it. A picture that is cut off, too large or malformed
 * is dropped and counted, and the search begins again where the next picture may start.
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
  #state: State = 'seek';
  #frameHeaderSeen = false;
  #garbageBytes = 0;
  #invalidPictures = 0;

  constructor(maxPictureBytes: number) {
    this.#maxPictureBytes = maxPictureBytes;
  }

  /** Broken pictures so far; each 64 KiB that belong to no picture count as one. */
  get invalidPictures(): number {
    return this.#invalidPictures + Math.floor(this.#garbageBytes / GARBAGE_BYTES_PER_PICTURE);
  }

  /** Adds the next bytes; returns the pictures that they complete, each in its own memory. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#append(chunk);
    const pictures: Uint8Array[] = [];
    while (this.#step(pictures));
    return pictures;
  }

  /** No more bytes will come: what is unfinished is dropped and counted, what hides in it is found. */
  end(): Uint8Array[] {
    const pictures: Uint8Array[] = [];
    while (this.#state !== 'seek') {
      this.#reject(this.#state === 'scan' ? this.#length : this.#start + 2);
      while (this.#step(pictures));
    }
    this.#garbageBytes += this.#length - this.#start;
    this.#length = this.#start = this.#position = 0;
    return pictures;
  }

  #append(chunk: Uint8Array): void {
    const kept = this.#length - this.#start;
    if (this.#length + chunk.length > this.#data.length) {
      const needed = kept + chunk.length;
      const target = needed * 2 > this.#data.length ? Buffer.allocUnsafe(needed * 2) : this.#data;
      this.#data.copy(target, 0, this.#start, this.#length);
      this.#data = target;
      this.#position -= this.#start;
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
      this.#garbageBytes += next - this.#start;
      this.#start = this.#position = next;
      if (next + 2 >= this.#length) return false;
      if (this.#data[next + 1] === SOI && this.#data[next + 2] === 0xff) {
        this.#position = next + 2;
        this.#state = 'header';
        this.#frameHeaderSeen = false;
        return true;
      }
      this.#garbageBytes += 1;
      this.#start = next + 1;
    }
  }

  /** At a marker segment: reads its length and steps over it. */
  #header(pictures: Uint8Array[]): boolean {
    if (this.#position + 1 >= this.#length) return false;
    if (this.#data[this.#position] !== 0xff) return this.#reject(this.#start + 2);
    const marker = this.#data[this.#position + 1]!;
    if (marker === 0xff) {
      this.#position += 1;
      return true;
    }
    if (marker === SOI) return this.#reject(this.#position);
    if (marker === EOI) return this.#finish(pictures);
    if (standsAlone(marker)) {
      this.#position += 2;
      return true;
    }
    if (this.#position + 3 >= this.#length) return false;
    const segmentBytes = this.#data.readUInt16BE(this.#position + 2);
    const scanWithoutFrame = marker === SOS && !this.#frameHeaderSeen;
    if (marker < 0xc0 || segmentBytes < 2 || scanWithoutFrame) return this.#reject(this.#start + 2);
    if (isFrameHeader(marker)) this.#frameHeaderSeen = true;
    if (marker === SOS) this.#state = 'scan';
    this.#position += 2 + segmentBytes;
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
    this.#state = 'seek';
    this.#start = this.#position = end;
    return true;
  }

  /** Gives the picture up and seeks the next one from `from` on. */
  #reject(from: number): true {
    this.#invalidPictures += 1;
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

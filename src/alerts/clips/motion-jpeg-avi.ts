/** A JPEG of a video. */
export interface VideoFrame {
  jpeg: Uint8Array;
  /** Time, milliseconds; frames are in ascending order. */
  atMs: number;
}

export interface PictureSize {
  width: number;
  height: number;
}

/** Length of a tick of the video. Frames that come faster than one a tick are left out. */
const TICK_MS = 20;
/** A longer pause between two frames is shown as this: a camera may have been lost for hours. */
const MAX_GAP_MS = 5_000;
/** Flags of AVIMAINHEADER: the file has an index. */
const HAS_INDEX = 0x10;
/** Flags of an index entry: the frame can be shown by itself. */
const KEY_FRAME = 0x10;
const MAIN_HEADER_BYTES = 56;
const STREAM_HEADER_BYTES = 56;
const BITMAP_HEADER_BYTES = 40;
/** Name and length of a chunk. */
const CHUNK_HEADER_BYTES = 8;

export interface Video {
  /** The file, in parts: the pictures are those of the frames, not copies. */
  parts: Uint8Array[];
  bytes: number;
  /** Number of frames that it shows. */
  frames: number;
  durationMs: number;
}

/**
 * A Motion-JPEG video in an AVI file, which VLC, ffmpeg and most players show. Each frame keeps its
 * time, to 20 ms: an AVI has a fixed rate, and a tick without a frame is an empty chunk, which players
 * take as "the picture before". A pause of more than 5 s is shortened to that. Frames that are no JPEG,
 * or have another size than the first, are left out.
 * @returns null when there is no frame to show
 */
export function motionJpegAvi(frames: readonly VideoFrame[]): Video | null {
  const shown = sameSize(frames);
  const [first] = shown;
  if (!first) return null;
  const ticks = ticksOf(shown.map(({ frame }) => frame));
  const sizes = ticks.map((jpeg) => jpeg?.byteLength ?? 0);
  const chunkBytes = sizes.map((size) => CHUNK_HEADER_BYTES + size + (size % 2));
  const movieBytes = chunkBytes.reduce((sum, bytes) => sum + bytes, 4);
  const largestBytes = chunkBytes.reduce((most, bytes) => Math.max(most, bytes), 0);
  const head = headers(first.size, ticks.length, largestBytes);
  const index = indexOf(sizes, chunkBytes);
  const riffBytes = 4 + head.byteLength + CHUNK_HEADER_BYTES + movieBytes + index.byteLength;
  const start = [
    chunkHeader('RIFF', riffBytes),
    Buffer.from('AVI ', 'latin1'),
    head,
    chunkHeader('LIST', movieBytes),
    Buffer.from('movi', 'latin1'),
  ];
  return {
    parts: partsOf(start, ticks, index),
    bytes: CHUNK_HEADER_BYTES + riffBytes,
    frames: ticks.filter((jpeg) => jpeg !== null).length,
    durationMs: ticks.length * TICK_MS,
  };
}

/** Width and height of a JPEG, from its frame header; null: these bytes are no JPEG. */
export function jpegSize(jpeg: Uint8Array): PictureSize | null {
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return null;
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  for (let at = 2; at + 9 <= jpeg.byteLength; ) {
    const marker = jpeg[at + 1]!;
    if (jpeg[at] !== 0xff) return null;
    if (marker === 0xff) {
      at += 1; // Fill bytes may precede a marker.
      continue;
    }
    if (marker === 0xda) return null;
    const isFrameHeader =
      marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrameHeader) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

function sameSize(frames: readonly VideoFrame[]): { frame: VideoFrame; size: PictureSize }[] {
  const sized = frames.flatMap((frame) => {
    const size = jpegSize(frame.jpeg);
    return size ? [{ frame, size }] : [];
  });
  const first = sized[0]?.size;
  return sized.filter(({ size }) => size.width === first?.width && size.height === first.height);
}

/** The picture of each tick; null where no frame comes. */
function ticksOf(frames: readonly VideoFrame[]): (Uint8Array | null)[] {
  const ticks: (Uint8Array | null)[] = [];
  let shownMs = 0;
  let lastMs = frames[0]?.atMs ?? 0;
  for (const { jpeg, atMs } of frames) {
    shownMs += Math.min(atMs - lastMs, MAX_GAP_MS);
    lastMs = atMs;
    const tick = Math.round(shownMs / TICK_MS);
    if (tick < ticks.length) continue;
    while (ticks.length < tick) ticks.push(null);
    ticks.push(jpeg);
  }
  return ticks;
}

/** What stands between two pictures is one part, so that the file takes few writes. */
function partsOf(
  start: readonly Buffer[],
  ticks: readonly (Uint8Array | null)[],
  index: Buffer,
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let between = [...start];
  for (const jpeg of ticks) {
    between.push(chunkHeader('00dc', jpeg?.byteLength ?? 0));
    if (jpeg === null) continue;
    parts.push(Buffer.concat(between), jpeg);
    between = [Buffer.alloc(jpeg.byteLength % 2)];
  }
  parts.push(Buffer.concat([...between, index]));
  return parts;
}

function headers(size: PictureSize, ticks: number, maxChunkBytes: number): Buffer {
  return list('hdrl', [
    chunk('avih', mainHeader(size, ticks, maxChunkBytes)),
    list('strl', [
      chunk('strh', streamHeader(size, ticks, maxChunkBytes)),
      chunk('strf', bitmapHeader(size)),
    ]),
  ]);
}

/** AVIMAINHEADER without its chunk header. */
function mainHeader({ width, height }: PictureSize, ticks: number, maxChunkBytes: number): Buffer {
  const bytes = Buffer.alloc(MAIN_HEADER_BYTES);
  bytes.writeUInt32LE(TICK_MS * 1_000, 0);
  bytes.writeUInt32LE(HAS_INDEX, 12);
  bytes.writeUInt32LE(ticks, 16);
  bytes.writeUInt32LE(1, 24);
  bytes.writeUInt32LE(maxChunkBytes, 28);
  bytes.writeUInt32LE(width, 32);
  bytes.writeUInt32LE(height, 36);
  return bytes;
}

/** AVISTREAMHEADER without its chunk header: a rate of 1000 / TICK_MS. */
function streamHeader(
  { width, height }: PictureSize,
  ticks: number,
  maxChunkBytes: number,
): Buffer {
  const bytes = Buffer.alloc(STREAM_HEADER_BYTES);
  bytes.write('vidsMJPG', 0, 'latin1');
  bytes.writeUInt32LE(TICK_MS, 20);
  bytes.writeUInt32LE(1_000, 24);
  bytes.writeUInt32LE(ticks, 32);
  bytes.writeUInt32LE(maxChunkBytes, 36);
  bytes.writeInt32LE(-1, 40);
  bytes.writeUInt16LE(width, 52);
  bytes.writeUInt16LE(height, 54);
  return bytes;
}

/** BITMAPINFOHEADER. */
function bitmapHeader({ width, height }: PictureSize): Buffer {
  const bytes = Buffer.alloc(BITMAP_HEADER_BYTES);
  bytes.writeUInt32LE(BITMAP_HEADER_BYTES, 0);
  bytes.writeInt32LE(width, 4);
  bytes.writeInt32LE(height, 8);
  bytes.writeUInt16LE(1, 12);
  bytes.writeUInt16LE(24, 14);
  bytes.write('MJPG', 16, 'latin1');
  bytes.writeUInt32LE(3 * width * height, 20);
  return bytes;
}

/** Offsets count from the word `movi`. */
function indexOf(sizes: readonly number[], chunkBytes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(16 * sizes.length);
  let offset = 4;
  for (const [at, size] of sizes.entries()) {
    bytes.write('00dc', 16 * at, 'latin1');
    bytes.writeUInt32LE(size > 0 ? KEY_FRAME : 0, 16 * at + 4);
    bytes.writeUInt32LE(offset, 16 * at + 8);
    bytes.writeUInt32LE(size, 16 * at + 12);
    offset += chunkBytes[at]!;
  }
  return chunk('idx1', bytes);
}

function list(kind: string, parts: readonly Buffer[]): Buffer {
  return chunk('LIST', Buffer.concat([Buffer.from(kind, 'latin1'), ...parts]));
}

/** @param content of even length */
function chunk(name: string, content: Uint8Array): Buffer {
  return Buffer.concat([chunkHeader(name, content.byteLength), content]);
}

function chunkHeader(name: string, contentBytes: number): Buffer {
  const bytes = Buffer.alloc(CHUNK_HEADER_BYTES);
  bytes.write(name, 0, 'latin1');
  bytes.writeUInt32LE(contentBytes, 4);
  return bytes;
}

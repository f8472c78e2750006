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
/** Flags of AVIMAINHEADER: the file has an index. */
const HAS_INDEX = 0x10;
/** Flags of an index entry: the frame can be shown by itself. */
const KEY_FRAME = 0x10;
const MAIN_HEADER_BYTES = 56;
const STREAM_HEADER_BYTES = 56;
const BITMAP_HEADER_BYTES = 40;

/**
 * A Motion-JPEG video in an AVI file, which VLC, ffmpeg and most players show. Each frame keeps its
 * time, to 20 ms: an AVI has a fixed rate, and a tick without a frame is an empty chunk, which players
 * take as "the picture before". Frames that are no JPEG, or have another size than the first, are left
 * out.
 * @returns null when there is no frame to show
 */
export function motionJpegAvi(
  frames: readonly VideoFrame[],
): { bytes: Buffer; frames: number; durationMs: number } | null {
  const shown = sameSize(frames);
  const [first] = shown;
  if (!first) return null;
  const { chunks, frames: count } = chunksOf(shown.map(({ frame }) => frame));
  const movie = list('movi', chunks);
  const bytes = riff('AVI ', [
    headers(first.size, chunks.length, Math.max(...chunks.map(({ byteLength }) => byteLength))),
    movie,
    index(chunks),
  ]);
  return { bytes, frames: count, durationMs: chunks.length * TICK_MS };
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

/** One chunk a tick, empty where no frame comes. */
function chunksOf(frames: readonly VideoFrame[]): { chunks: Buffer[]; frames: number } {
  const startMs = frames[0]!.atMs;
  const chunks: Buffer[] = [];
  let count = 0;
  for (const { jpeg, atMs } of frames) {
    const tick = Math.round((atMs - startMs) / TICK_MS);
    if (tick < chunks.length) continue;
    while (chunks.length < tick) chunks.push(chunk('00dc', new Uint8Array()));
    chunks.push(chunk('00dc', jpeg));
    count += 1;
  }
  return { chunks, frames: count };
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
function index(chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.alloc(16 * chunks.length);
  let offset = 4;
  for (const [at, { byteLength }] of chunks.entries()) {
    bytes.write('00dc', 16 * at, 'latin1');
    bytes.writeUInt32LE(byteLength > 8 ? KEY_FRAME : 0, 16 * at + 4);
    bytes.writeUInt32LE(offset, 16 * at + 8);
    bytes.writeUInt32LE(chunks[at]!.readUInt32LE(4), 16 * at + 12);
    offset += byteLength;
  }
  return chunk('idx1', bytes);
}

function list(kind: string, parts: readonly Buffer[]): Buffer {
  return chunk('LIST', Buffer.concat([Buffer.from(kind, 'latin1'), ...parts]));
}

function riff(kind: string, parts: readonly Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from(kind, 'latin1'), ...parts]));
}

/** Name, length and content, padded to an even length. */
function chunk(name: string, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(8 + content.byteLength + (content.byteLength % 2));
  bytes.write(name, 0, 'latin1');
  bytes.writeUInt32LE(content.byteLength, 4);
  bytes.set(content, 8);
  return bytes;
}

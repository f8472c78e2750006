import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';

/**
 * What the log of a database holds. `lost`: it held transactions that were acknowledged and cannot be read
 * any more, in words; null: nothing is known to be missing.
 */
export interface LogContent {
  /** The newest frame of each page, as an offset of its content in the file. */
  pages: ReadonlyMap<number, number>;
  /** Pages of the database after the newest transaction; null: the log holds none. */
  pageCount: number | null;
  pageBytes: number | null;
  lost: string | null;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
const EMPTY: LogContent = { pages: new Map(), pageCount: null, pageBytes: null, lost: null };

interface Frame {
  page: number;
  /** Pages of the database after the transaction that this frame ends; 0: it ends none. */
  commit: number;
  offset: number;
  /** Its checksum follows from that of the frame before it. */
  sound: boolean;
  /** It belongs to the newest run of the log, not to one before it. */
  current: boolean;
}

interface Header {
  pageBytes: number;
  bigEndian: boolean;
  salts: Buffer;
  checksum: readonly [number, number];
  sound: boolean;
}

/** What the index of the log (`-shm`) says was acknowledged. */
interface Acknowledged {
  frames: number;
  /** Frames that are in the database file by now. */
  moved: number;
  salts: Buffer;
}

/**
 * Reads the log beside a database. SQLite ends at the first frame that does not follow from the one before
 * it, and says nothing; here every sound frame up to the newest transaction counts, because each can be
 * checked by itself.
 * @param pageBytes of the database; null: not known
 */
export function readLog(databasePath: string, pageBytes: number | null): LogContent {
  // First: frames are written before the index names them.
  const acknowledged = readIndex(`${databasePath}-shm`);
  const path = `${databasePath}-wal`;
  const bytes = sizeOf(path);
  const missing = acknowledged !== null && acknowledged.frames > acknowledged.moved;
  if (bytes < HEADER_BYTES) {
    const lost = missing ? `${acknowledged.frames - acknowledged.moved} pages of the log` : null;
    return { ...EMPTY, lost };
  }
  const file = openSync(path, 'r');
  try {
    const header = readHeader(file, bytes, pageBytes);
    if (header === null) return EMPTY;
    const frames = readFrames(file, bytes, header);
    return contentOf(frames, header, acknowledged);
  } finally {
    closeSync(file);
  }
}

function contentOf(
  frames: readonly Frame[],
  header: Header,
  acknowledged: Acknowledged | null,
): LogContent {
  const firstBad = frames.findIndex(({ sound, current }) => !sound || !current);
  const chain = firstBad === -1 ? frames.length : firstBad;
  // In the order of the file: the newest transaction that is whole, or of which later ones tell.
  const commits = frames.flatMap((frame, at) => (frame.current && frame.commit > 0 ? [at] : []));
  const soundCommits = commits.filter((at) => at < chain);
  const beyond = commits.filter((at) => at >= chain);
  const same = acknowledged?.salts.equals(header.salts) === true;
  const lastAcknowledged = same ? acknowledged.frames : 0;
  // A transaction is written after the one before it is on the disk: of two, the first was acknowledged.
  const damaged = !header.sound
    ? frames.some(({ current, sound }) => current && sound)
    : beyond.length >= 2 ||
      (same &&
        lastAcknowledged > (soundCommits.at(-1) ?? -1) + 1 &&
        lastAcknowledged > acknowledged.moved);
  const end = damaged ? (commits.at(-1) ?? -1) : (soundCommits.at(-1) ?? -1);
  const pages = new Map<number, number>();
  frames.slice(0, end + 1).forEach(({ page, offset, sound, current }) => {
    if (sound && current && page > 0) pages.set(page, offset);
  });
  const known = Math.max(lastAcknowledged, (beyond.at(-1) ?? -1) + 1, header.sound ? 0 : end + 1);
  const read = frames.slice(0, end + 1).filter(({ sound, current }) => sound && current).length;
  return {
    pages,
    pageCount: end < 0 ? null : (frames[end]?.commit ?? null),
    pageBytes: header.pageBytes,
    lost: damaged ? `${Math.max(known - read, 0)} of ${known} pages of the log` : null,
  };
}

function readHeader(file: number, bytes: number, pageBytes: number | null): Header | null {
  const raw = Buffer.alloc(HEADER_BYTES);
  readSync(file, raw, 0, HEADER_BYTES, 0);
  const magic = raw.readUInt32BE(0);
  const bigEndian = (magic & 1) === 1;
  const [first, second] = checksum(raw.subarray(0, 24), bigEndian, [0, 0]);
  const sound =
    magic >>> 1 === MAGIC >>> 1 &&
    first === raw.readUInt32BE(24) &&
    second === raw.readUInt32BE(28) &&
    isPageSize(raw.readUInt32BE(8));
  if (sound) {
    return {
      pageBytes: raw.readUInt32BE(8),
      bigEndian,
      salts: raw.subarray(16, 24),
      checksum: [first, second],
      sound,
    };
  }
  // Without its first bytes: the frames name their run themselves.
  const assumed = pageBytes ?? 4_096;
  const salts = Buffer.alloc(8);
  if (bytes < HEADER_BYTES + FRAME_HEADER_BYTES) return null;
  readSync(file, salts, 0, 8, HEADER_BYTES + 8);
  return { pageBytes: assumed, bigEndian: false, salts, checksum: [0, 0], sound };
}

function readFrames(file: number, bytes: number, header: Header): Frame[] {
  const frameBytes = FRAME_HEADER_BYTES + header.pageBytes;
  const raw = Buffer.alloc(frameBytes);
  const frames: Frame[] = [];
  let before = header.checksum;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes; at += frameBytes) {
    readSync(file, raw, 0, frameBytes, at);
    const current = raw.subarray(8, 16).equals(header.salts);
    const stored: [number, number] = [raw.readUInt32BE(16), raw.readUInt32BE(20)];
    // Frames of an earlier run of the log are not read: there may be many.
    const found = current ? frameChecksum(raw, header.bigEndian, before) : [0, 0];
    const first = frames.length === 0 && !header.sound;
    frames.push({
      page: raw.readUInt32BE(0),
      commit: raw.readUInt32BE(4),
      offset: at + FRAME_HEADER_BYTES,
      // The checksum that the first frame continues is gone with the header.
      sound: current && (first || (found[0] === stored[0] && found[1] === stored[1])),
      current,
    });
    before = stored;
  }
  return frames;
}

function frameChecksum(
  raw: Buffer,
  bigEndian: boolean,
  before: readonly [number, number],
): [number, number] {
  const head = checksum(raw.subarray(0, 8), bigEndian, before);
  return checksum(raw.subarray(FRAME_HEADER_BYTES), bigEndian, head);
}

function checksum(
  bytes: Buffer,
  bigEndian: boolean,
  before: readonly [number, number],
): [number, number] {
  let [first, second] = before;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const one = bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    const other = bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    first = (first + one + second) >>> 0;
    second = (second + other + first) >>> 0;
  }
  return [first, second];
}

function readIndex(path: string): Acknowledged | null {
  let raw: Buffer;
  try {
    raw = readFileSync(path).subarray(0, 136);
  } catch {
    return null;
  }
  // Two copies, equal unless a process ended between them.
  if (raw.length < 100 || !raw.subarray(0, 48).equals(raw.subarray(48, 96))) return null;
  if (raw[12] !== 1) return null;
  return {
    frames: raw.readUInt32LE(16),
    moved: raw.readUInt32LE(96),
    salts: raw.subarray(32, 40),
  };
}

export function isPageSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;
}

function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : 0;
}

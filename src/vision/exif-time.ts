/**
 * Reads when a picture was taken from its EXIF block, and nothing else. A general reader follows
 * whatever counts the block declares, so that 64 kB of hostile EXIF grow to gigabytes; this one
 * visits two directories of a bounded number of entries and three short texts.
 *
 * Format: CIPA DC-008 (Exif 2.32), sections 4.6.2 to 4.6.5.
 */

const EXIF_DIRECTORY = 0x8769;
const DATE_TIME_ORIGINAL = 0x9003;
const OFFSET_TIME_ORIGINAL = 0x9011;
const SUB_SEC_TIME_ORIGINAL = 0x9291;
const TYPE_ASCII = 2;
const TYPE_LONG = 4;
const MAX_ENTRIES = 512;
const MAX_TEXT_BYTES = 64;

/**
 * Unix time of `DateTimeOriginal`, milliseconds, with `SubSecTimeOriginal` and
 * `OffsetTimeOriginal` where they are there. A camera that writes no offset is taken to run on
 * UTC, as the daemon does: groups need differences of time only. Null when the block holds no
 * valid time; never throws.
 */
export function exifCaptureTimeMs(exif: Uint8Array): number | null {
  const hasPrefix = exif[0] === 0x45 && exif[1] === 0x78 && exif[2] === 0x69 && exif[3] === 0x66;
  const block = hasPrefix ? exif.subarray(6) : exif;
  if (block.length < 8) return null;
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return null;
  const little = mark === 0x4949;
  if (view.getUint16(2, little) !== 42) return null;

  const root = readDirectory(view, view.getUint32(4, little), little);
  const pointer = root.get(EXIF_DIRECTORY);
  if (pointer === undefined || pointer.type !== TYPE_LONG) return null;
  const photo = readDirectory(view, view.getUint32(pointer.valueAt, little), little);
  const text = (tag: number): string | null => readText(view, photo.get(tag), little);

  const date = /^(\d{4}):(\d{2}):(\d{2}) (\d{2}):(\d{2}):(\d{2})$/.exec(
    text(DATE_TIME_ORIGINAL) ?? '',
  );
  if (date === null) return null;
  const [year, month, day, hour, minute, second] = date.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Cameras without a clock write zeros, which Date would silently carry over to another day.
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day || hour > 23 || year < 1970) {
    return null;
  }
  const fraction = /^\d{1,9}/.exec(text(SUB_SEC_TIME_ORIGINAL) ?? '')?.[0];
  const offset = /^([+-])(\d{2}):(\d{2})$/.exec(text(OFFSET_TIME_ORIGINAL) ?? '');
  const offsetMinutes =
    offset === null
      ? 0
      : (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  const milliseconds = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  return at.getTime() + milliseconds - offsetMinutes * 60_000;
}

interface Entry {
  type: number;
  count: number;
  /** Offset of the four bytes that hold the value, or where it is. */
  valueAt: number;
}

function readDirectory(view: DataView, offset: number, little: boolean): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  if (offset + 2 > view.byteLength) return entries;
  const count = Math.min(view.getUint16(offset, little), MAX_ENTRIES);
  for (let i = 0; i < count; i++) {
    const at = offset + 2 + i * 12;
    if (at + 12 > view.byteLength) break;
    entries.set(view.getUint16(at, little), {
      type: view.getUint16(at + 2, little),
      count: view.getUint32(at + 4, little),
      valueAt: at + 8,
    });
  }
  return entries;
}

function readText(view: DataView, entry: Entry | undefined, little: boolean): string | null {
  if (entry === undefined || entry.type !== TYPE_ASCII || entry.count > MAX_TEXT_BYTES) return null;
  const start = entry.count <= 4 ? entry.valueAt : view.getUint32(entry.valueAt, little);
  if (start + entry.count > view.byteLength) return null;
  let text = '';
  for (let i = 0; i < entry.count; i++) {
    const byte = view.getUint8(start + i);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text.trim();
}

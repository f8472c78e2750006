import { HeadlandError } from '../../base/errors.js';
import type { Database } from '../../storage/database.js';
import { type EmptiedTrash, emptyTrash } from '../editing/trash.js';
import { type Thinned, thinPictures } from './thinning.js';

/**
 * Share of the limit that is freed at once: not less, because each thinning reads all samples; not more,
 * because it must not keep the daemon from its frames.
 */
const THINNED_SHARE = 0.01;

export interface PictureLimits {
  /** Limit of the total size of stored pictures. */
  maxPictureStoreBytes: number;
  /** Pictures of a class that are never removed to make room; null, the default: none is removed. */
  minPicturesPerClass?: number | null;
  /**
   * SHA-256 of the running backbone: only pictures that it has embedded are removed. Null, the default:
   * it is not known, and the backbone that embedded a sample last stands in for it.
   */
  backboneChecksum?: () => string | null;
  /** Called within the transaction of a thinning. */
  onThinned?: (thinned: Thinned) => void;
  /** Called within the transaction that removes samples of the trash to make room. */
  onTrashEmptied?: (emptied: EmptiedTrash) => void;
  /** Below this free space of the file system no picture is stored; default 0. */
  minFreeBytes?: number;
  /** Free space, bytes; null: not known. Default: not known. */
  freeBytes?: () => number | null;
}

/**
 * Makes room for a picture of `bytes`: first by removing samples of the trash for good, then by
 * thinning where that is allowed; see {@link thinPictures}. A
 * store far above its limit, because that was lowered, shrinks with each picture: it may stay above,
 * but never grows. Run it in a transaction.
 * @throws HeadlandError HL_STORE_LIMIT when the pictures of the store would exceed the limit,
 *   HL_DISK_LOW when the file system has too little space
 */
export function makePictureRoom(database: Database, bytes: number, limits: PictureLimits): void {
  const { maxPictureStoreBytes: maxBytes, minPicturesPerClass = null } = limits;
  const freeBytes = limits.freeBytes?.() ?? null;
  const { minFreeBytes = 0 } = limits;
  if (freeBytes !== null && freeBytes < minFreeBytes) throw diskLow(freeBytes, minFreeBytes);
  let stored = storedBytes(database);
  if (stored + bytes <= maxBytes) return;
  const emptied = emptyTrash(database, { bytes: stored + bytes - maxBytes });
  if (emptied.samples > 0) limits.onTrashEmptied?.(emptied);
  stored -= emptied.bytes;
  if (stored + bytes <= maxBytes) return;
  if (minPicturesPerClass !== null) {
    // What left the trash has made room for this picture already.
    const needed = Math.max(0, Math.min(bytes - emptied.bytes, stored + bytes - maxBytes));
    if (needed === 0) return;
    const wanted = Math.max(needed, Math.floor(maxBytes * THINNED_SHARE));
    const thinned = thinPictures(database, {
      bytes: wanted,
      floor: minPicturesPerClass,
      backboneChecksum: limits.backboneChecksum?.() ?? null,
    });
    if (thinned.bytes >= needed) {
      limits.onThinned?.(thinned);
      return;
    }
  }
  throw new HeadlandError(
    'HL_STORE_LIMIT',
    `the store holds ${stored} bytes of pictures; with ${bytes} more it would exceed samples.maxPictureStoreBytes (${maxBytes})`,
    {
      remedy:
        'Raise samples.maxPictureStoreBytes, and move paths.stateDir to a larger disk if it needs that.',
      details: { stored, bytes, maxBytes },
    },
  );
}

/**
 * Puts the bytes of a thinned picture back, if they fit without removing others. Run it in a transaction.
 * @returns whether they were put back
 */
export function restorePicture(
  database: Database,
  id: string,
  jpeg: Uint8Array,
  limits: PictureLimits,
): boolean {
  const freeBytes = limits.freeBytes?.() ?? null;
  if (freeBytes !== null && freeBytes < (limits.minFreeBytes ?? 0)) return false;
  if (storedBytes(database) + jpeg.length > limits.maxPictureStoreBytes) return false;
  const { changes } = database
    .prepare('UPDATE samples SET picture_bytes = ? WHERE id = ? AND picture_bytes = 0')
    .run(jpeg.length, id);
  if (changes === 0) return false;
  database.prepare('INSERT INTO pictures (sample_id, bytes) VALUES (?, ?)').run(id, jpeg);
  database
    .prepare('UPDATE store_totals SET picture_bytes = picture_bytes + ? WHERE id = 1')
    .run(jpeg.length);
  return true;
}

/** The error while the file system has too little space for pictures. */
export function diskLow(freeBytes: number, minFreeBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_DISK_LOW',
    `${freeBytes} bytes are free on the disk of the state folder; samples.minFreeBytes is ${minFreeBytes}: no new picture is stored`,
    {
      remedy:
        'Free space on the disk of paths.stateDir, move the folder to a larger one, or lower samples.minFreeBytes.',
      details: { freeBytes, minFreeBytes },
    },
  );
}

function storedBytes(database: Database): number {
  return database
    .prepare<{ stored: number }>('SELECT picture_bytes AS stored FROM store_totals')
    .get()!.stored;
}

import { HeadlandError } from '../base/errors.js';
import type { Database } from '../storage/database.js';

/**
 * Refuses a picture of `bytes` if the pictures of the store would then exceed `maxBytes`.
 * @throws HeadlandError HL_STORE_LIMIT
 */
export function checkPictureLimit(database: Database, bytes: number, maxBytes: number): void {
  const { stored } = database
    .prepare<{ stored: number }>('SELECT picture_bytes AS stored FROM store_totals')
    .get()!;
  if (stored + bytes <= maxBytes) return;
  throw new HeadlandError(
    'HL_STORE_LIMIT',
    `the store holds ${stored} bytes of pictures; with ${bytes} more it would exceed samples.maxPictureStoreBytes (${maxBytes})`,
    {
      remedy:
        'Raise samples.maxPictureStoreBytes. Or export (`headland export-samples DIR`), remove pictures from DIR, and import it into a new state folder.',
      details: { stored, bytes, maxBytes },
    },
  );
}

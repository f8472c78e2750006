import { createHash } from 'node:crypto';

/** SHA-256 of bytes or of UTF-8 text, 32 bytes. */
export function sha256(data: Uint8Array | string): Buffer {
  return createHash('sha256').update(data).digest();
}

/** SHA-256 of bytes or of UTF-8 text, 64 hex digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return sha256(data).toString('hex');
}

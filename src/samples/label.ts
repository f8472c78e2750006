import { HeadlandError } from '../base/errors.js';
import { UNKNOWN_LABEL } from '../base/unknown-label.js';

const MAX_CHARACTERS = 64;
/** A label also names a folder when samples are exported. */
const MAX_BYTES = 255;

/**
 * The one spelling of a label: Unicode NFC, no space around it; 1 to 64 characters without control
 * characters and "/", not beginning with ".", not "unknown".
 * @throws HeadlandError HL_LABEL_INVALID
 */
export function normaliseLabel(text: string): string {
  const label = text.normalize('NFC').trim();
  const reason = faultOf(label);
  if (reason === null) return label;
  throw new HeadlandError(
    'HL_LABEL_INVALID',
    `label ${JSON.stringify(text.slice(0, 100))} ${reason}`,
    {
      remedy: `Use 1 to ${MAX_CHARACTERS} characters, no "/", no control characters, no "." at the beginning, and not the word "${UNKNOWN_LABEL}".`,
      details: { label: text.slice(0, 100) },
    },
  );
}

function faultOf(label: string): string | null {
  if (label === '') return 'is empty';
  if ([...label].length > MAX_CHARACTERS) return `is longer than ${MAX_CHARACTERS} characters`;
  if (Buffer.byteLength(label) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(label)) return 'has a control character';
  if (label.includes('/')) return 'has a "/"';
  if (label.startsWith('.')) return 'begins with "."';
  if (label.toLowerCase() === UNKNOWN_LABEL) return 'is reserved for what no class fits';
  return null;
}

import { isRecord } from './is-record.js';

/** The object in a JSON text; null if the text is no JSON or another kind of value. */
export function parseRecord(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

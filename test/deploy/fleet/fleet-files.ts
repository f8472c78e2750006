import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FLEET = fileURLToPath(new URL('../../../../deploy/fleet/fleet/', import.meta.url));

/** A file of deploy/fleet/fleet. */
export function shipped(name: string): string {
  return readFileSync(join(FLEET, name), 'utf8');
}

/** A text with other paths, hosts and ports. @param changes what must be in the text, and what stands there instead */
export function changed(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), `"${from}" is in the shipped file`);
    return before.replaceAll(from, to);
  }, text);
}

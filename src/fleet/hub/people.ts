import { randomBytes } from 'node:crypto';
import { HeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { HubRole, NewPerson } from '../contract/hub-api.js';
import type { HubTables } from './store/hub-store.js';

const TOKEN_BYTES = 32;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,62}$/u;

/** What is stored of a token: it is random, so that one hash is enough. */
export function tokenDigest(token: string): string {
  return sha256Hex(token);
}

/**
 * Adds a person with a new token, which is never stored.
 * @throws HeadlandError HL_FLEET_PERSON_INVALID, HL_FLEET_PERSON_KNOWN
 */
export async function addPerson(
  tables: HubTables,
  name: string,
  role: HubRole,
  by: string,
  nowMs: number,
): Promise<NewPerson> {
  if (!NAME.test(name) || name === 'hub') {
    throw new HeadlandError('HL_FLEET_PERSON_INVALID', `"${name}" is no name for a person`, {
      remedy: 'Use 1 to 63 letters, digits, spaces or one of ". _ @ -"; "hub" is the hub itself.',
    });
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  if (!(await tables.people.add(name, role, tokenDigest(token), nowMs))) {
    throw new HeadlandError('HL_FLEET_PERSON_KNOWN', `there is a person "${name}" already`, {
      remedy: 'Choose another name, or remove the person first to make a new token.',
    });
  }
  await tables.audit.add({
    atMs: nowMs,
    by,
    action: 'person-added',
    robot: null,
    task: null,
    detail: { name, role },
  });
  return { name, role, createdAtMs: nowMs, lastSeenAtMs: null, token };
}

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { HeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';

const PUBLIC_KEY = /^ed25519:([A-Za-z0-9_-]{43})$/;
const ID_CHARACTERS = 16;

/** A public key that checks signed commands. Ed25519 is the only kind: no message chooses another. */
export interface CommandKey {
  /** First 16 hexadecimal digits of the SHA-256 of the 32 bytes of the key. */
  id: string;
  /** `ed25519:` and the 32 bytes in base64url. */
  text: string;
  key: KeyObject;
}

/**
 * Reads a public key as `headland keys new` prints it.
 * @throws HeadlandError HL_COMMAND_KEY_INVALID
 */
export function parsePublicKey(text: string): CommandKey {
  const x = PUBLIC_KEY.exec(text.trim())?.[1];
  const bytes = x === undefined ? null : Buffer.from(x, 'base64url');
  if (x === undefined || bytes === null || bytes.toString('base64url') !== x) throw invalid();
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return { id: sha256Hex(bytes).slice(0, ID_CHARACTERS), text: `ed25519:${x}`, key };
  } catch {
    throw invalid();
  }
}

/** The public half of a private key. @throws HeadlandError HL_COMMAND_KEY_INVALID */
export function publicKeyOf(key: KeyObject): CommandKey {
  const { crv, x } = createPublicKey(key).export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw invalid();
  return parsePublicKey(`ed25519:${x}`);
}

/** Makes a new pair of keys. */
export function makeKey(): { privatePem: string; publicKey: CommandKey } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { privatePem, publicKey: publicKeyOf(privateKey) };
}

function invalid(): HeadlandError {
  return new HeadlandError('HL_COMMAND_KEY_INVALID', 'this is not an Ed25519 key for commands', {
    remedy:
      'Make one with `headland keys new FILE`, and give its public key: "ed25519:" and 43 characters.',
  });
}

import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HeadlandError, messageOf } from '../base/errors.js';
import { decodeText } from '../base/words/text.js';
import type { SecretReference } from './schema.js';

const MAX_SECRET_BYTES = 65_536;

/**
 * Reads a secret from its file or from systemd's credential folder.
 * @param environment needs CREDENTIALS_DIRECTORY for credentials
 * @returns the unchanged bytes; null when no secret is configured
 * @throws HeadlandError HL_SECRET_UNREADABLE, HL_SECRET_TOO_OPEN
 */
export function readSecret(
  reference: SecretReference | null,
  environment: NodeJS.ProcessEnv,
): Buffer | null {
  if (reference === null) return null;
  const path = 'file' in reference ? reference.file : credentialPath(reference, environment);
  try {
    const { mode, size } = statSync(path);
    if ('file' in reference && (mode & 0o077) !== 0) {
      throw new HeadlandError('HL_SECRET_TOO_OPEN', `${path} can be read by other users`, {
        remedy: `Run: chmod 600 ${path}`,
      });
    }
    if (size > MAX_SECRET_BYTES) throw new Error(`it is larger than ${MAX_SECRET_BYTES} bytes`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof HeadlandError) throw error;
    throw new HeadlandError('HL_SECRET_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, {
      remedy: 'Create the file, owned by the user of the daemon and with mode 0600.',
      cause: error,
    });
  }
}

/**
 * {@link readSecret} for passwords and tokens: decoded text without the byte order mark and the final
 * line break that editors add. Reads UTF-16, too, which PowerShell writes.
 * @throws HeadlandError HL_SECRET_UNREADABLE, HL_SECRET_TOO_OPEN, HL_SECRET_ENCODING
 */
export function readSecretText(
  reference: SecretReference | null,
  environment: NodeJS.ProcessEnv,
): string | null {
  const bytes = readSecret(reference, environment);
  if (reference === null || bytes === null) return null;
  const decoded = decodeText(bytes);
  if (decoded.encoding !== 'unknown') return decoded.text.replace(/\r?\n$/, '');
  const what = 'file' in reference ? reference.file : `the credential "${reference.credential}"`;
  throw new HeadlandError('HL_SECRET_ENCODING', `${what} ${decoded.fault}`, {
    remedy: 'Save the file of the secret as UTF-8.',
  });
}

function credentialPath(reference: { credential: string }, environment: NodeJS.ProcessEnv): string {
  const folder = environment.CREDENTIALS_DIRECTORY;
  if (!folder || basename(reference.credential) !== reference.credential) {
    throw new HeadlandError(
      'HL_SECRET_UNREADABLE',
      `the credential "${reference.credential}" was not given to this process`,
      {
        remedy: `Add LoadCredential=${reference.credential}:FILE to the systemd unit, or name a file instead: {file: FILE}.`,
      },
    );
  }
  return join(folder, reference.credential);
}

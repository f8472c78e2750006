import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import type { Config } from '../../config/schema.js';
import { readSecretText } from '../../config/secrets.js';
import { isLoopback } from '../../console/server/security.js';

const TOKEN_BYTES = 32;

export interface ConsoleToken {
  /** Null: the page needs none. */
  token: string | null;
  /** The file that headland has made; null: it has made none. */
  madeFile: string | null;
}

/** Where headland keeps the token that it makes. */
export function madeTokenFile({ paths }: Pick<Config, 'paths'>): string {
  return join(paths.stateDir, 'console-token');
}

/**
 * The token of the page as it is now: the configured one, else the one that headland has made for a page
 * that is not on loopback.
 * @throws HeadlandError HL_SECRET_…
 */
export function presentToken(config: Config, environment: NodeJS.ProcessEnv): ConsoleToken {
  const configured = readSecretText(config.console.token, environment);
  if (configured !== null || isLoopback(config.console.host)) {
    return { token: configured, madeFile: null };
  }
  const file = madeTokenFile(config);
  const token = existsSync(file) ? readSecretText({ file }, environment) : null;
  return { token, madeFile: token === null ? null : file };
}

/**
 * {@link presentToken}, and makes the token if the page needs one and there is none.
 * @throws HeadlandError HL_SECRET_…, HL_CONSOLE_TOKEN_NEEDED when the file cannot be written
 */
export async function neededToken(
  config: Config,
  environment: NodeJS.ProcessEnv,
): Promise<ConsoleToken> {
  const present = presentToken(config, environment);
  if (present.token !== null || isLoopback(config.console.host)) return present;
  const file = madeTokenFile(config);
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  try {
    await writeFileDurably(file, `${token}\n`, 0o600);
  } catch (cause) {
    throw new HeadlandError(
      'HL_CONSOLE_TOKEN_NEEDED',
      `cannot write a token for the page to ${file}: ${messageOf(cause)}`,
      {
        remedy:
          'Make paths.stateDir writable, or set console.token to a file that holds a token, or console.host to 127.0.0.1.',
        cause,
      },
    );
  }
  return { token, madeFile: file };
}

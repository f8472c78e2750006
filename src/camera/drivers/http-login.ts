import { createHash, randomBytes } from 'node:crypto';

/** A challenge in `WWW-Authenticate`. */
interface Challenge {
  scheme: 'basic' | 'digest';
  /** Parameters of Digest: realm, nonce, qop, algorithm, opaque. */
  parameters: ReadonlyMap<string, string>;
}

/** Separates challenges in one header: a new one begins with a scheme, which no "=" follows. */
const NEXT_CHALLENGE = /,\s*(?=[a-z][a-z0-9-]*\s+[a-z])/i;

const HASHES: Record<string, string> = { MD5: 'md5', 'SHA-256': 'sha256' };

/**
 * HTTP authentication with a camera. Sends nothing before a challenge, and prefers Digest (RFC
 * 7616), which never sends the password itself.
 */
export class HttpLogin {
  readonly #user: string;
  readonly #password: string;
  readonly #clientNonce: () => string;
  #challenge: Challenge | null = null;
  #nonceCount = 0;

  /** @param clientNonce replaced only in tests */
  constructor(
    user: string,
    password: string,
    clientNonce: () => string = () => randomBytes(8).toString('hex'),
  ) {
    this.#user = user;
    this.#password = password;
    this.#clientNonce = clientNonce;
  }

  /**
   * Handles the challenges of a 401 answer.
   * @param headers every `WWW-Authenticate` of the answer
   * @returns false when no challenge is supported, or the server has rejected the login
   */
  asked(headers: readonly string[]): boolean {
    const challenges = headers
      .flatMap((header) => header.split(NEXT_CHALLENGE))
      .flatMap((text) => challengeIn(text) ?? []);
    const usable =
      challenges.find(({ scheme, parameters }) => scheme === 'digest' && hashOf(parameters)) ??
      challenges.find(({ scheme }) => scheme === 'basic');
    if (!usable) return false;
    const stale = usable.parameters.get('stale')?.toLowerCase() === 'true';
    const again = this.#challenge !== null && this.#nonceCount > 0;
    const sameNonce = usable.parameters.get('nonce') === this.#challenge?.parameters.get('nonce');
    if (again && !stale && (usable.scheme === 'basic' || sameNonce)) return false;
    this.#challenge = usable;
    this.#nonceCount = 0;
    return true;
  }

  /** The value of `Authorization`; null before a challenge. */
  answer(method: string, path: string): string | null {
    if (!this.#challenge) return null;
    const { scheme, parameters } = this.#challenge;
    this.#nonceCount += 1;
    if (scheme === 'basic') {
      return `Basic ${Buffer.from(`${this.#user}:${this.#password}`).toString('base64')}`;
    }
    return this.#digest(parameters, method, path);
  }

  #digest(parameters: ReadonlyMap<string, string>, method: string, path: string): string {
    const name = hashOf(parameters) ?? 'md5';
    const hash = (text: string): string => createHash(name).update(text).digest('hex');
    const of = (parameter: string): string => parameters.get(parameter) ?? '';
    const clientNonce = this.#clientNonce();
    const count = this.#nonceCount.toString(16).padStart(8, '0');
    const withSession = /-sess$/i.test(of('algorithm'));
    const plain = hash(`${this.#user}:${of('realm')}:${this.#password}`);
    const secret = withSession ? hash(`${plain}:${of('nonce')}:${clientNonce}`) : plain;
    const what = hash(`${method}:${path}`);
    const protectsRequest = of('qop')
      .split(',')
      .some((qop) => qop.trim() === 'auth');
    const response = protectsRequest
      ? hash(`${secret}:${of('nonce')}:${count}:${clientNonce}:auth:${what}`)
      : hash(`${secret}:${of('nonce')}:${what}`);
    const fields = [
      `username="${quoted(this.#user)}"`,
      `realm="${quoted(of('realm'))}"`,
      `nonce="${quoted(of('nonce'))}"`,
      `uri="${path}"`,
      ...(parameters.has('algorithm') ? [`algorithm=${of('algorithm')}`] : []),
      ...(protectsRequest || withSession ? [`cnonce="${clientNonce}"`] : []),
      ...(protectsRequest ? ['qop=auth', `nc=${count}`] : []),
      ...(parameters.has('opaque') ? [`opaque="${quoted(of('opaque'))}"`] : []),
      `response="${response}"`,
    ];
    return `Digest ${fields.join(', ')}`;
  }
}

function challengeIn(text: string): Challenge | null {
  const scheme = /^\s*(basic|digest)\b/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== 'basic' && scheme !== 'digest') return null;
  const parameters = new Map<string, string>();
  for (const [, name, quotedValue, token] of text.matchAll(
    /([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi,
  )) {
    parameters.set(name!.toLowerCase(), quotedValue?.replaceAll(/\\(.)/g, '$1') ?? token ?? '');
  }
  return { scheme, parameters };
}

/** Name of the hash in node:crypto; null: unsupported algorithm. */
function hashOf(parameters: ReadonlyMap<string, string>): string | null {
  const algorithm = parameters.get('algorithm') ?? 'MD5';
  return HASHES[algorithm.replace(/-sess$/i, '').toUpperCase()] ?? null;
}

function quoted(text: string): string {
  return text.replaceAll(/["\\]/g, '\\$&');
}

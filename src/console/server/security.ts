import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { HeadlandError } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';

/** Shorter tokens could be guessed over a network. */
const MIN_TOKEN_CHARACTERS = 16;

/** Sent with every response. The page needs only scripts, styles and requests of its own origin. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'cache-control': 'no-store',
};

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Access control: checks every request before it is processed. */
export class Gatekeeper {
  private readonly names: ReadonlySet<string>;
  private readonly anyAddress: boolean;
  private readonly tokenDigest: Buffer | null;

  /**
   * @param host the address the server listens on
   * @param token the bearer token; null = none (loopback only)
   * @param allowedHosts further host names of the robot, without port
   * @throws HeadlandError HL_CONSOLE_TOKEN_NEEDED, HL_CONSOLE_TOKEN_WEAK
   */
  constructor(host: string, token: string | null, allowedHosts: readonly string[]) {
    const local = isLoopback(host);
    if (token === null && !local) {
      throw new HeadlandError(
        'HL_CONSOLE_TOKEN_NEEDED',
        `refusing to listen on ${host} without a token`,
        {
          remedy: 'Set console.token to a file that holds a token, or console.host to 127.0.0.1.',
        },
      );
    }
    if (token !== null && token.length < MIN_TOKEN_CHARACTERS) {
      throw new HeadlandError(
        'HL_CONSOLE_TOKEN_WEAK',
        `the console token has fewer than ${MIN_TOKEN_CHARACTERS} characters`,
        { remedy: 'Write a longer token to the file set by console.token: openssl rand -hex 24' },
      );
    }
    this.tokenDigest = token === null ? null : digest(token);
    this.anyAddress = !local;
    const own = local ? [] : [host, hostname(), `${hostname()}.local`];
    this.names = new Set(
      ['localhost', '127.0.0.1', '::1', ...own, ...allowedHosts].map((name) => name.toLowerCase()),
    );
  }

  get tokenNeeded(): boolean {
    return this.tokenDigest !== null;
  }

  /**
   * Refuses host names other than the robot's, which a DNS rebinding attack sends. IP addresses cannot be
   * rebound, so any is allowed unless the server listens on loopback. The port is not checked, because
   * tunnels change it and the Origin check compares it.
   * @throws HeadlandError HL_CONSOLE_HOST_REFUSED
   */
  checkHost(request: IncomingMessage): void {
    const name = hostName(request.headers.host);
    if (name !== null && (this.names.has(name) || (this.anyAddress && isIP(name) !== 0))) return;
    throw new HeadlandError(
      'HL_CONSOLE_HOST_REFUSED',
      'the host name of the request is not that of the robot',
      {
        remedy:
          'Open the page under an IP address of the robot, its host name, or its host name with .local; on the robot itself, under localhost.',
      },
    );
  }

  /**
   * Refuses requests from pages of other web sites. Requests without an Origin header, from programs, pass.
   * @throws HeadlandError HL_CONSOLE_ORIGIN_REFUSED
   */
  checkOrigin(request: IncomingMessage): void {
    const { origin, host } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const navigation = request.headers['sec-fetch-mode'] === 'navigate' && request.method === 'GET';
    const sameOrigin =
      origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
    const sameSite = site === undefined || site === 'same-origin' || site === 'none' || navigation;
    if (sameOrigin && sameSite) return;
    throw new HeadlandError(
      'HL_CONSOLE_ORIGIN_REFUSED',
      'the request comes from a page of another web site',
      {
        remedy: "Use the robot's own page, or a program that sends no Origin header.",
      },
    );
  }

  /**
   * Requires a header that forms cannot set, and other sites only after a preflight, which is refused.
   * @throws HeadlandError HL_CONSOLE_HEADER_MISSING
   */
  checkWriteHeader(request: IncomingMessage): void {
    if (request.headers['x-headland'] === '1') return;
    throw new HeadlandError(
      'HL_CONSOLE_HEADER_MISSING',
      'requests that change something need the header X-Headland',
      {
        remedy: 'Send the header X-Headland: 1.',
      },
    );
  }

  /** Compares in constant time. */
  isToken(given: string): boolean {
    // Digests have equal length, so that the comparison does not reveal the length of the token.
    return this.tokenDigest !== null && timingSafeEqual(digest(given), this.tokenDigest);
  }
}

export function tokenRefused(): HeadlandError {
  return new HeadlandError('HL_CONSOLE_TOKEN_REFUSED', 'the token is missing or wrong', {
    remedy:
      'Enter the token from the file set by console.token, or open a link of `headland pair`. Programs send the token in the header Authorization: Bearer TOKEN.',
  });
}

function digest(text: string): Buffer {
  return sha256(text);
}

/** The name in a Host header in lower case, without brackets and port; null when malformed. */
function hostName(header: string | undefined): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

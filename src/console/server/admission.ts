import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AttemptLimiter,
  type AttemptLimits,
  ClientBuckets,
  clientOf,
  type RateLimit,
} from '../../base/access/rate-limits.js';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { ConsoleAccess, NewSession, PairingOffer } from '../console-access.js';
import type { ACCESS } from '../contract/access-contract.js';
import type { HandlersOf } from '../handlers.js';
import { deviceOf } from './device.js';
import type { Reply } from './http.js';
import { type Gatekeeper, tokenRefused } from './security.js';
import { tooManyAttempts, tooManyRequests } from './too-many.js';

export interface AccessLimits {
  /** Of one client, and beyond that of one session. */
  requests: RateLimit;
  /** Wrong tokens and pairings. */
  attempts: AttemptLimits;
}

type JsonAccessKey = Exclude<keyof typeof ACCESS, 'POST /api/pairing' | 'GET /api/openapi.json'>;

/** A reply that a handler of the server has made itself. */
export class OwnReply {
  constructor(readonly reply: Reply) {}
}

/** Why a request is admitted. */
type Caller =
  | { kind: 'anyone' }
  | { kind: 'token' }
  | { kind: 'session'; id: string; secret: string };

/** Decides who may make a request, and makes and ends sessions. */
export class Admission {
  private readonly gatekeeper: Gatekeeper;
  private readonly access: ConsoleAccess;
  private readonly isEncrypted: boolean;
  private readonly requests: ClientBuckets;
  private readonly attempts: AttemptLimiter;
  /** Responses that go on, such as streams. */
  private readonly lasting = new Map<ServerResponse, Caller>();

  constructor(parts: {
    gatekeeper: Gatekeeper;
    access: ConsoleAccess;
    isEncrypted: boolean;
    limits: AccessLimits;
  }) {
    this.gatekeeper = parts.gatekeeper;
    this.access = parts.access;
    this.isEncrypted = parts.isEncrypted;
    this.requests = new ClientBuckets(parts.limits.requests, () => performance.now());
    this.attempts = new AttemptLimiter(parts.limits.attempts, tooManyAttempts);
  }

  /**
   * Bounds the requests of a client. Behind a proxy many share an address: a session has a bound of its own.
   * @throws HeadlandError HL_CONSOLE_TOO_MANY_REQUESTS
   */
  checkRate(request: IncomingMessage): void {
    const client = clientOf(request.socket.remoteAddress);
    if (this.requests.take(client)) return;
    const secret = this.secretOf(request);
    const session = secret === null ? null : this.access.session(secret);
    if (session !== null && this.requests.take(`session ${session.id}`)) return;
    throw tooManyRequests(this.requests.waitSeconds(client));
  }

  /**
   * @throws HeadlandError HL_CONSOLE_TOKEN_REFUSED, HL_CONSOLE_SESSION_ENDED, HL_CONSOLE_TOO_MANY_ATTEMPTS
   */
  admit(request: IncomingMessage, response: ServerResponse): Caller {
    const secret = this.secretOf(request);
    const session = secret === null ? null : this.access.session(secret);
    if (secret !== null && session !== null) {
      if (session.renewed) this.setCookie(request, response, secret, session.maxAgeSeconds);
      return { kind: 'session', id: session.id, secret };
    }
    if (!this.gatekeeper.tokenNeeded) return { kind: 'anyone' };
    const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined) {
      this.checkToken(request, given);
      return { kind: 'token' };
    }
    // A cookie cannot be guessed: an old one is no attempt.
    if (secret !== null) throw sessionEnded();
    throw tokenRefused();
  }

  /** Ends a response that goes on, once its session has been revoked. */
  watch(response: ServerResponse, caller: Caller): void {
    if (caller.kind !== 'session') return;
    this.lasting.set(response, caller);
    response.once('close', () => this.lasting.delete(response));
  }

  /** To be called every few seconds. */
  endRevoked(): void {
    for (const [response, caller] of this.lasting) {
      if (caller.kind === 'session' && this.access.session(caller.secret) === null) {
        response.destroy();
      }
    }
  }

  handlers(
    request: IncomingMessage,
    response: ServerResponse,
  ): HandlersOf<JsonAccessKey> & { 'POST /api/pairing': () => Promise<OwnReply> } {
    return {
      'POST /api/session': async ({ body }) => {
        const device = deviceOf(request.headers['user-agent']);
        const session =
          'pairing' in body
            ? await this.pair(request, body.pairing, device)
            : await this.logIn(request, body.token, device);
        await this.endOwn(request);
        this.setCookie(request, response, session.secret, session.maxAgeSeconds);
        return { expiresAtMs: session.expiresAtMs };
      },
      'DELETE /api/session': async () => {
        await this.endOwn(request);
        this.setCookie(request, response, '', 0);
        return {};
      },
      'GET /api/sessions': () => {
        const own = this.ownId(request);
        return {
          sessions: this.access
            .sessions()
            .map((session) => ({ ...session, own: session.id === own })),
        };
      },
      'DELETE /api/sessions/{id}': async ({ params }) => {
        await this.access.revoke(params.id);
        return {};
      },
      // What stands behind "#" is hidden from every JSON answer.
      'POST /api/pairing': async () => new OwnReply(secretJson(await this.access.offerLinks())),
    };
  }

  private async pair(
    request: IncomingMessage,
    pairing: string,
    device: string,
  ): Promise<NewSession> {
    try {
      return await this.access.pair(pairing, device);
    } catch (error) {
      if (isHeadlandError(error) && error.code.startsWith('HL_CONSOLE_PAIRING_')) {
        const client = clientOf(request.socket.remoteAddress);
        // After the comparison: a right pairing, which cannot be guessed, is never shut out.
        this.attempts.check(client);
        this.attempts.failed(client);
      }
      throw error;
    }
  }

  private logIn(request: IncomingMessage, token: string, device: string): Promise<NewSession> {
    // An old link with a token opens a page that needs none any more.
    if (this.gatekeeper.tokenNeeded) this.checkToken(request, token);
    return this.access.logIn(device);
  }

  private checkToken(request: IncomingMessage, token: string): void {
    const client = clientOf(request.socket.remoteAddress);
    // Before the comparison: else a flood would find a weak token all the same.
    this.attempts.check(client);
    if (!this.gatekeeper.isToken(token)) {
      this.attempts.failed(client);
      throw tokenRefused();
    }
    this.attempts.succeeded(client);
  }

  /** Ends the session of the device, if it has one. */
  private async endOwn(request: IncomingMessage): Promise<void> {
    const own = this.ownId(request);
    if (own !== null) await this.access.revoke(own);
  }

  private ownId(request: IncomingMessage): string | null {
    const secret = this.secretOf(request);
    return (secret === null ? null : this.access.session(secret)?.id) ?? null;
  }

  private secretOf(request: IncomingMessage): string | null {
    const { cookieName } = this.access;
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const [name = '', value = ''] = pair.trim().split('=', 2);
      if (name === cookieName && /^[A-Za-z0-9_-]{16,128}$/.test(value)) return value;
    }
    return null;
  }

  private setCookie(
    request: IncomingMessage,
    response: ServerResponse,
    secret: string,
    maxAgeSeconds: number,
  ): void {
    const isEncrypted = this.isEncrypted || isEncryptedByProxy(request);
    response.setHeader(
      'set-cookie',
      `${this.access.cookieName}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}` +
        (isEncrypted ? '; Secure' : ''),
    );
  }
}

function secretJson(answer: PairingOffer): Reply {
  const bytes = Buffer.from(JSON.stringify(answer));
  return { kind: 'bytes', type: 'application/json; charset=utf-8', bytes };
}

/** What a client claims here decides about its own cookie only. */
function isEncryptedByProxy({ headers }: IncomingMessage): boolean {
  return (
    headers.origin?.startsWith('https://') === true || headers['x-forwarded-proto'] === 'https'
  );
}

function sessionEnded(): HeadlandError {
  return new HeadlandError(
    'HL_CONSOLE_SESSION_ENDED',
    'the session of this device has expired or was revoked',
    { remedy: 'Run `headland pair` on the robot, and open the new link on this device.' },
  );
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ClientBuckets, USUAL_ATTEMPTS } from '../../base/access/rate-limits.js';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { ConsoleAccess } from '../console-access.js';
import type { ConsoleSources } from '../console-source.js';
import { type AccessLimits, Admission } from './admission.js';
import { loadAssets } from './assets.js';
import { type ConnectionLimits, Connections } from './connections.js';
import { bytesBody, readJson, sendFailure, sendReply, statusOf } from './http.js';
import { createRoutes, notFound, type Route, TASK_PARAMETER } from './routes.js';
import { Gatekeeper, SECURITY_HEADERS } from './security.js';
import { EventStreams, type StreamLimits } from './stream.js';

export interface ConsoleLimits extends StreamLimits, ConnectionLimits, AccessLimits {
  maxBodyBytes: number;
  maxHeaderBytes: number;
  /** Time limit for the headers of a request; then it gets 408. */
  headersTimeoutMs: number;
  /** Time limit for a small body; then it gets 408. A large one must come at a least speed. */
  requestTimeoutMs: number;
  /** Time after which a client that takes nothing of its response is disconnected. */
  stalledTimeoutMs: number;
}

export const DEFAULT_LIMITS: Readonly<ConsoleLimits> = {
  maxListeners: 8,
  decisionIntervalMs: 100,
  statusIntervalMs: 2_000,
  maxBacklogBytes: 1_048_576,
  maxBodyBytes: 65_536,
  maxHeaderBytes: 16_384,
  maxConnections: 64,
  maxConnectionsPerClient: 32,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  stalledTimeoutMs: 30_000,
  // A page loads hundreds of small pictures at once.
  requests: { burst: 2_000, perSecond: 200 },
  attempts: USUAL_ATTEMPTS,
};

/** How often streams of revoked sessions are looked for. */
const REVOKED_INTERVAL_MS = 2_000;
/** Lines about refusals, of all clients: a flood must not wear the card. */
const REFUSAL_LINES = { burst: 50, perSecond: 1 };

export interface TlsFiles {
  certificatePem: string;
  keyPem: string;
  /** Browsers may insist on encryption from now on: the certificate is issued by others. */
  isTrusted: boolean;
}

export interface ConsoleOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Bearer token; null = none, on loopback only. */
  token: string | null;
  sources: ConsoleSources;
  access: ConsoleAccess;
  /** Where the token lies if headland has made it: to be logged. */
  tokenFile?: string | null;
  /** Null: not encrypted. */
  tls?: TlsFiles | null;
  /** Of headland. */
  version: string;
  repeats: Repeats;
  log: Log;
  /** Further host names of the robot, without port. */
  allowedHosts?: readonly string[];
  limits?: Partial<ConsoleLimits>;
}

interface Running {
  server: Server;
  streams: EventStreams;
  revoking: Repetition;
}

/** What every request is answered with. */
interface Desk {
  routes: readonly Route[];
  gatekeeper: Gatekeeper;
  admission: Admission;
  connections: Connections;
}

/** The local web page and its HTTP API: docs/reference/console.md. */
export class ConsoleServer {
  private readonly limits: ConsoleLimits;
  private running: Running | null = null;
  private readonly refusalLines = new ClientBuckets(REFUSAL_LINES, () => performance.now());
  private unloggedRefusals = 0;

  constructor(private readonly options: ConsoleOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /**
   * Opens the port.
   * @returns the URL of the page, without the token
   * @throws HeadlandError HL_CONSOLE_TOKEN_NEEDED, HL_CONSOLE_TOKEN_WEAK, HL_CONSOLE_PAGE_MISSING,
   *   HL_CONSOLE_LISTEN_FAILED
   */
  async start(): Promise<{ url: string }> {
    const { host, port, token, sources, access, version, log } = this.options;
    const tls = this.options.tls ?? null;
    const gatekeeper = new Gatekeeper(host, token, this.options.allowedHosts ?? []);
    const assets = loadAssets();
    const server = this.createServer(tls);
    const connections = new Connections(server, this.limits);
    await listen(server, host, port);
    server.on('error', (error) => log.error({ err: error }, 'console: server error'));
    const streams = new EventStreams(this.limits, log, this.options.repeats);
    const { tokenNeeded } = gatekeeper;
    const isEncrypted = tls !== null;
    const admission = new Admission({ gatekeeper, access, isEncrypted, limits: this.limits });
    const parts = { sources, streams, assets, tokenNeeded, version, admission };
    const routes = createRoutes(parts);
    const desk: Desk = { routes, gatekeeper, admission, connections };
    server.on('request', (request, response) => void this.answer(desk, request, response));
    const revoking = this.options.repeats.every({
      name: 'sessions',
      what: 'end the streams of revoked sessions',
      intervalMs: REVOKED_INTERVAL_MS,
      run: () => admission.endRevoked(),
    });
    this.running = { server, streams, revoking };
    const url = urlOf(isEncrypted ? 'https' : 'http', host, portOf(server));
    const { tokenFile = null } = this.options;
    log.info(
      { url, tokenNeeded, ...(tokenFile === null ? {} : { tokenFile }) },
      'console: listening',
    );
    return { url };
  }

  /** Takes another certificate from the next connection on. */
  renew({ certificatePem, keyPem }: TlsFiles): void {
    const { server } = this.running ?? {};
    if (server instanceof TlsServer) server.setSecureContext({ cert: certificatePem, key: keyPem });
  }

  /** Ends every stream and connection; may be called more than once. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === null) return;
    this.running = null;
    await running.revoking.stop();
    running.streams.stop();
    const closed = new Promise<void>((resolve) => running.server.close(() => resolve()));
    running.server.closeAllConnections();
    await closed;
  }

  private createServer(tls: TlsFiles | null): Server {
    const { limits } = this;
    const options = {
      headersTimeout: limits.headersTimeoutMs,
      // Bodies have a time limit of their own, which depends on their size.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      maxHeaderSize: limits.maxHeaderBytes,
      keepAliveTimeout: 5_000,
    };
    if (tls === null) return createServer(options);
    return createTlsServer({
      ...options,
      cert: tls.certificatePem,
      key: tls.keyPem,
      handshakeTimeout: limits.headersTimeoutMs,
    });
  }

  private async answer(
    desk: Desk,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { log, tls } = this.options;
    const { routes, gatekeeper, admission, connections } = desk;
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (tls?.isTrusted) response.setHeader('strict-transport-security', 'max-age=2592000');
    response.on('error', (error) => log.debug({ err: error }, 'console: cannot send the response'));
    response.once('close', () => connections.served(request));
    try {
      admission.checkRate(request);
      gatekeeper.checkHost(request);
      gatekeeper.checkOrigin(request);
      const { path, query } = target(request);
      const { route, params } = find(routes, request.method ?? '', path);
      const caller = route.open ? null : admission.admit(request, response);
      if (request.method !== 'GET') gatekeeper.checkWriteHeader(request);
      // A body that takes long is let in on the word of the caller; a small one must come first.
      if (caller !== null && takesBytes(route)) connections.serve(request);
      const body = await this.bodyOf(route, request);
      if (caller !== null) connections.serve(request);
      const reply = await route.handle({ query, params, body, request, response });
      if (caller !== null && reply.kind === 'taken') admission.watch(response, caller);
      else response.setTimeout(this.limits.stalledTimeoutMs);
      sendReply(response, reply);
      if (request.method !== 'GET') {
        log.info({ path, task: query.get(TASK_PARAMETER) }, 'console: changed');
      }
    } catch (error) {
      this.logRefusal(request, error);
      sendFailure(request, response, error, refusalHeaders(routes, request, error));
    }
  }

  private bodyOf(route: Route, request: IncomingMessage): Promise<unknown> | unknown {
    if (route.body === null) return undefined;
    const maxBytes = route.maxBodyBytes ?? this.limits.maxBodyBytes;
    const limits = { maxBytes, timeoutMs: this.limits.requestTimeoutMs };
    if (route.body === 'json') return readJson(request, limits);
    return bytesBody(request, route.body, limits);
  }

  private logRefusal(request: IncomingMessage, error: unknown): void {
    const { log } = this.options;
    const about = { method: request.method, remote: remoteOf(request) };
    if (statusOf(error) >= 500) {
      log.error({ ...about, err: error }, 'console: request failed');
      return;
    }
    if (!isHeadlandError(error)) return;
    if (!this.refusalLines.take('all')) {
      this.unloggedRefusals += 1;
      return;
    }
    const unlogged = this.unloggedRefusals > 0 ? { unlogged: this.unloggedRefusals } : {};
    this.unloggedRefusals = 0;
    log.info({ ...about, code: error.code, ...unlogged }, 'console: refused');
  }
}

/** Such as an import, which may take minutes. */
function takesBytes({ body }: Route): boolean {
  return body !== null && body !== 'json';
}

/** Node takes the socket from a request whose connection has ended. */
function remoteOf({ socket }: { socket: IncomingMessage['socket'] | null }): string | undefined {
  return socket?.remoteAddress;
}

/** Path and query of a request; the path is compared without decoding. */
function target(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '/', query] = (request.url ?? '/').split('?', 2);
  return { path, query: new URLSearchParams(query) };
}

function find(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } {
  const matches = routes.flatMap((route) => {
    const params = match(route, path);
    return params === null ? [] : [{ route, params }];
  });
  const allowed = matches.filter(({ route }) => route.method === method);
  // A literal path wins over a pattern.
  const found = allowed.find(({ route }) => typeof route.path === 'string') ?? allowed[0];
  if (found !== undefined) return found;
  if (matches.length === 0) throw notFound('there is no such route');
  throw new HeadlandError('HL_CONSOLE_METHOD_REFUSED', `${method} is not allowed here`, {
    remedy: `Use ${matches.map(({ route }) => route.method).join(', ')}.`,
  });
}

function match(route: Route, path: string): Record<string, string> | null {
  if (typeof route.path === 'string') return route.path === path ? {} : null;
  const found = route.path.exec(path);
  if (found === null) return null;
  try {
    const groups = Object.entries(found.groups ?? {});
    return Object.fromEntries(groups.map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    return null;
  }
}

function refusalHeaders(
  routes: readonly Route[],
  request: IncomingMessage,
  error: unknown,
): Record<string, string> {
  if (statusOf(error) === 401) return { 'www-authenticate': 'Bearer' };
  if (isHeadlandError(error) && statusOf(error) === 429) {
    return { 'retry-after': String(error.details.waitSeconds) };
  }
  if (isHeadlandError(error, 'HL_CONSOLE_BUSY')) return { 'retry-after': '10' };
  if (!isHeadlandError(error, 'HL_CONSOLE_METHOD_REFUSED')) return {};
  const { path } = target(request);
  const allowed = routes.filter((route) => match(route, path) !== null);
  return { allow: allowed.map(({ method }) => method).join(', ') };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new HeadlandError(
          'HL_CONSOLE_LISTEN_FAILED',
          `cannot listen on ${host} port ${port}: ${messageOf(cause)}`,
          {
            remedy:
              'Set console.port to a free port, or to 0 for any. If console.host is set, it must be an address of this machine.',
            cause,
          },
        ),
      ),
    );
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A URL that a browser on this machine can open, even if the server listens on all addresses. */
function urlOf(scheme: string, host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const shown = bare === '0.0.0.0' || bare === '::' ? '127.0.0.1' : bare;
  const named = shown.includes(':') ? `[${shown}]` : shown;
  return `${scheme}://${named}:${port}/`;
}

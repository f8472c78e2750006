import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ConsoleSources } from '../console-source.js';
import { loadAssets } from './assets.js';
import { bytesBody, readJson, sendFailure, sendReply, statusOf } from './http.js';
import { createRoutes, notFound, type Route, TASK_PARAMETER } from './routes.js';
import { Gatekeeper, SECURITY_HEADERS } from './security.js';
import { EventStreams, type StreamLimits } from './stream.js';

export interface ConsoleLimits extends StreamLimits {
  maxBodyBytes: number;
  maxHeaderBytes: number;
  maxConnections: number;
  /** Time limit for the headers of a request; then it gets 408. */
  headersTimeoutMs: number;
  /** Time limit for a complete request; then it gets 408. */
  requestTimeoutMs: number;
}

export const DEFAULT_LIMITS: Readonly<ConsoleLimits> = {
  maxListeners: 8,
  decisionIntervalMs: 100,
  statusIntervalMs: 2_000,
  maxBacklogBytes: 1_048_576,
  maxBodyBytes: 65_536,
  maxHeaderBytes: 16_384,
  maxConnections: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
};

export interface ConsoleOptions {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Bearer token; null = none, on loopback only. */
  token: string | null;
  sources: ConsoleSources;
  /** Of headland. */
  version: string;
  log: Log;
  /** Further host names of the robot, without port. */
  allowedHosts?: readonly string[];
  limits?: Partial<ConsoleLimits>;
}

/** The local web page and its HTTP API: docs/reference/console.md. */
export class ConsoleServer {
  private readonly limits: ConsoleLimits;
  private running: { server: Server; streams: EventStreams } | null = null;

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
    const { host, port, token, sources, version, log } = this.options;
    const gatekeeper = new Gatekeeper(host, token, this.options.allowedHosts ?? []);
    const assets = loadAssets();
    const server = this.createServer();
    await listen(server, host, port);
    server.on('error', (error) => log.error({ err: error }, 'console: server error'));
    const streams = new EventStreams(this.limits, log);
    const { tokenNeeded } = gatekeeper;
    const routes = createRoutes({ sources, streams, assets, tokenNeeded, version });
    server.on('request', (request, response) => {
      void this.answer(routes, gatekeeper, request, response);
    });
    this.running = { server, streams };
    const url = urlOf(host, (server.address() as AddressInfo).port);
    log.info({ url, tokenNeeded }, 'console: listening');
    return { url };
  }

  /** Ends every stream and connection; may be called more than once. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === null) return;
    this.running = null;
    running.streams.stop();
    const closed = new Promise<void>((resolve) => running.server.close(() => resolve()));
    running.server.closeAllConnections();
    await closed;
  }

  private createServer(): Server {
    const { limits } = this;
    const server = createServer({
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      maxHeaderSize: limits.maxHeaderBytes,
      keepAliveTimeout: 5_000,
    });
    server.maxConnections = limits.maxConnections;
    return server;
  }

  private async answer(
    routes: readonly Route[],
    gatekeeper: Gatekeeper,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { log } = this.options;
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    response.on('error', (error) => log.debug({ err: error }, 'console: cannot send the response'));
    try {
      gatekeeper.checkHost(request);
      gatekeeper.checkOrigin(request);
      const { path, query } = target(request);
      const { route, params } = find(routes, request.method ?? '', path);
      if (!route.open) gatekeeper.checkToken(request);
      if (request.method !== 'GET') gatekeeper.checkWriteHeader(request);
      const body = await this.bodyOf(route, request);
      sendReply(response, await route.handle({ query, params, body, response }));
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
    if (route.body !== 'json') return bytesBody(request, route.body);
    return readJson(request, route.maxBodyBytes ?? this.limits.maxBodyBytes);
  }

  private logRefusal(request: IncomingMessage, error: unknown): void {
    const { log } = this.options;
    const about = { method: request.method, remote: request.socket.remoteAddress };
    if (statusOf(error) >= 500) log.error({ ...about, err: error }, 'console: request failed');
    else if (isHeadlandError(error)) log.info({ ...about, code: error.code }, 'console: refused');
  }
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
  if (isHeadlandError(error, 'HL_CONSOLE_TOKEN_REFUSED')) return { 'www-authenticate': 'Bearer' };
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

/** A URL that a browser on this machine can open, even if the server listens on all addresses. */
function urlOf(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const shown = bare === '0.0.0.0' || bare === '::' ? '127.0.0.1' : bare;
  const named = shown.includes(':') ? `[${shown}]` : shown;
  return `http://${named}:${port}/`;
}

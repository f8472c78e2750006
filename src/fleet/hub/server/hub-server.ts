import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { AttemptLimiter, clientOf, USUAL_ATTEMPTS } from '../../../base/access/rate-limits.js';
import type { Alarms } from '../../../base/alarms.js';
import { HeadlandError, messageOf } from '../../../base/errors.js';
import type { Log } from '../../../base/log.js';
import type { Person } from '../../contract/hub-api.js';
import type { HubTally } from '../hub-tally.js';
import { tokenDigest } from '../people.js';
import type { HubConfig } from '../settings/hub-schema.js';
import type { HubStore } from '../store/hub-store.js';
import { isHubCommand } from './hub-commands.js';
import { HubDesk, notFound } from './hub-desk.js';
import {
  HUB_HEADERS,
  hubStatusOf,
  readHubJson,
  sendHubJson,
  sendHubRefusal,
  tooManyAttempts,
} from './hub-http.js';
import { hubMetricsText } from './hub-metrics.js';
import { loadHubPage, type PageFile } from './hub-pages.js';

const MAX_CONNECTIONS = 256;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** How often it is written when a person was seen. */
const SEEN_MS = 60_000;

export interface HubServerOptions {
  config: HubConfig;
  store: HubStore;
  replica: string;
  version: string;
  /** PEM; null: not encrypted. */
  cert: Buffer | null;
  key: Buffer | null;
  link: { readonly connected: boolean; readonly problem: HeadlandError | null };
  alarms: Alarms;
  leads: () => boolean;
  tally: HubTally;
  log: Log;
}

/** The JSON API of the hub, its page, and its metrics: docs/reference/fleet-hub.md. */
export class HubServer {
  readonly #options: HubServerOptions;
  #server: Server | null = null;
  readonly #desk: HubDesk;
  readonly #attempts = new AttemptLimiter(USUAL_ATTEMPTS, tooManyAttempts);
  #page = new Map<string, PageFile>();

  constructor(options: HubServerOptions) {
    this.#options = options;
    const { link, alarms } = options;
    this.#desk = new HubDesk({
      ...options,
      present: () => ({ connected: link.connected, problem: link.problem, alarms: alarms.list() }),
    });
  }

  /** @throws HeadlandError HL_FLEET_LISTEN_FAILED, HL_FLEET_CERTIFICATE */
  async start(): Promise<{ url: string }> {
    const { config, cert, key, log } = this.#options;
    this.#page = loadHubPage();
    const server = this.#create(cert, key);
    server.maxConnections = MAX_CONNECTIONS;
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.on('request', (request, response) => void this.#answer(request, response));
    const { host, port } = config.http;
    await listen(server, host, port);
    server.on('error', (error) => log.error({ err: error }, 'the server of the page failed'));
    this.#server = server;
    const address = server.address();
    const open = address !== null && typeof address === 'object' ? address.port : port;
    const name = host.includes(':') ? `[${host}]` : host;
    const url = `${cert === null ? 'http' : 'https'}://${name}:${open}/`;
    log.info({ url, page: this.#page.size > 0 }, 'the API listens');
    return { url };
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  #create(cert: Buffer | null, key: Buffer | null): Server {
    if (cert === null) return createServer();
    try {
      return createTlsServer({ cert, ...(key === null ? {} : { key }) });
    } catch (cause) {
      throw new HeadlandError(
        'HL_FLEET_CERTIFICATE',
        `cannot use http.certFile and http.key: ${messageOf(cause)}`,
        { remedy: 'Give a certificate and its private key, both in PEM.', cause },
      );
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HUB_HEADERS)) response.setHeader(name, value);
    try {
      await this.#route(request, response);
    } catch (error) {
      if (hubStatusOf(error) === 500) {
        this.#options.log.error({ err: error, path: request.url }, 'a request failed');
      }
      sendHubRefusal(response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://hub.invalid');
    const path = url.pathname;
    const { method } = request;
    const file = this.#page.get(path);
    if (method === 'GET' && file) {
      response.writeHead(200, {
        'content-type': file.type,
        'cache-control': file.cacheControl,
        'content-length': file.bytes.length,
      });
      response.end(file.bytes);
      return;
    }
    if (method === 'GET' && path === '/healthz') {
      await this.#options.store.leader();
      sendHubJson(response, { ok: true, leads: this.#options.leads() });
      return;
    }
    if (method === 'GET' && path === '/metrics' && this.#options.config.http.metricsOpen) {
      await this.#sendMetrics(response);
      return;
    }
    const person = await this.#person(request);
    if (method === 'GET') {
      if (path === '/metrics') await this.#sendMetrics(response);
      else sendHubJson(response, await this.#desk.read(url, person));
      return;
    }
    if (method !== 'POST' || !isHubCommand(path)) throw notFound(path);
    if (person.role !== 'operate') throw notAllowed(person);
    const body = await readHubJson(request);
    const answer = await this.#desk.command(path, person, body);
    sendHubJson(response, answer);
  }

  async #person(request: IncomingMessage): Promise<Person> {
    const [, token] =
      /^Bearer ([A-Za-z0-9_-]{16,128})$/.exec(request.headers.authorization ?? '') ?? [];
    const nowMs = Date.now();
    const client = clientOf(request.socket.remoteAddress);
    this.#attempts.check(client);
    const person =
      token === undefined
        ? null
        : await this.#options.store.transaction(async ({ people }) => {
            const found = await people.byDigest(tokenDigest(token));
            if (found !== null && nowMs - (found.lastSeenAtMs ?? 0) > SEEN_MS) {
              await people.seen(found.name, nowMs);
            }
            return found;
          });
    if (person !== null) {
      this.#attempts.succeeded(client);
      return person;
    }
    // Without a token nothing was guessed.
    if (token !== undefined) this.#attempts.failed(client);
    throw new HeadlandError('HL_FLEET_TOKEN_REFUSED', 'the token is missing or belongs to nobody', {
      remedy:
        'An operator makes tokens: `headland fleet people add NAME`. Give one with --token-file, or in the header Authorization.',
    });
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const nowMs = Date.now();
    const overview = await this.#desk.overview(nowMs);
    const { counters, heads, seenAtMs } = await this.#options.store.transaction(async (tables) => {
      const [row] = await tables.sql.all<{ replayed: number; refused: number; accepted: number }>(
        `SELECT CAST(COALESCE(SUM(replayed), 0) AS BIGINT) AS replayed,
           CAST(COALESCE(SUM(refused), 0) AS BIGINT) AS refused,
           CAST(COALESCE(SUM(accepted), 0) AS BIGINT) AS accepted FROM robots`,
      );
      const states = [];
      for (const { id, task } of await tables.scopes.list()) {
        for (const state of await tables.robotTasks.headStates(id)) states.push({ task, ...state });
      }
      const seen = await tables.robots.seenAtMs();
      return {
        counters: row ?? { replayed: 0, refused: 0, accepted: 0 },
        heads: states,
        seenAtMs: seen,
      };
    });
    const { tally } = this.#options;
    const leads = this.#options.leads();
    const text = hubMetricsText({
      overview,
      leads,
      counters,
      heads,
      lastSeenSeconds: seenAtMs.map((atMs) => Math.max(0, nowMs - atMs) / 1_000),
      refusals: tally.refusals(),
      // The leader merges: what another hub remembers of its time as the leader is old.
      merges: leads ? tally.merges() : [],
    });
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(text);
  }
}

function notAllowed({ name }: Person): HeadlandError {
  return new HeadlandError('HL_FLEET_ROLE', `"${name}" may view, but not operate`, {
    remedy: 'Ask an operator, or use the token of one.',
  });
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new HeadlandError(
          'HL_FLEET_LISTEN_FAILED',
          `cannot listen on ${host}, port ${port}: ${messageOf(cause)}`,
          { remedy: 'Choose another http.port, or end the program that uses it.', cause },
        ),
      ),
    );
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

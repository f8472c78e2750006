import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { issueText } from '../../base/words/issue-text.js';
import type { ConsoleSource, ConsoleSources, LatestFrame } from '../console-source.js';
import type { ACCESS } from '../contract/access-contract.js';
import { CONTRACT, type RouteKey } from '../contract/contract.js';
import type { FrameSummary } from '../contract/live-contract.js';
import { type BytesContract, isBytes, type RouteContract } from '../contract/route-contract.js';
import type { BytesAnswer, BytesBody, HandlersOf, OwnKey } from '../handlers.js';
import { type Admission, OwnReply } from './admission.js';
import type { Asset } from './assets.js';
import { json, type Reply } from './http.js';
import { openApiDocument } from './openapi.js';
import { type EventStreams, withClock } from './stream.js';

/** Name of the query parameter that chooses a task. */
export const TASK_PARAMETER = 'task';

/** A request whose parts are not checked yet. */
export interface Request {
  query: URLSearchParams;
  /** The variable parts of the path by name. */
  params: Record<string, string>;
  /** The JSON body, or the bytes of a route that takes bytes. */
  body: unknown;
  request: IncomingMessage;
  response: ServerResponse;
}

export interface Route {
  method: string;
  /** A literal path, or a pattern whose named groups become `params`. */
  path: string | RegExp;
  /** Needs no token, because the answer reveals nothing about the robot. */
  open: boolean;
  /** What the body must be; null: the route takes none. */
  body: 'json' | BytesContract | null;
  /** Default: the limit of the server. */
  maxBodyBytes: number | null;
  handle(request: Request): Reply | Promise<Reply>;
}

export interface RouteParts {
  sources: ConsoleSources;
  streams: EventStreams;
  assets: ReadonlyMap<string, Asset>;
  tokenNeeded: boolean;
  admission: Admission;
  /** Of headland. */
  version: string;
}

interface CheckedVisit {
  params: unknown;
  query: unknown;
  body: unknown;
}

type AnyHandler = (visit: CheckedVisit) => unknown;

/** All routes of the console: the files of the page and those of the contract. */
export function createRoutes(parts: RouteParts): Route[] {
  const pages = [...parts.assets].map(
    ([path, { type, bytes, cacheControl }]): Route => ({
      method: 'GET',
      path,
      open: true,
      body: null,
      maxBodyBytes: null,
      handle: () => ({ kind: 'bytes', type, bytes, headers: { 'cache-control': cacheControl } }),
    }),
  );
  const keys = Object.keys(CONTRACT) as RouteKey[];
  return [...pages, ...keys.map((key) => contractRoute(key, CONTRACT[key], parts))];
}

function contractRoute(key: RouteKey, contract: RouteContract, parts: RouteParts): Route {
  const [method, path] = key.split(' ') as [string, string];
  return {
    method,
    path: pathPattern(path),
    open: contract.open === true,
    body: bodyKind(method, contract),
    maxBodyBytes: contract.maxBodyBytes ?? null,
    async handle(request) {
      const query = new URLSearchParams(request.query);
      const task = query.get(TASK_PARAMETER) ?? undefined;
      query.delete(TASK_PARAMETER);
      const source = parts.sources(task);
      const own = ownHandlers(parts, source, request) as Record<string, AnyHandler>;
      const handler =
        own[key] ?? (source.handlers[key as keyof typeof source.handlers] as AnyHandler);
      if (handler === undefined) throw notFound('there is no such route');
      const result = await handler({
        params: contract.params ? parsePath(contract.params, request.params) : {},
        query: parseQuery(contract.query ?? null, query),
        body: parsedBody(contract, request.body),
      });
      return replyOf(contract, result);
    },
  };
}

function bodyKind(method: string, { body }: RouteContract): Route['body'] {
  if (method !== 'POST') return null;
  return body !== undefined && isBytes(body) ? body : 'json';
}

function replyOf({ answer, status }: RouteContract, result: unknown): Reply {
  if (result instanceof OwnReply) return result.reply;
  if (!isBytes(answer)) return json(result, status);
  if (result === null) return { kind: 'empty' };
  const { mediaType, bytes, headers } = result as BytesAnswer;
  return { kind: 'bytes', type: mediaType, bytes, ...(headers && { headers }) };
}

/** Handlers that need nothing but what every source offers. */
function ownHandlers(
  { streams, tokenNeeded, version, admission }: RouteParts,
  source: ConsoleSource,
  { request, response }: Request,
): HandlersOf<Exclude<OwnKey, 'GET /readyz' | 'GET /api/stream' | keyof typeof ACCESS>> &
  Record<string, unknown> {
  return {
    ...admission.handlers(request, response),
    'GET /healthz': () => ({ alive: true, tokenNeeded }),
    'GET /readyz': () => readiness(source),
    'GET /api/status': () => withClock(source.status()),
    'GET /api/latest': ({ query }) => {
      const frame = latest(source, query.camera);
      return { frame: frame === null ? null : summary(frame) };
    },
    'GET /api/frame.jpg': async ({ query }) => {
      const frame = latest(source, query.camera);
      if (frame === null) return null;
      const { widthPx } = query;
      const picture =
        widthPx === undefined ? frame.picture : await source.scaled(frame.picture, widthPx);
      // Sent together, so that a page never shows a picture with the decision of another one.
      const carried = encodeURIComponent(JSON.stringify(summary(frame)));
      return { ...picture, headers: { 'x-headland-frame': carried } };
    },
    'GET /api/openapi.json': () => new OwnReply(json(openApiDocument(version))),
    'GET /api/stream': () => {
      streams.add(source, response);
      return new OwnReply({ kind: 'taken' });
    },
  };
}

export function notFound(message: string): HeadlandError {
  return new HeadlandError('HL_CONSOLE_NOT_FOUND', message, {
    remedy:
      'Use a route listed in docs/reference/console.md. Take sample ids from GET /api/pictures and camera names from GET /api/status.',
  });
}

/** 200 when at least one camera runs and the backbone is loaded, else 503. */
function readiness(source: ConsoleSource): OwnReply {
  const { cameras, backbone } = source.status();
  const camera = cameras.some(({ phase }) => phase === 'running');
  const ready = camera && backbone !== null;
  return new OwnReply(json({ ready, camera, backbone: backbone !== null }, ready ? 200 : 503));
}

function latest(source: ConsoleSource, camera: string | undefined): LatestFrame | null {
  if (camera !== undefined && !source.status().cameras.some(({ name }) => name === camera)) {
    throw notFound(`there is no camera ${JSON.stringify(camera.slice(0, 64))}`);
  }
  return source.latest(camera);
}

function summary({ frameId, camera, capturedAtMs, decision }: LatestFrame): FrameSummary {
  return { frameId, camera, capturedAtMs, decision };
}

/** `/api/samples/{id}/picture`, as a pattern that a request path must match whole. */
function pathPattern(path: string): string | RegExp {
  if (!path.includes('{')) return path;
  const escaped = path.replaceAll('.', '\\.');
  return new RegExp(`^${escaped.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]{1,256})')}$`);
}

function parsePath(schema: z.ZodType, params: Record<string, string>): unknown {
  const result = schema.safeParse(params);
  if (result.success) return result.data;
  throw notFound(`there is nothing of that name: ${reasons(result.error).join('; ')}`);
}

function parseQuery(schema: z.ZodObject | null, query: URLSearchParams): unknown {
  const given = Object.fromEntries(query);
  // A parameter of another route is more likely than an attack, and ignoring it would mislead.
  const fault =
    schema === null
      ? Object.keys(given).map((name) => `Unrecognized parameter: ${name.slice(0, 64)}`)
      : repeated(query);
  const result = schema?.safeParse(given, { error: issueText });
  if (result?.success && fault.length === 0) return result.data;
  if (result === undefined && fault.length === 0) return {};
  const texts = [...fault, ...(result?.error ? reasons(result.error) : [])];
  throw new HeadlandError('HL_CONSOLE_QUERY_INVALID', texts.join('; '), {
    remedy: 'Send exactly the query parameters listed for this route in docs/reference/console.md.',
  });
}

function repeated(query: URLSearchParams): string[] {
  const names = [...query.keys()];
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  return twice.map((name) => `${name.slice(0, 64)}: is given twice`);
}

function parsedBody({ body: contract }: RouteContract, body: unknown): unknown {
  if (contract !== undefined && isBytes(contract)) return body as BytesBody;
  if (contract === undefined) return emptyBody(body);
  const result = contract.safeParse(body, { error: issueText });
  if (result.success) return result.data;
  throw bodyInvalid(reasons(result.error));
}

function emptyBody(body: unknown): unknown {
  if (body === undefined) return {};
  const isEmpty =
    typeof body === 'object' &&
    body !== null &&
    !Array.isArray(body) &&
    Object.keys(body).length === 0;
  if (isEmpty) return {};
  throw bodyInvalid(['this route takes the empty object {}']);
}

function bodyInvalid(texts: readonly string[]): HeadlandError {
  return new HeadlandError('HL_CONSOLE_BODY_INVALID', texts.join('; '), {
    // A label may come from a user of the page, to whom the documentation is of no use.
    remedy: texts.every((text) => text.startsWith('label: '))
      ? 'Choose another label.'
      : 'Send exactly the fields listed for this route in docs/reference/console.md.',
  });
}

/** The distinct problems; for a union, those of the alternative with the fewest. */
function reasons(error: z.core.$ZodError): string[] {
  const texts = error.issues.flatMap((issue) => {
    const { errors } = issue as { errors?: z.core.$ZodIssue[][] };
    const [closest] = [...(errors ?? [])].sort((a, b) => a.length - b.length);
    const issues = closest ?? [issue];
    return issues.map(({ path, message }) =>
      path.length > 0 ? `${path.join('.')}: ${message}` : message,
    );
  });
  return [...new Set(texts)];
}

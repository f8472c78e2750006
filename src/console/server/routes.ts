import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { issueText } from '../../base/words/issue-text.js';
import { MAX_LABEL_CHARACTERS, MAX_LABELLED_TOGETHER } from '../../base/words/label.js';
import type { GetAnswers, PostAnswers, PostBodies } from '../console-api.js';
import type {
  ConsoleSource,
  ConsoleSources,
  EncodedPicture,
  FrameSummary,
  LatestFrame,
} from '../console-source.js';
import type { Asset } from './assets.js';
import { json, type Reply } from './http.js';
import { type EventStreams, withClock } from './stream.js';

/** Name of the query parameter that chooses a task. */
export const TASK_PARAMETER = 'task';

export interface Visit {
  query: URLSearchParams;
  /** The variable parts of the path, in order. */
  parts: readonly string[];
  /** The JSON body of a POST. */
  body: unknown;
  response: ServerResponse;
}

export interface Route {
  method: 'GET' | 'POST';
  /** A literal path, or a pattern whose captures become `parts`. */
  path: string | RegExp;
  /** Needs no token, because the answer reveals nothing about the robot. */
  open?: boolean;
  handle(visit: Visit): Reply | Promise<Reply>;
}

const label = z
  .string()
  .trim()
  .min(1, 'a label must have at least one character')
  .refine(
    (text) => [...text].length <= MAX_LABEL_CHARACTERS,
    `a label must have at most ${MAX_LABEL_CHARACTERS} characters`,
  )
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a label must not contain control characters');
const id = z.string().min(1).max(192);
const version = z.int().min(1);
const group = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a group must not contain control characters');

const bodies: { [Path in keyof PostBodies]: z.ZodType<PostBodies[Path]> } = {
  '/api/label': z.union([
    z.strictObject({ frameId: id, label, group: group.optional() }),
    z.strictObject({ sampleId: id, label }),
    z.strictObject({ sampleIds: z.array(id).min(1).max(MAX_LABELLED_TOGETHER), label }),
  ]),
  '/api/retrain': z.strictObject({}),
  '/api/rollback': z.strictObject({ version: version.optional() }),
  '/api/promote': z.strictObject({ version }),
  '/api/pause': z.strictObject({ what: z.enum(['inference', 'training']) }),
  '/api/resume': z.strictObject({ what: z.enum(['inference', 'training']) }),
  '/api/snapshot': z.strictObject({ camera: z.string().min(1).max(128).optional() }),
};

/** Answers a request about one task. */
type Answer<T> = (source: ConsoleSource, visit: Visit) => T | Promise<T>;

/** All routes of the console, in one list for the server, the tests and the documentation. */
export function createRoutes(parts: {
  sources: ConsoleSources;
  streams: EventStreams;
  assets: ReadonlyMap<string, Asset>;
  tokenNeeded: boolean;
}): Route[] {
  const { sources, streams, assets, tokenNeeded } = parts;
  const pages = [...assets].map(
    ([path, { type, bytes, cacheControl }]): Route => ({
      method: 'GET',
      path,
      open: true,
      handle: () => ({ kind: 'bytes', type, bytes, headers: { 'cache-control': cacheControl } }),
    }),
  );
  /** A route about the task that the request names, by default about the first. */
  const about = (method: Route['method'], path: Route['path'], answer: Answer<Reply>): Route => ({
    method,
    path,
    handle: (visit) => answer(sources(visit.query.get(TASK_PARAMETER) ?? undefined), visit),
  });
  const get = <Path extends keyof GetAnswers>(
    path: Path,
    answer: Answer<GetAnswers[Path]>,
  ): Route => about('GET', path, async (source, visit) => json(await answer(source, visit)));
  const post = <Path extends keyof PostBodies>(
    path: Path,
    act: (source: ConsoleSource, body: PostBodies[Path]) => Promise<PostAnswers[Path]>,
    status = 200,
  ): Route =>
    about('POST', path, async (source, { body }) =>
      json(await act(source, parse<PostBodies[Path]>(bodies[path], body)), status),
    );
  const alive: GetAnswers['/healthz'] = { alive: true, tokenNeeded };
  return [
    ...pages,
    { method: 'GET', path: '/healthz', open: true, handle: () => json(alive) },
    about('GET', '/readyz', readiness),
    get('/api/status', (source) => withClock(source.status())),
    get('/api/latest', (source, { query }) => {
      const frame = latest(source, query);
      return { frame: frame === null ? null : summary(frame) };
    }),
    about('GET', '/api/frame.jpg', (source, { query }) => {
      const frame = latest(source, query);
      if (frame === null) return { kind: 'empty' };
      // Sent together, so that a page never shows a picture with the decision of another one.
      return picture(frame.picture, {
        'x-headland-frame': encodeURIComponent(JSON.stringify(summary(frame))),
      });
    }),
    about('GET', '/api/stream', (source, { response }) => {
      streams.add(source, response);
      return { kind: 'taken' };
    }),
    get('/api/waiting', (source, { query }) => ({ samples: source.waiting(limit(query, 24)) })),
    about('GET', /^\/api\/samples\/([A-Za-z0-9_-]{1,128})\/picture$/, (source, visit) => {
      const [sampleId] = visit.parts;
      const stored = source.picture(sampleId!);
      if (stored === null) throw notFound(`there is no picture of sample ${sampleId}`);
      return picture(stored);
    }),
    get('/api/reports', (source, { query }) => ({ reports: source.reports(limit(query, 20)) })),
    get('/api/heads', async (source) => ({ heads: await source.heads() })),
    get('/api/look-alikes', (source, { query }) => ({
      samples: source.lookAlikes(query.get('sample') ?? ''),
    })),
    post('/api/label', (source, order) => {
      if ('frameId' in order) return source.labelFrame(order.frameId, order.label, order.group);
      return 'sampleIds' in order
        ? source.labelSamples(order.sampleIds, order.label)
        : source.labelSample(order.sampleId, order.label);
    }),
    post('/api/retrain', (source) => source.retrain(), 202),
    post('/api/rollback', (source, { version }) => source.rollback(version)),
    post('/api/promote', (source, { version }) => source.promote(version)),
    post('/api/pause', (source, { what }) => source.pause(what)),
    post('/api/resume', (source, { what }) => source.resume(what)),
    post('/api/snapshot', (source, { camera }) => source.snapshot(camera)),
  ];
}

export function notFound(message: string): HeadlandError {
  return new HeadlandError('HL_CONSOLE_NOT_FOUND', message, {
    remedy:
      'Use a route listed in docs/reference/console.md. Take sample ids from GET /api/waiting and camera names from GET /api/status.',
  });
}

/** 200 when at least one camera runs and the backbone is loaded, else 503. */
function readiness(source: ConsoleSource): Reply {
  const { cameras, backbone } = source.status();
  const camera = cameras.some(({ phase }) => phase === 'running');
  const ready = camera && backbone !== null;
  const answer: GetAnswers['/readyz'] = { ready, camera, backbone: backbone !== null };
  return json(answer, ready ? 200 : 503);
}

function latest(source: ConsoleSource, query: URLSearchParams): LatestFrame | null {
  const camera = query.get('camera') ?? undefined;
  if (camera !== undefined && !source.status().cameras.some(({ name }) => name === camera)) {
    throw notFound(`there is no camera ${JSON.stringify(camera.slice(0, 64))}`);
  }
  return source.latest(camera);
}

function summary({ frameId, camera, capturedAtMs, decision }: LatestFrame): FrameSummary {
  return { frameId, camera, capturedAtMs, decision };
}

function picture({ mediaType, bytes }: EncodedPicture, headers?: Record<string, string>): Reply {
  return { kind: 'bytes', type: mediaType, bytes, ...(headers && { headers }) };
}

function limit(query: URLSearchParams, fallback: number): number {
  const given = query.get('limit');
  if (given === null) return fallback;
  if (/^\d{1,3}$/.test(given) && Number(given) >= 1 && Number(given) <= 100) return Number(given);
  throw new HeadlandError('HL_CONSOLE_QUERY_INVALID', 'limit is not a whole number from 1 to 100', {
    remedy: 'Set limit to a whole number from 1 to 100.',
  });
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body, { error: issueText });
  if (result.success) return result.data;
  const texts = reasons(result.error);
  throw new HeadlandError('HL_CONSOLE_BODY_INVALID', texts.join('; '), {
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

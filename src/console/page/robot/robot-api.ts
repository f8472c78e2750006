import { answerOf } from '../../../page/request/page-request.js';
import { Refusal } from '../../../page/request/refusal.js';
import type {
  AnswerOf,
  BodyOf,
  JsonKey,
  ParamsOf,
  PartOf,
  QueryOf,
  RouteKey,
} from '../../contract/contract.js';
import type { FrameSummary } from '../../contract/live-contract.js';

/** A part of a request that its route has, and nothing where it has none. */
type Given<Key extends RouteKey, Name extends 'params' | 'query' | 'body', Value> =
  PartOf<Key, Name> extends undefined
    ? unknown
    : Record<never, never> extends Value
      ? Partial<Record<Name, Value>>
      : Record<Name, Value>;

/** What a call of a route needs. */
export type CallOf<Key extends RouteKey> = Given<Key, 'params', ParamsOf<Key>> &
  Given<Key, 'query', QueryOf<Key>> &
  Given<Key, 'body', BodyOf<Key>>;

interface Loose {
  params?: Record<string, string>;
  query?: Record<string, string | undefined>;
  body?: unknown;
}

/** `/api/samples/{id}/picture` with the values of its variable parts. */
function pathOf(key: RouteKey, { params = {} }: Loose): string {
  const template = key.slice(key.indexOf(' ') + 1);
  return template.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''));
}

function writing(method: string, body: unknown): RequestInit & { headers: Record<string, string> } {
  const headers: Record<string, string> = { 'x-headland': '1' };
  if (method !== 'POST') return { method, headers };
  headers['content-type'] = 'application/json';
  return { method, headers, body: JSON.stringify(body ?? {}) };
}

/** Typed client of the console's routes. Every method throws Refusals. */
export class RobotApi {
  /**
   * @param refused called when the robot asks for a session
   * @param say texts for what the robot cannot say itself
   * @param task the task that requests are about; null: the first one of the robot
   */
  constructor(
    private readonly refused: () => void,
    private readonly task: () => string | null,
    private readonly say: (key: 'shell.unreadable' | 'shell.offline') => string,
  ) {}

  /**
   * Calls a route whose answer is JSON.
   * @param task the task that the request is about; default: the chosen one
   */
  call<Key extends JsonKey>(
    key: Key,
    request: CallOf<Key>,
    task = this.task(),
  ): Promise<AnswerOf<Key>> {
    const { query = {}, body } = request as Loose;
    const method = key.slice(0, key.indexOf(' '));
    const options = method === 'GET' ? {} : writing(method, body);
    const address = withQuery(pathOf(key, request as Loose), query, task);
    return this.#call(address, options, (response) => response.json());
  }

  /** The address of a route, for images and links. */
  address<Key extends RouteKey>(key: Key, request: CallOf<Key>): string {
    const { query = {} } = request as Loose;
    return withQuery(pathOf(key, request as Loose), query, this.task());
  }

  /**
   * The newest frame of a camera with its picture; null before the first.
   * @param widthPx scales the picture down to this width; absent: as it was captured
   */
  liveFrame(
    camera: string,
    widthPx?: number,
  ): Promise<{ frame: FrameSummary; picture: Blob } | null> {
    const size = widthPx === undefined ? {} : { widthPx: String(widthPx) };
    const address = this.address('GET /api/frame.jpg', { query: { camera, ...size } });
    return this.#call(address, {}, async (response) => {
      const carried = response.headers.get('x-headland-frame');
      if (response.status === 204 || carried === null) return null;
      const frame: FrameSummary = JSON.parse(decodeURIComponent(carried));
      return { frame, picture: await response.blob() };
    });
  }

  /**
   * Stores one image or archive.
   * @param query name of the file, and a label for it
   * @throws Refusal; DOMException AbortError
   */
  importFile(
    file: Blob,
    mediaType: string,
    query: QueryOf<'POST /api/pictures/import'>,
    signal: AbortSignal,
  ): Promise<AnswerOf<'POST /api/pictures/import'>> {
    const headers = { 'x-headland': '1', 'content-type': mediaType };
    const options = { method: 'POST', headers, body: file, signal };
    return this.#call(withQuery('/api/pictures/import', query, this.task()), options, (response) =>
      response.json(),
    );
  }

  samplePicture(sampleId: string): Promise<Blob> {
    return this.#call(
      this.address('GET /api/samples/{id}/picture', { params: { id: sampleId } }),
      {},
      (response) => response.blob(),
    );
  }

  /** The event stream as text; null when the response has no body. `signal` ends it. */
  stream(signal: AbortSignal): Promise<ReadableStream<string> | null> {
    return this.#call(this.address('GET /api/stream', {}), { signal }, async ({ body }) =>
      body === null ? null : body.pipeThrough(new TextDecoderStream()),
    );
  }

  /** @throws Refusal; DOMException AbortError when the signal of `options` aborts the request */
  async #call<Answer>(
    address: string,
    options: RequestInit & { headers?: Record<string, string> },
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await answerOf(address, options, read, this.say);
    } catch (error) {
      const isUnknown = error instanceof Refusal && error.status === 401;
      if (isUnknown && !address.startsWith('/api/session')) this.refused();
      throw error;
    }
  }
}

function withQuery(
  path: string,
  query: Record<string, string | undefined>,
  task: string | null,
): string {
  const given = Object.entries(task === null ? query : { ...query, task });
  const about = new URLSearchParams(
    given.filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
  return about === '' ? path : `${path}?${about}`;
}

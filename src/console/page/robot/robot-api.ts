import type { GetAnswers, PostAnswers, PostBodies, RefusalBody } from '../../console-api.js';
import type { FrameSummary } from '../../console-source.js';
import { Refusal } from './refusal.js';

/** Typed client of the console's routes. Every method throws Refusals. */
export class RobotApi {
  /**
   * @param tokens provides the token; `refused` is called when the robot rejects it
   * @param task the task that requests are about; null: the first one of the robot
   */
  constructor(
    private readonly tokens: { readonly token: string | null; refused(): void },
    private readonly task: () => string | null,
  ) {}

  get<Path extends keyof GetAnswers>(
    path: Path,
    query: Record<string, string> = {},
  ): Promise<GetAnswers[Path]> {
    return this.#call(path, query, {}, (response) => response.json());
  }

  post<Path extends keyof PostBodies>(
    path: Path,
    body: PostBodies[Path],
  ): Promise<PostAnswers[Path]> {
    const headers = { 'content-type': 'application/json', 'x-headland': '1' };
    const options = { method: 'POST', headers, body: JSON.stringify(body) };
    return this.#call(path, {}, options, (response) => response.json());
  }

  /** The newest frame of a camera with its picture; null before the first. */
  liveFrame(camera: string): Promise<{ frame: FrameSummary; picture: Blob } | null> {
    return this.#call('/api/frame.jpg', { camera }, {}, async (response) => {
      const carried = response.headers.get('x-headland-frame');
      if (response.status === 204 || carried === null) return null;
      const frame: FrameSummary = JSON.parse(decodeURIComponent(carried));
      return { frame, picture: await response.blob() };
    });
  }

  samplePicture(sampleId: string): Promise<Blob> {
    return this.#call(`/api/samples/${sampleId}/picture`, {}, {}, (response) => response.blob());
  }

  /** The event stream as text; null when the response has no body. `signal` ends it. */
  stream(signal: AbortSignal): Promise<ReadableStream<string> | null> {
    return this.#call('/api/stream', {}, { signal }, async ({ body }) =>
      body === null ? null : body.pipeThrough(new TextDecoderStream()),
    );
  }

  /** @throws Refusal; DOMException AbortError when the signal of `options` aborts the request */
  async #call<Answer>(
    path: string,
    query: Record<string, string>,
    options: RequestInit & { headers?: Record<string, string> },
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const headers: Record<string, string> = { ...options.headers };
    const { token } = this.tokens;
    if (token !== null) headers.authorization = `Bearer ${token}`;
    const task = this.task();
    const about = new URLSearchParams(task === null ? query : { ...query, task }).toString();
    let response: Response;
    try {
      response = await fetch(about === '' ? path : `${path}?${about}`, {
        ...options,
        headers,
        cache: 'no-store',
      });
      if (response.ok) return await read(response);
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
      throw new Refusal(0, cause instanceof SyntaxError ? UNREADABLE : SILENT);
    }
    if (response.status === 401) this.tokens.refused();
    throw new Refusal(response.status, await reasonOf(response));
  }
}

const SILENT = {
  message: 'the robot does not respond',
  remedy: 'Move closer or check the network.',
};
const UNREADABLE = {
  message: 'the response cannot be read',
  remedy: 'Reload the page.',
};

/** The robot's error; a proxy in between may respond with anything else. */
async function reasonOf(response: Response): Promise<RefusalBody['error']> {
  try {
    const { error }: RefusalBody = await response.json();
    return error;
  } catch {
    return { code: 'HTTP', message: `HTTP status ${response.status}`, remedy: 'Try again.' };
  }
}

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface Asked {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  /** What came of the body. */
  text: string;
}

/** Of what a response that never ends, such as a stream, is read. */
const READ_MS = 3_000;
const ANSWER_MS = 30_000;

/**
 * One request on a connection of its own. node:http, because fetch lets neither Host nor Origin be wrong
 * and tidies paths.
 * @throws Error when there is no response
 */
export function ask(url: string, { method, path, headers = {}, body }: Asked): Promise<Got> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, method, path, headers, agent: false };
    const outgoing = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      const end = (): void => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString('latin1');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        outgoing.destroy();
      };
      const timer = setTimeout(end, READ_MS);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', end);
      response.on('error', end);
    });
    outgoing.setTimeout(ANSWER_MS, () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A connection that has sent this much and never sends the rest. */
export class Drip {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  #answer = '';

  constructor(url: string, text: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname, () => this.#socket.write(text));
    this.#socket.on('data', (chunk) => {
      this.#answer += chunk.toString('latin1');
    });
    // A reset is an end, too.
    this.#socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  get answer(): string {
    return this.#answer;
  }

  more(text: string): void {
    if (this.#socket.writable) this.#socket.write(text);
  }

  close(): void {
    this.#socket.destroy();
  }
}

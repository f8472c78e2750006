import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseRecord } from '../values/parse-record.js';

const MAX_QUESTION_BYTES = 4_096;
const MAX_ANSWER_BYTES = 8_388_608;
const QUESTION_TIMEOUT_MS = 2_000;

/** Answers a question, which any program of this machine may have asked; null: no answer. */
export type Responder = (question: Record<string, unknown>) => unknown;

/**
 * Reads one line of JSON from a socket, answers it with one line of JSON, and closes the socket. A
 * program that only connects, or asks something else, gets no answer.
 */
export function answerQuestions(socket: Socket, respond: Responder): void {
  let received = '';
  socket.unref();
  socket.setEncoding('utf8');
  socket.setTimeout(QUESTION_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    received += text;
    const end = received.indexOf('\n');
    if (end === -1) {
      if (received.length > MAX_QUESTION_BYTES) socket.destroy();
      return;
    }
    socket.removeAllListeners('data');
    const question = parseRecord(received.slice(0, end));
    try {
      const answer = question === null ? null : respond(question);
      if (answer !== null) return void socket.end(`${JSON.stringify(answer)}\n`);
    } catch {
      // A question must never end the process that is asked.
    }
    socket.destroy();
  });
}

/**
 * Asks the holder of a lock.
 * @param socketName of {@link instanceSocket} or {@link instanceSockets}
 * @returns null: nobody holds it, or it does not answer. Never rejects.
 */
export function askInstance(
  socketName: string,
  question: object,
  timeoutMs: number,
): Promise<Record<string, unknown> | null> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ path: socketName });
    const end = (): void => {
      socket.destroy();
      clearTimeout(timer);
      resolve(parseRecord(received));
    };
    const timer = setTimeout(end, timeoutMs);
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(`${JSON.stringify(question)}\n`));
    socket.on('data', (text: string) => {
      received += text;
      if (received.length > MAX_ANSWER_BYTES) end();
    });
    socket.once('end', end);
    socket.once('error', end);
    socket.once('close', end);
  });
}

/** Sockets of all locks of a purpose that are held on this machine, as the kernel lists them. */
export function instanceSockets(purpose: string): string[] {
  let list: string;
  try {
    list = readFileSync('/proc/net/unix', 'utf8');
  } catch {
    return [];
  }
  // Some versions of Node.js fill the name with zeros, which the kernel shows as "@".
  const pattern = new RegExp(`@(headland-${purpose}-[0-9a-f]{32})@*$`);
  const names = list.split('\n').flatMap((line) => pattern.exec(line)?.[1] ?? []);
  return [...new Set(names)].map((name) => `\0${name}`);
}

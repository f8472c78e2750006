import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { HeadlandError, isHeadlandError, messageOf } from '../../../base/errors.js';

/** Who may send images, besides root. */
export type SocketAccess = 'owner' | 'group' | 'all';

const MODES: Readonly<Record<SocketAccess, number>> = { owner: 0o600, group: 0o660, all: 0o666 };

const BUSY = 'HL_CAMERA_DEVICE_BUSY: another program sends images here\n';

export interface FrameSocketOptions {
  /** Absolute path of the socket, at most 107 bytes. */
  path: string;
  access: SocketAccess;
  /** A sender has connected. @returns receives its bytes; throws HeadlandErrors */
  onSender(): SenderBytes;
}

export interface SenderBytes {
  take(chunk: Uint8Array): void;
  /** Once, however the connection ends. */
  end(): void;
}

/**
 * Listens on a Unix socket for one sender after another, until `signal` aborts. A second sender beside the
 * first is refused. Both that and bytes which `take` refuses are answered with one line: code and reason.
 *
 * @throws HeadlandError HL_CAMERA_SOCKET_REFUSED when it cannot listen there, and what `take` throws
 */
export async function listenForFrames(
  { path, access, onSender }: FrameSocketOptions,
  signal: AbortSignal,
): Promise<void> {
  await removeAbandoned(path);
  if (signal.aborted) return;
  const sockets = new Set<Socket>();
  const server = createServer();
  try {
    await listen(server, path, access);
    await new Promise<void>((resolve, reject) => {
      let sender: Socket | null = null;
      signal.addEventListener('abort', () => resolve(), { once: true });
      server.on('error', (error) => reject(socketRefused(path, messageOf(error), error)));
      server.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.once('close', () => sockets.delete(socket));
        if (sender !== null) {
          // What it has sent is read, or the answer would be lost with it.
          socket.resume();
          socket.end(BUSY, () => socket.destroySoon());
          return;
        }
        sender = socket;
        receive(socket, onSender(), reject);
        socket.once('close', () => {
          sender = null;
        });
      });
      if (signal.aborted) resolve();
    });
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
}

function receive(socket: Socket, bytes: SenderBytes, fail: (error: unknown) => void): void {
  let refused = false;
  socket.on('data', (chunk: Uint8Array) => {
    if (refused) return;
    try {
      bytes.take(chunk);
    } catch (error) {
      refused = true;
      const reason = isHeadlandError(error) ? `${error.code}: ${error.message}` : 'HL_INTERNAL';
      socket.end(`${reason}\n`, () => fail(error));
      socket.once('close', () => fail(error));
    }
  });
  socket.once('close', () => bytes.end());
}

function listen(server: Server, path: string, access: SocketAccess): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(socketRefused(path, messageOf(error), error));
    server.once('error', fail);
    server.listen({ path }, () => {
      server.removeListener('error', fail);
      try {
        chmodSync(path, MODES[access]);
        resolve();
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** Removes the socket that a killed process has left. @throws HeadlandError HL_CAMERA_SOCKET_REFUSED */
async function removeAbandoned(path: string): Promise<void> {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw socketRefused(path, 'something else than a socket is there');
    if (await isListening(path)) throw socketRefused(path, 'another program listens there');
    unlinkSync(path);
  } catch (error) {
    throw isHeadlandError(error) ? error : socketRefused(path, messageOf(error), error);
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function socketRefused(path: string, why: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_CAMERA_SOCKET_REFUSED', `cannot listen on ${path}: ${why}`, {
    remedy:
      'Set socket of the camera to a path of its own in a folder that the daemon may write, such as /run/headland/front.sock.',
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

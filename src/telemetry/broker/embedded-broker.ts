import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Aedes } from 'aedes';
import { HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { PacketGuard } from './packet-guard.js';

const HOST = '127.0.0.1';
const PACKET_MAX_BYTES = 16_777_216;
const CONNECT_TIMEOUT_MS = 10_000;
const QUEUE_LIMIT = 1_000;
/** MQTT 5: a client that is away for longer has lost its subscriptions and queued messages. */
const SESSION_MAX_SECONDS = 604_800;
/** MQTT 5: sessions of clients that are away, so that ever new client ids cannot take the memory. */
const AWAY_MAX_SESSIONS = 64;

export interface EmbeddedBrokerOptions {
  /** 0 = any free port. */
  port: number;
  maxConnections: number;
  log: Log;
  /** A larger packet ends its connection. Default 16 MiB: enough for a snapshot with its image. */
  packetMaxBytes?: number;
}

export interface EmbeddedBroker {
  /** mqtt://127.0.0.1:<port> */
  url: string;
  port: number;
  close(): Promise<void>;
}

/**
 * Starts a small broker in the daemon, for robots without one. It speaks MQTT 5 and 3.1.1, listens on
 * loopback only, accepts every process of this machine, and loses its state on a restart.
 * @throws HeadlandError HL_BROKER_PORT_IN_USE | HL_BROKER_START_FAILED
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { log, maxConnections, packetMaxBytes = PACKET_MAX_BYTES } = options;
  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    queueLimit: QUEUE_LIMIT,
    maximumPacketSize: packetMaxBytes,
    sessionExpiryIntervalLimit: SESSION_MAX_SECONDS,
    pendingSessionsLimit: AWAY_MAX_SESSIONS,
  });
  aedes.on('connectionError', (_, error) =>
    log.debug({ reason: messageOf(error) }, 'embedded broker: connection without MQTT'),
  );
  aedes.on('clientError', (client, error) => {
    log.debug({ client: client.id, reason: messageOf(error) }, 'embedded broker: client error');
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(guarded(socket, packetMaxBytes));
  });
  server.maxConnections = maxConnections;
  server.on('drop', () => {
    log.warn(
      { code: 'HL_BROKER_FULL', maxConnections },
      'embedded broker: connection refused, too many clients',
    );
  });
  try {
    await listen(server, options.port);
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(resolve));
    throw startError(error, options.port);
  }
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `mqtt://${HOST}:${port}`,
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Wraps a socket for aedes: incoming bytes pass the packet guard first. */
function guarded(socket: Socket, maxBytes: number): Duplex {
  const guard = new PacketGuard(maxBytes);
  // Errors reach aedes through the Duplex; without listeners here they would be thrown.
  socket.on('error', () => guard.destroy());
  guard.on('error', () => socket.destroy());
  return Duplex.from({ readable: socket.pipe(guard), writable: socket });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function startError(error: unknown, port: number): HeadlandError {
  if ((error as { code?: string }).code === 'EADDRINUSE') {
    return new HeadlandError(
      'HL_BROKER_PORT_IN_USE',
      `another program listens on ${HOST} port ${port}`,
      {
        remedy:
          'If another broker runs there, set mqtt.url to it. Else set embeddedBroker.port to a free port, or to 0 ' +
          'for any.',
        details: { port },
        cause: error,
      },
    );
  }
  return new HeadlandError(
    'HL_BROKER_START_FAILED',
    `the embedded broker cannot listen on ${HOST}:${port}: ${messageOf(error)}`,
    { remedy: 'Set embeddedBroker.port to a port that this user may open.', cause: error },
  );
}

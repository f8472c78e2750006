import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { clientOf } from '../../base/access/rate-limits.js';

export interface ConnectionLimits {
  maxConnections: number;
  /** Of one remote address; loopback, where a proxy or tunnel may stand for many, has no such limit. */
  maxConnectionsPerClient: number;
}

interface Held {
  socket: Socket;
  client: string;
  /** Order of the last change between waiting and serving. */
  turn: number;
  /** A request of somebody who may make it is being answered. */
  serving: boolean;
}

/**
 * Holds the connections of a server to their limits. Beyond one, the connection that has been without an
 * admitted request for longest is closed: of the client with the most of them. So connections that only
 * drip, or that stay open for nothing, make room for one that asks.
 */
export class Connections {
  private readonly held = new Map<string, Held>();
  private turns = 0;

  constructor(
    server: Server,
    private readonly limits: ConnectionLimits,
  ) {
    // Of a TLS server, too, this is the connection below: a half-done handshake counts.
    server.on('connection', (socket: Socket) => this.opened(socket));
  }

  get size(): number {
    return this.held.size;
  }

  /** The request is complete and admitted: its connection stays until the response has ended. */
  serve(request: IncomingMessage): void {
    this.change(request, true);
  }

  /** The response has ended. */
  served(request: IncomingMessage): void {
    this.change(request, false);
  }

  private opened(socket: Socket): void {
    const key = keyOf(socket);
    const client = clientOf(socket.remoteAddress);
    this.held.set(key, { socket, client, turn: ++this.turns, serving: false });
    socket.once('close', () => {
      if (this.held.get(key)?.socket === socket) this.held.delete(key);
    });
    const own = [...this.held.values()].filter((each) => each.client === client);
    if (own.length > this.limits.maxConnectionsPerClient && !isLoopbackAddress(client)) {
      this.close(own);
    } else if (this.held.size > this.limits.maxConnections) {
      this.close([...this.held.values()]);
    }
  }

  private close(among: readonly Held[]): void {
    const waiting = among.filter(({ serving }) => !serving);
    const counts = new Map<string, number>();
    for (const { client } of waiting) counts.set(client, (counts.get(client) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const [victim] = waiting
      .filter(({ client }) => counts.get(client) === most)
      .sort((a, b) => a.turn - b.turn);
    if (victim === undefined) return;
    this.held.delete(keyOf(victim.socket));
    victim.socket.destroy();
  }

  private change(request: IncomingMessage, serving: boolean): void {
    const held = this.held.get(keyOf(request.socket));
    if (held === undefined) return;
    held.serving = serving;
    held.turn = ++this.turns;
  }
}

/** The same for a TLS socket and the socket below it. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function isLoopbackAddress(client: string): boolean {
  return client === '::1' || client.startsWith('127.');
}

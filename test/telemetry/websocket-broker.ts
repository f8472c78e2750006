// A broker on WebSocket in a process of its own: `fork(file, [JSON of its Options])` answers with its port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { listen } from '../ports.js';

export const WEBSOCKET_BROKER = fileURLToPath(import.meta.url);

export interface WebSocketBrokerOptions {
  /** 0: any free one. */
  port: number;
  /** The only one that is served. */
  path: string;
  /** Closes the connection of who speaks MQTT 5, as brokers do that do not know it. */
  isOld: boolean;
  /** Files of a certificate and its key: wss. */
  tls: { cert: string; key: string } | null;
}

async function serve({ port, path, isOld, tls }: WebSocketBrokerOptions): Promise<number> {
  const broker = await Aedes.createBroker({
    preConnect: (_client, packet, done) => {
      const isRefused = isOld && packet.protocolVersion === 5;
      done(isRefused ? new Error('an unknown version') : null, !isRefused);
    },
  });
  const server =
    tls === null
      ? createServer()
      : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) });
  const sockets = new WebSocketServer({ server, path, handleProtocols: () => 'mqtt' });
  sockets.on('connection', (socket) => {
    const stream = createWebSocketStream(socket);
    stream.on('error', () => {});
    broker.handle(stream);
  });
  return listen(server, port);
}

const [options] = process.argv.slice(2);
if (process.argv[1] === WEBSOCKET_BROKER && options !== undefined) {
  process.send?.(await serve(JSON.parse(options) as WebSocketBrokerOptions));
}

import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  generate,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
  parser,
} from 'mqtt-packet';
import { listen } from '../ports.js';
import { Recorder } from '../recorder.js';

export interface Script {
  /** Reason of the CONNACK; 0, the default, accepts. */
  connack?: (connect: IConnectPacket) => number;
  /** `close` ends the connection instead of the SUBACK. */
  subscribe?: (subscribe: ISubscribePacket, connect: IConnectPacket) => 'grant' | 'close';
}

export interface ScriptedBroker {
  url: string;
  connects: Recorder<IConnectPacket>;
  subscriptions: Recorder<ISubscribePacket>;
  /** Acknowledged messages of the robot. */
  published: Recorder<IPublishPacket>;
  /** Ends all connections without a word. */
  drop(): void;
}

/** A broker of one client that does what a script says, and shows each packet as it was on the wire. */
export async function scriptedBroker(t: TestContext, script: Script = {}): Promise<ScriptedBroker> {
  const sockets = new Set<Socket>();
  const connects = new Recorder<IConnectPacket>();
  const subscriptions = new Recorder<ISubscribePacket>();
  const published = new Recorder<IPublishPacket>();

  const handle = (socket: Socket): void => {
    const packets = parser();
    let connect: IConnectPacket;
    const send = (packet: Packet): void => {
      socket.write(generate(packet, { protocolVersion: connect.protocolVersion ?? 4 }));
    };
    const onSubscribe = (packet: ISubscribePacket): void => {
      subscriptions.add(packet);
      if (script.subscribe?.(packet, connect) === 'close') {
        socket.destroy();
        return;
      }
      const granted = packet.subscriptions.map(({ qos }) => qos);
      send({ cmd: 'suback', messageId: packet.messageId!, granted });
    };
    const onConnect = (packet: IConnectPacket): void => {
      connect = packet;
      connects.add(packet);
      const code = script.connack?.(packet) ?? 0;
      send({ cmd: 'connack', sessionPresent: false, returnCode: code, reasonCode: code });
      if (code !== 0) socket.end();
    };
    const onPublish = (packet: IPublishPacket): void => {
      if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: 0 });
      published.add(packet);
    };
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') onConnect(packet);
      else if (packet.cmd === 'subscribe') onSubscribe(packet);
      else if (packet.cmd === 'publish') onPublish(packet);
      else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' });
    });
    socket.on('data', (bytes) => packets.parse(bytes));
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    handle(socket);
  });
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const port = await listen(server);
  t.after(() => {
    drop();
    server.close();
  });
  return { url: `mqtt://127.0.0.1:${port}`, connects, subscriptions, published, drop };
}

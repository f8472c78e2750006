import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { listen } from '../ports.js';

/** Answers of a {@link byteBroker}, as they stand in the standard. */
export interface ByteAnswers {
  /** To CONNECT. */
  connack: (version: number, count: number) => Buffer;
  /** After SUBACK. */
  afterwards?: Buffer;
  onSubscribe?: (filters: string[]) => void;
}

/** A broker of a few bytes: it answers CONNECT and SUBSCRIBE as it is told, and nothing else. */
export async function byteBroker(t: TestContext, answers: ByteAnswers): Promise<string> {
  const sockets = new Set<Socket>();
  let connects = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (packet) => {
      const type = packet[0]! >> 4;
      if (type === 1) {
        connects += 1;
        const answer = answers.connack(packet[packet.indexOf('MQTT') + 4]!, connects);
        if (isRefusal(answer)) socket.end(answer);
        else socket.write(answer);
      } else if (type === 8) {
        const { packetId, filters } = subscription(packet);
        answers.onSubscribe?.(filters);
        const granted = filters.map(() => 1);
        socket.write(Buffer.from([0x90, 3 + granted.length, ...packetId, 0, ...granted]));
        if (answers.afterwards) socket.end(answers.afterwards);
      } else if (type === 12) {
        socket.write(Buffer.from([0xd0, 0]));
      }
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${port}`;
}

/** Reads a SUBSCRIBE of MQTT 5 that came in one piece. */
function subscription(packet: Buffer): { packetId: number[]; filters: string[] } {
  let at = 1;
  while ((packet[at++]! & 0x80) !== 0);
  const packetId = [packet[at]!, packet[at + 1]!];
  // Our properties are shorter than 128 bytes.
  at += 3 + packet[at + 2]!;
  const filters: string[] = [];
  while (at < packet.length) {
    const end = at + 2 + packet.readUInt16BE(at);
    filters.push(packet.toString('utf8', at + 2, end));
    at = end + 1;
  }
  return { packetId, filters };
}

function isRefusal(connack: Buffer): boolean {
  return connack[3] !== 0;
}

/** CONNACK of MQTT 5. @param properties identifier and value of each, as bytes */
export function connack(reason: number, properties: readonly number[] = []): Buffer {
  return withProperties(0x20, [0, reason], properties);
}

/** DISCONNECT of MQTT 5. */
export function disconnect(reason: number, properties: readonly number[] = []): Buffer {
  return withProperties(0xe0, [reason], properties);
}

function withProperties(type: number, head: number[], properties: readonly number[]): Buffer {
  return Buffer.from([
    type,
    head.length + 1 + properties.length,
    ...head,
    properties.length,
    ...properties,
  ]);
}

/** A property whose value is text. */
export function textProperty(identifier: 0x1c | 0x1f, text: string): number[] {
  return [identifier, 0, Buffer.byteLength(text), ...Buffer.from(text)];
}

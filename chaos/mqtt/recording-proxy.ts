import { connect, createServer, type Socket } from 'node:net';
import { listen } from '../../test/ports.js';

const PUBLISH = 3;
const PUBACK = 4;
/** Reason codes from here on are refusals. */
const REFUSED = 0x80;

/** A message of QoS 1 that a broker has acknowledged. */
export interface Delivered {
  topic: string;
  payload: Buffer;
}

/**
 * Between robot and broker: knows what a broker has acknowledged, even if that broker is killed before
 * anybody has read it. MQTT 5.
 */
export class RecordingProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#carry(socket));
  url = '';

  private constructor(
    private readonly brokerPort: number,
    private readonly onDelivered: (message: Delivered) => void,
  ) {}

  static async start(
    brokerPort: number,
    onDelivered: (message: Delivered) => void,
  ): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(brokerPort, onDelivered);
    proxy.url = `mqtt://127.0.0.1:${await listen(proxy.#server)}`;
    return proxy;
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #carry(robot: Socket): void {
    const broker = connect(this.brokerPort, '127.0.0.1');
    const unanswered = new Map<number, Delivered>();
    const toBroker = new Packets((type, flags, body) => {
      if (type !== PUBLISH || (flags & 0x06) === 0) return;
      const { id, message } = readPublish(body);
      unanswered.set(id, message);
    });
    const toRobot = new Packets((type, _flags, body) => {
      if (type !== PUBACK) return;
      const id = body.readUInt16BE(0);
      const message = unanswered.get(id);
      unanswered.delete(id);
      if (message !== undefined && (body[2] ?? 0) < REFUSED) this.onDelivered(message);
    });
    for (const [from, to, packets] of [
      [robot, broker, toBroker],
      [broker, robot, toRobot],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => {
        packets.add(bytes);
        to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

/** Cuts a stream into MQTT packets. */
class Packets {
  #rest = Buffer.alloc(0);

  constructor(private readonly onPacket: (type: number, flags: number, body: Buffer) => void) {}

  add(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const length = readVarint(this.#rest, 1);
      if (length === null || this.#rest.length < length.end + length.value) return;
      const head = this.#rest[0]!;
      const end = length.end + length.value;
      this.onPacket(head >>> 4, head & 0x0f, this.#rest.subarray(length.end, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function readPublish(body: Buffer): { id: number; message: Delivered } {
  const topicEnd = 2 + body.readUInt16BE(0);
  const properties = readVarint(body, topicEnd + 2);
  if (properties === null) throw new Error('a PUBLISH without its properties');
  return {
    id: body.readUInt16BE(topicEnd),
    message: {
      topic: body.toString('utf8', 2, topicEnd),
      // The stream goes on in the same memory.
      payload: Buffer.from(body.subarray(properties.end + properties.value)),
    },
  };
}

/** Null: its end has not arrived. */
function readVarint(bytes: Buffer, start: number): { value: number; end: number } | null {
  let value = 0;
  for (let at = start; at < start + 4; at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 128 ** (at - start);
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new Error('no MQTT');
}

import { EventEmitter, once } from 'node:events';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import type { TestContext } from 'node:test';
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt';
import { HANG_MS } from '../../liveness.js';
import { listen } from '../../ports.js';
import { Mosquitto } from '../../telemetry/mosquitto.js';
import type { Field, Robot } from './field.js';
import { Running } from './start-scenario.js';

interface Message {
  topic: string;
  body: Record<string, unknown>;
}

/** A robot, and the means to run it and brokers, all of which end with the test. */
export class BrokerWorld {
  constructor(
    readonly t: TestContext,
    readonly field: Field,
    readonly robot: Robot,
  ) {}

  broker(...extraConfig: string[]): Promise<Mosquitto> {
    return Mosquitto.start(this.t, extraConfig);
  }

  /** The daemon, with its connections tried again quickly. */
  daemon(mqtt: Record<string, unknown>): Running {
    this.robot.configure({ mqtt: { backoffInitialMs: 50, backoffMaxMs: 1_000, ...mqtt } });
    const daemon = new Running(this.robot);
    this.t.after(() => daemon.stop());
    return daemon;
  }

  /** A broker that answers the first `times` connections with these packets, and then is a real one. */
  async refusing(answer: Buffer, times = 2): Promise<string> {
    const broker = await this.broker();
    let left = times;
    return this.#front((socket, first) => {
      if (left > 0) {
        left -= 1;
        socket.end(answer);
        return null;
      }
      return { port: broker.port, first };
    });
  }

  /** A person's tool, MQTT 5. */
  async person(url: string): Promise<Person> {
    const client = await connectAsync(url, { protocolVersion: 5 });
    this.t.after(() => client.endAsync(true));
    const person = new Person(client);
    await client.subscribeAsync('headland/#', { qos: 1 });
    return person;
  }

  /**
   * What stands in front of a broker: an old one that knows no MQTT 5, or a proxy that closes the
   * first connections without an answer.
   * @returns the address of it
   */
  async gate(kind: 'no MQTT 5' | 'no answer at first'): Promise<string> {
    const broker = await this.broker();
    let refusals = kind === 'no MQTT 5' ? Number.POSITIVE_INFINITY : 2;
    return this.#front((socket, first) => {
      // Fixed header, length, "MQTT": the version follows.
      const version = first[first.indexOf('MQTT') + 4];
      if (refusals > 0 && version === 5) {
        refusals -= 1;
        if (kind === 'no MQTT 5') socket.end(Buffer.from([0x20, 2, 0, 1]));
        else socket.destroy();
        return null;
      }
      return { port: broker.port, first };
    });
  }

  /** What stands in front of a broker, and decides by the first packet whether it goes on to it. */
  async #front(
    decide: (socket: Socket, first: Buffer) => { port: number; first: Buffer } | null,
  ): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', (packet) => {
        const decided = decide(socket, packet);
        if (decided === null) return;
        const onward = tcpConnect(decided.port, '127.0.0.1');
        onward.on('error', () => socket.destroy());
        onward.write(decided.first);
        socket.pipe(onward).pipe(socket);
      });
    });
    const port = await listen(server);
    this.t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `mqtt://127.0.0.1:${port}`;
  }
}

export class Person {
  readonly #received: Message[] = [];
  readonly #arrived = new EventEmitter();

  constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload) => {
      if (/\/cmd\/[a-z]+$/.test(topic) || payload.length === 0) return;
      this.#received.push({ topic, body: JSON.parse(payload.toString('utf8')) });
      this.#arrived.emit('message');
    });
  }

  /** Takes the first message that matches out of what has come, or waits for it. */
  async until(matches: (message: Message) => boolean): Promise<Message> {
    const signal = AbortSignal.timeout(HANG_MS);
    for (;;) {
      const index = this.#received.findIndex(matches);
      const [found] = index >= 0 ? this.#received.splice(index, 1) : [];
      if (found) return found;
      await once(this.#arrived, 'message', { signal });
    }
  }

  state(state: 'online' | 'offline'): Promise<Message> {
    return this.until(({ topic, body }) => topic.endsWith('/status') && body.state === state);
  }

  async send(name: string, fields: object, options: IClientPublishOptions = {}): Promise<void> {
    const payload = JSON.stringify(fields);
    await this.client.publishAsync(`headland/r1/cmd/${name}`, payload, { qos: 1, ...options });
  }

  /** An empty retained message takes a retained one away. */
  async clear(name: string): Promise<void> {
    await this.client.publishAsync(`headland/r1/cmd/${name}`, '', { qos: 1, retain: true });
  }

  /** Sends a command; returns its answer. */
  async ask(name: string, fields: object = {}, options: IClientPublishOptions = {}) {
    await this.send(name, fields, options);
    const topic = options.properties?.responseTopic ?? `headland/r1/cmd/${name}/response`;
    return (await this.until((answer) => answer.topic === topic)).body;
  }
}

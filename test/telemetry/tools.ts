import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { Alarms } from '../../src/base/alarms.js';
import { createLog, silentLog } from '../../src/base/log.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { CommandLedger } from '../../src/storage/commands/command-ledger.js';
import { openDatabase } from '../../src/storage/database.js';
import { CommandGuard } from '../../src/telemetry/commands/command-guard.js';
import type { MessageName } from '../../src/telemetry/contract/messages.js';
import type { Guarantees } from '../../src/telemetry/contract/topics.js';
import { Outbox, type OutboxOptions } from '../../src/telemetry/outbox/outbox.js';
import {
  TelemetryClient,
  type TelemetryClientOptions,
} from '../../src/telemetry/telemetry-client.js';
import { HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';

/** Waits until `check` gives something; the limit only guards against a hang. */
export async function until<T>(
  what: string,
  check: () => T | null | undefined | false,
): Promise<T> {
  const endMs = performance.now() + HANG_MS;
  while (performance.now() < endMs) {
    const value = check();
    if (value !== null && value !== undefined && value !== false) return value;
    await sleep(10);
  }
  throw new Error(`waited in vain for: ${what}`);
}

export function mqttSettings(overrides: Partial<Config['mqtt']> = {}): Config['mqtt'] {
  return {
    ...configSchema.parse({}).mqtt,
    backoffInitialMs: 50,
    backoffMaxMs: 1_000,
    willDelaySeconds: 0,
    ...overrides,
  };
}

export function openOutbox(path: string, options: Partial<OutboxOptions> = {}) {
  const db = openDatabase(path);
  const outbox = new Outbox(db, {
    maxBytes: 67_108_864,
    maxAgeMs: 604_800_000,
    maxInFlight: 20,
    flushIntervalMs: 50,
    ...options,
  });
  return {
    db,
    outbox,
    close() {
      outbox.close();
      db.close();
    },
  };
}

/** A robot's telemetry as the daemon would build it, with a database in a temporary folder. */
export function robot(
  t: TestContext | null,
  brokerUrl: string,
  {
    settings,
    robotId = 'r1',
    boot = 'boot-1',
    path,
    guarantees,
    namedTasks = false,
    onAlarm = () => {},
  }: {
    settings?: Partial<Config['mqtt']>;
    robotId?: string;
    boot?: string;
    path?: string;
    guarantees?: Guarantees;
    namedTasks?: boolean;
    onAlarm?: () => unknown;
  } = {},
) {
  const store = openOutbox(path ?? join(temporaryFolder(t!), 'outbox.db'));
  const alarms = new Alarms({ onRaised: onAlarm, onCleared: () => {} });
  const options: TelemetryClientOptions = {
    namedTasks,
    robotId,
    boot,
    settings: mqttSettings(settings),
    access: () => ({ url: brokerUrl, credentials: {} }),
    outbox: store.outbox,
    alarms,
    ...(guarantees ? { guarantees } : {}),
    guard: new CommandGuard({
      robotId,
      boot,
      ledger: new CommandLedger(store.db),
      settingsKeys: [],
      requireSignature: false,
    }),
    log: process.env.HL_TEST_LOG ? createLog({ level: 'debug', fileDescriptor: 2 }) : silentLog(),
  };
  const client = new TelemetryClient(options);
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await client.stop();
    store.close();
  };
  t?.after(stop);
  return { client, outbox: store.outbox, alarms, stop };
}

export interface Seen {
  topic: string;
  retain: boolean;
  bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: whatever came; the tests look into it
  json: any;
  packet: IPublishPacket;
}

/** Somebody else on the broker: hears everything below headland/ and can send. */
export class Observer {
  readonly client: MqttClient;
  readonly #seen = new Recorder<Seen>();

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, bytes, packet) => {
      let json: unknown = null;
      try {
        json = JSON.parse(bytes.toString());
      } catch {}
      this.#seen.add({ topic, retain: packet.retain, bytes, json, packet });
    });
  }

  static async connect(t: TestContext, url: string, protocolVersion: 4 | 5 = 5): Promise<Observer> {
    const client = await connectAsync(url, { protocolVersion, reconnectPeriod: 0, clean: true });
    const observer = new Observer(client);
    t.after(() => observer.close());
    await client.subscribeAsync('headland/#', { qos: 1 });
    return observer;
  }

  get seen(): readonly Seen[] {
    return this.#seen.all;
  }

  on(topic: string): Seen[] {
    return this.seen.filter((message) => message.topic === topic);
  }

  /** The first on this topic that matches, of those that came or will come. */
  next(topic: string, test: (message: Seen) => boolean = () => true): Promise<Seen> {
    return this.#seen.until((message) => message.topic === topic && test(message), topic);
  }

  close(): void {
    this.client.end(true);
    this.client.stream?.destroy();
  }
}

/** Sits between robot and broker, so that a test decides when there is a way. */
export class TcpProxy {
  #open = true;
  #muted = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    if (!this.#open) {
      socket.destroy();
      return;
    }
    const upstream = tcpConnect(this.#port, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.on('data', (bytes) => {
        if (one === socket && this.#muted) return;
        other.write(bytes);
      });
    }
  });
  readonly #port: number;
  url = '';

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(t: TestContext, port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    t.after(() => proxy.stop());
    proxy.url = `mqtt://127.0.0.1:${await listen(proxy.#server)}`;
    return proxy;
  }

  /** Carries no more to the broker: no acknowledgement arrives there. */
  mute(): void {
    this.#muted = true;
  }

  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#open = true;
    this.#muted = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export const event = (index: number, message = `number ${index}`) => ({
  kind: 'camera' as const,
  severity: 'info' as const,
  message,
  details: { index },
});

export const prediction = {
  task: 'main',
  frame_id: 'main-1',
  camera: 'main',
  sequence: 1,
  captured_at: new Date().toISOString(),
  label: 'weed',
  probability: 0.9,
  guess: false,
  top: [{ label: 'weed', probability: 0.9 }],
  head_version: 3,
  timings: { decode_ms: 2, backbone_ms: 5, head_ms: 0.1, total_ms: 8 },
};

const holdout = {
  accuracy: 0.9,
  macro_precision: 0.9,
  macro_recall: 0.9,
  macro_f1: 0.9,
  macro_auc: null,
  log_loss: 0.3,
  samples: 10,
  confusion: [
    [5, 0],
    [1, 4],
  ],
  labels: ['crop', 'weed'],
};

export const model = {
  task: 'main',
  head_version: 3,
  labels: ['crop', 'weed'],
  learner: 'ridge',
  holdout_macro_f1: 0.9,
  trained_at: new Date().toISOString(),
  backbone: 'efficientnet-lite0',
};

const metrics = {
  uptime_seconds: 12,
  frames_total: 100,
  dropped_total: 3,
  frames_per_second: 9.9,
  frame_ms_p50: 8,
  frame_ms_p95: 12,
  loop_delay_ms_p99: 4,
  rss_bytes: 100_000_000,
  temperature_c: null,
  samples: { total: 10, labelled: 8, waiting: 2 },
};

/** For each kind of message a function that sends one; what it says is never looked at. */
export function allKinds(client: TelemetryClient): Record<MessageName, () => boolean> {
  const said = (say: () => void) => () => {
    say();
    return true;
  };
  return {
    status: said(() =>
      client.publishStatus(() => ({ state: 'online', since: null, reason: null, paused: [] })),
    ),
    info: said(() =>
      client.publishInfo({
        version: '0.1.0',
        node: process.version,
        backbone: 'efficientnet-lite0',
        engine: 'onnxruntime-node 1.27.0',
        cameras: [{ name: 'main', driver: 'replay', simulated: false }],
      }),
    ),
    model: said(() => client.publishModel(model)),
    prediction: () => client.prediction(prediction),
    training_progress: () =>
      client.trainingProgress({
        task: 'main',
        training_id: 't1',
        phase: 'embed',
        done: 1,
        total: 2,
        eta_seconds: 1,
      }),
    event: () => client.event(event(1)),
    training_report: () =>
      client.trainingReport({
        task: 'main',
        training_id: 't1',
        trigger: 'command',
        outcome: 'promoted',
        reason: 'macro-F1 0.90 against 0.80',
        head_version: 3,
        samples: 10,
        classes: 2,
        holdout,
        champion_holdout: null,
        learner: 'ridge',
        lambda: 0.1,
        duration_seconds: 1.5,
      }),
    metrics: () => client.metrics(metrics),
    camera_quality: () =>
      client.cameraQuality({
        camera: 'main',
        condition: 'blurred',
        captured_at: new Date(0).toISOString(),
        mean_luma: 0.4,
        saturation: 0.3,
        overexposed_share: 0,
        sharpness: 0.001,
        usual_sharpness: 0.02,
      }),
  };
}

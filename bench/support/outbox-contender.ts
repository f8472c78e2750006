/**
 * A process of `npm run -s bench -- outbox`: one way to bring messages to a broker. Its task comes as JSON in
 * the first argument, its figures are the last line on standard output.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { connect } from 'mqtt';
import { Manager } from 'mqtt-jsonl-store';
import { Alarms } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import { type Database, openDatabase } from '../../src/storage/database.js';
import type { OutboxMessage } from '../../src/storage/outbox-table.js';
import { Outbox } from '../../src/telemetry/outbox/outbox.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';

export interface OutboxTask {
  kind: 'bare' | 'pass' | 'fill' | 'hold' | 'drain' | 'keep' | 'kept' | 'keep-jsonl' | 'kept-jsonl';
  url: string;
  /** Of the database; unused by `bare`. */
  path: string;
  messages: number;
  window: number;
  payloadBytes: number;
  /** Of mqtt-jsonl-store: as often as it can write, else as it does by itself. */
  tuned?: boolean;
  /** Of the `keep…` kinds: time between the last message and the kill. */
  killAfterMs?: number;
}

export interface OutboxFigures {
  seconds: number;
  messagesPerSecond: number;
  /** Processor time of all threads. */
  cpuMicrosecondsPerMessage: number;
  /** Most resident memory of the process, above what it had before the first message, bytes. */
  moreMemoryBytes: number;
  /** Messages that are still in the outbox. */
  left: number;
}

const SAMPLE_MS = 20;
const FILL_BATCH = 500;

const WAYS = {
  /** MQTT.js alone: the messages are in memory, a window of them unacknowledged. */
  async bare({ url, messages, window, payloadBytes }: OutboxTask): Promise<OutboxFigures> {
    const client = connect(url, { protocolVersion: 5, reconnectPeriod: 0, writeCache: false });
    await new Promise((resolve) => client.once('connect', resolve));
    return measured(messages, async () => {
      await new Promise<void>((resolve) => {
        let sent = 0;
        let acknowledged = 0;
        const next = (): void => {
          if (sent >= messages) return;
          const payload = payloadOf(sent, payloadBytes);
          sent += 1;
          client.publish('bench/event', payload, { qos: 1 }, () => {
            acknowledged += 1;
            if (acknowledged === messages) resolve();
            else next();
          });
        };
        for (let i = 0; i < window; i++) next();
      });
      return 0;
    });
  },

  /** Each message is stored, sent and deleted while the broker is there; as many wait as may be in flight. */
  async pass(task: OutboxTask): Promise<OutboxFigures> {
    const { outbox, client } = robot(task);
    client.start();
    await until(() => client.connected);
    return measured(task.messages, async () => {
      for (let sent = 0; sent < task.messages; ) {
        while (sent < task.messages && outbox.waiting < task.window) {
          outbox.enqueue(messageOf(sent++, task.payloadBytes));
          client.tend();
        }
        await nextTurn();
      }
      await until(() => outbox.waiting === 0);
      return 0;
    });
  },

  /** Messages are stored without a broker. */
  async fill(task: OutboxTask): Promise<OutboxFigures> {
    const { outbox, database } = robot(task);
    outbox.enqueue(messageOf(0, task.payloadBytes));
    const figures = await measured(task.messages, async () => {
      for (let at = 1; at < task.messages; ) {
        database.transaction(() => {
          const end = Math.min(at + FILL_BATCH, task.messages);
          for (; at < end; at++) outbox.enqueue(messageOf(at, task.payloadBytes));
        })();
        await nextTurn();
      }
      return outbox.waiting;
    });
    await close(outbox, database);
    return figures;
  },

  /** A robot that starts with what was stored before: what it takes while more messages come. */
  async hold(task: OutboxTask): Promise<OutboxFigures> {
    const { outbox, database } = robot(task);
    const left = outbox.waiting;
    const figures = await measured(task.messages, async () => {
      for (let at = 0; at < task.messages; at++) {
        outbox.enqueue(messageOf(at, task.payloadBytes));
        if (at % 10 === 0) await nextTurn();
      }
      return left;
    });
    // Of the whole process: that of an empty outbox is subtracted.
    const residentNow = residentBytes();
    await close(outbox, database);
    return { ...figures, moreMemoryBytes: residentNow };
  },

  /** Messages are acknowledged to the caller without a broker, until the process is killed. */
  async keep(task: OutboxTask): Promise<OutboxFigures> {
    const { outbox, database } = robot(task);
    for (let at = 0; at < task.messages; at++) {
      if (outbox.enqueue(messageOf(at, task.payloadBytes)) !== 'stored')
        throw new Error('not stored');
    }
    await database.settled();
    return killed();
  },

  /** How many of them the next process still has. */
  async kept(task: OutboxTask): Promise<OutboxFigures> {
    return { ...NOTHING, left: robot(task).outbox.waiting };
  },

  /** As `keep`, with MQTT.js and its store that writes lines of JSON. */
  async 'keep-jsonl'(task: OutboxTask): Promise<OutboxFigures> {
    const manager = await jsonlStore(task);
    const client = connect('mqtt://127.0.0.1:9', {
      protocolVersion: 5,
      reconnectPeriod: 60_000,
      outgoingStore: manager.outgoing,
      incomingStore: manager.incoming,
    });
    client.on('error', () => {});
    for (let at = 0; at < task.messages; at++) {
      client.publish('bench/event', payloadOf(at, task.payloadBytes), { qos: 1 });
    }
    await wait(task.killAfterMs ?? 0);
    return killed();
  },

  async 'kept-jsonl'(task: OutboxTask): Promise<OutboxFigures> {
    const manager = await jsonlStore(task);
    let left = 0;
    for await (const _ of manager.outgoing.createStream()) left += 1;
    return { ...NOTHING, left };
  },

  /** Messages that were stored before are sent. */
  async drain(task: OutboxTask): Promise<OutboxFigures> {
    const { outbox, client, database } = robot(task);
    const before = outbox.waiting;
    client.start();
    await until(() => client.connected);
    const figures = await measured(task.messages, async () => {
      await until(() => before - outbox.waiting >= task.messages);
      return outbox.waiting;
    });
    await close(outbox, database);
    return figures;
  },
};

const NOTHING = {
  seconds: 0,
  messagesPerSecond: 0,
  cpuMicrosecondsPerMessage: 0,
  moreMemoryBytes: 0,
};

async function jsonlStore({ path, tuned }: OutboxTask): Promise<Manager> {
  mkdirSync(path, { recursive: true });
  const options = { maxSize: 0, clean: false, throttleFS: { intervalMs: 1_000 } };
  const manager = tuned === true ? new Manager(path, options) : new Manager(path);
  await manager.open();
  return manager;
}

function killed(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal ends the process before this returns.
  throw new Error('still alive');
}

function robot({ url, path, window }: OutboxTask) {
  const database = openDatabase(path);
  const outbox = new Outbox(database, {
    maxBytes: 4e9,
    maxAgeMs: 604_800_000,
    maxInFlight: window,
  });
  // As the daemon does once everything is open.
  database.doNotBlock();
  const client = new TelemetryClient({
    robotId: 'bench',
    namedTasks: false,
    boot: 'bench',
    settings: {
      ...configSchema.parse({}).mqtt,
      url,
      protocol: '5',
      maxInFlight: window,
    },
    access: () => ({ url, credentials: {} }),
    outbox,
    alarms: new Alarms({ onRaised: () => {}, onCleared: () => {} }),
    log: silentLog(),
  });
  return { database, outbox, client };
}

async function close(outbox: Outbox, database: Database): Promise<void> {
  outbox.close();
  await database.idle();
  database.close();
}

function messageOf(index: number, payloadBytes: number): OutboxMessage {
  return {
    topic: 'bench/event',
    payload: payloadOf(index, payloadBytes),
    qos: 1,
    retain: false,
    class: 'event',
  };
}

function payloadOf(index: number, bytes: number): Buffer {
  return Buffer.from(JSON.stringify({ seq: index, text: '' }).padEnd(bytes));
}

async function measured(messages: number, work: () => Promise<number>): Promise<OutboxFigures> {
  const before = residentBytes();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, residentBytes());
  }, SAMPLE_MS);
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const left = await work();
  const seconds = (performance.now() - startMs) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  clearInterval(timer);
  most = Math.max(most, residentBytes());
  return {
    seconds,
    messagesPerSecond: messages / seconds,
    cpuMicrosecondsPerMessage: (cpu.user + cpu.system) / messages,
    moreMemoryBytes: most - before,
    left,
  };
}

function residentBytes(): number {
  const pages = readFileSync('/proc/self/statm', 'utf8').split(' ')[1];
  return Number(pages) * 4_096;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const task = JSON.parse(process.argv[2] ?? '{}') as OutboxTask;
process.stdout.write(`${JSON.stringify(await WAYS[task.kind](task))}\n`);
process.exit(0);

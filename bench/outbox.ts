import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Mosquitto } from '../test/telemetry/mosquitto.js';
import type { OutboxFigures, OutboxTask } from './support/outbox-contender.js';

const CONTENDER = fileURLToPath(new URL('./support/outbox-contender.js', import.meta.url));
const WINDOW = 20;
const PAYLOAD_BYTES = 300;
/** As the unit of the daemon sets it. */
const NODE_OPTIONS = '--max-semi-space-size=1';
const HELD_MESSAGES = 1_000;
const KEPT_MESSAGES = 1_000;
const LATER_MS = 1_500;
const LOCK_MS = 2_500;

/**
 * `npm run -s bench -- outbox [--messages N] [--queued N] [--rounds N]`: what the durable outbox costs beside
 * MQTT.js alone, at 20 unacknowledged messages and a mosquitto of its own; what it takes while many messages
 * wait; and how many of 1,000 messages are left after `kill -9`, beside the store of mqtt-jsonl-store.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const number = (name: string, otherwise: number): number => {
    const at = options.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(options[at + 1]);
  };
  const messages = number('messages', 30_000);
  const queued = number('queued', 1_000_000);
  const rounds = number('rounds', 5);
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  const broker = await Mosquitto.open();
  const task = (kind: OutboxTask['kind'], count: number, name = 'outbox.db'): OutboxTask => ({
    kind,
    url: broker.url,
    path: join(folder, name),
    messages: count,
    window: WINDOW,
    payloadBytes: PAYLOAD_BYTES,
  });
  try {
    const empty = await contend(task('hold', HELD_MESSAGES, 'empty.db'));
    const filled = await contend(task('fill', queued));
    const full = await contend(task('hold', HELD_MESSAGES));
    const bare: OutboxFigures[] = [];
    const drained: OutboxFigures[] = [];
    const passed: OutboxFigures[] = [];
    // Side by side: whatever else the machine does meets all of them.
    for (let round = 0; round < rounds; round++) {
      bare.push(await contend(task('bare', messages)));
      drained.push(await contend(task('drain', messages)));
      passed.push(await contend(task('pass', messages / 10, `pass-${round}.db`)));
    }
    await contend(task('keep', KEPT_MESSAGES, 'kept.db'));
    const kept = await contend(task('kept', 0, 'kept.db'));
    const keptJsonl = async (name: string, more: Partial<OutboxTask>): Promise<number> => {
      await contend({ ...task('keep-jsonl', KEPT_MESSAGES, name), ...more });
      // Its lock lasts for two seconds after a crash.
      await wait(LOCK_MS);
      const { left } = await contend({ ...task('kept-jsonl', 0, name), ...more });
      return KEPT_MESSAGES - left;
    };
    const lostJsonl = await keptJsonl('jsonl', { killAfterMs: LATER_MS });
    const lostTuned = await keptJsonl('jsonl-tuned', { tuned: true });
    const lostTunedLater = await keptJsonl('jsonl-later', { tuned: true, killAfterMs: LATER_MS });
    const ratios = drained.map(
      ({ messagesPerSecond }, round) => messagesPerSecond / bare[round]!.messagesPerSecond,
    );
    return {
      window: WINDOW,
      payload_bytes: PAYLOAD_BYTES,
      messages,
      bare_per_s: rate(bare),
      drain_per_s: rate(drained),
      drain_of_bare: round3(median(ratios)),
      drain_of_bare_each: ratios.map(round3),
      bare_cpu_us: median(bare.map((one) => one.cpuMicrosecondsPerMessage)),
      drain_cpu_us: median(drained.map((one) => one.cpuMicrosecondsPerMessage)),
      store_send_delete_per_s: rate(passed),
      queued: full.left,
      queue_per_s: Math.round(filled.messagesPerSecond),
      queued_memory_bytes: full.moreMemoryBytes - empty.moreMemoryBytes,
      drain_memory_bytes_max: Math.max(...drained.map((one) => one.moreMemoryBytes)),
      bare_memory_bytes_max: Math.max(...bare.map((one) => one.moreMemoryBytes)),
      killed_messages: KEPT_MESSAGES,
      lost: KEPT_MESSAGES - kept.left,
      lost_mqtt_jsonl_store_after_1500_ms: lostJsonl,
      lost_mqtt_jsonl_store_every_second_at_once: lostTuned,
      lost_mqtt_jsonl_store_every_second_after_1500_ms: lostTunedLater,
    };
  } finally {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The figures of one process; of one that kills itself there are none. */
async function contend(task: OutboxTask): Promise<OutboxFigures> {
  process.stderr.write(`${task.kind} ${task.messages}\n`);
  const child = spawn(process.execPath, [CONTENDER, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('exit', (...end) => resolve(end));
  });
  if (code === 0) return JSON.parse(output.trim().split('\n').at(-1) ?? '') as OutboxFigures;
  if (signal === 'SIGKILL') return NONE;
  throw new Error(`${task.kind} ended with ${code ?? signal}`);
}

const NONE: OutboxFigures = {
  seconds: 0,
  messagesPerSecond: 0,
  cpuMicrosecondsPerMessage: 0,
  moreMemoryBytes: 0,
  left: 0,
};

function rate(figures: readonly OutboxFigures[]): number {
  return Math.round(median(figures.map(({ messagesPerSecond }) => messagesPerSecond)));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

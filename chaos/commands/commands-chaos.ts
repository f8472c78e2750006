import { type ChildProcess, fork } from 'node:child_process';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectAsync, type MqttClient } from 'mqtt';
import { createRandom, type Random } from '../../src/base/random.js';
import { makeKey } from '../../src/telemetry/commands/command-key.js';
import { Mosquitto } from '../../test/telemetry/mosquitto.js';
import { badCommand, KINDS, type Kind, type Sent, validCommand } from './command-cases.js';
import { ROBOT_ID, type RobotCounts } from './command-robot.js';

const ROBOT = fileURLToPath(new URL('command-robot.js', import.meta.url));
const PREFIX = `headland/${ROBOT_ID}/cmd/`;
const CASES_PER_ROUND = 1_000;
const VALID_PER_ROUND = 20;
/** Longest time between the last message of a robot and its end. */
const LONGEST_WORK_MS = 30;
const HANG_MS = 600_000;
const LEAST_COUNTER = 1_000;
/** As fast as the broker delivers them. */
const FLOOD = 5_000;
/** Fewer than the refusals that are told in a minute: the limit itself is told, too. */
const FLOODED_PER_MINUTE = 20;
const MAX_GROWTH_BYTES = 64 * 1_048_576;
/** Commands whose retained messages are withdrawn. */
const NAMES = ['pause'];

export interface CommandsOutcome extends Record<string, unknown> {
  cases: number;
  /** Cases of each kind. */
  kinds: Record<Kind, number>;
  /** Cases that the robot executed; every one is a violation. */
  executed: number;
  /** Valid commands. */
  valid: number;
  /** Of them, so many were executed once. */
  executed_once: number;
  /** Sent to a robot that was killed before it answered, and not executed. */
  lost_with_the_kill: number;
  kills: number;
  /** A flood of forged commands, and a valid one in its middle and after it. */
  flood: FloodOutcome | null;
  violations: string[];
}

interface FloodOutcome {
  messages: number;
  refused: number;
  /** Refusals that were answered, by code; others are counted by them. */
  told: Record<string, number>;
  /** Growth of the memory of the robot, MiB. */
  growth_mib: number;
  /** Longest time that the robot did nothing else: a figure of this machine and its load. */
  longest_turn_ms: number;
}

/** `chaos -- commands --cases N --seed N`: default 10,000 cases. */
export async function run(options: readonly string[]): Promise<CommandsOutcome> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      cases: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
    },
  });
  return attackCommands({ cases: Number(values.cases), seed: Number(values.seed) });
}

/**
 * Sends bad commands to a robot that takes only signed ones, over a real broker. It is killed in the
 * middle, and gets everything again. Valid ones come between.
 */
export async function attackCommands(how: {
  cases: number;
  seed: number;
}): Promise<CommandsOutcome> {
  const campaign = new Campaign(createRandom(how.seed));
  try {
    await campaign.open();
    for (let left = how.cases; left > 0; left -= CASES_PER_ROUND) {
      await campaign.round(Math.min(left, CASES_PER_ROUND));
    }
    await campaign.flood();
    return campaign.outcome();
  } finally {
    await campaign.close();
  }
}

class Campaign {
  readonly #dir = mkdtempSync(join(tmpdir(), 'headland-commands-'));
  readonly #ends: (() => unknown)[] = [];
  readonly #key: KeyObject;
  readonly #publicKey: string;
  readonly #kinds: Record<Kind, number> = Object.fromEntries(
    KINDS.map((kind) => [kind, 0]),
  ) as Record<Kind, number>;
  /** Valid commands by transaction; true: the robot had time for it. */
  readonly #valid = new Map<string, { sent: Sent; undisturbed: boolean }>();
  readonly #answered = new Set<string>();
  #url = '';
  #client: MqttClient | null = null;
  #robot: ChildProcess | null = null;
  #boots = 0;
  #counter = LEAST_COUNTER;
  #number = 0;
  #cases = 0;
  #kills = 0;
  #flood: FloodOutcome | null = null;
  readonly #floodViolations: string[] = [];

  constructor(private readonly random: Random) {
    const { privatePem, publicKey } = makeKey();
    this.#key = createPrivateKey(privatePem);
    this.#publicKey = publicKey.text;
  }

  async open(): Promise<void> {
    const broker = await Mosquitto.open(['max_queued_messages 0', 'max_inflight_messages 100']);
    this.#ends.push(() => broker.stop());
    this.#url = broker.url;
    const client = await connectAsync(broker.url, { protocolVersion: 5 });
    this.#client = client;
    client.on('message', (_, bytes) => {
      const answer = JSON.parse(bytes.toString()) as { transaction?: string; ok: boolean };
      if (answer.ok && answer.transaction !== undefined) this.#answered.add(answer.transaction);
    });
    await client.subscribeAsync(`${PREFIX}+/response`, { qos: 1 });
  }

  /** One waits for the robot, which then gets the rest, is killed amid it, and gets it again. */
  async round(cases: number): Promise<void> {
    const bad = Array.from({ length: cases }, () => this.#case());
    const at = bad.findIndex(({ kind }) => kind === 'retained');
    const waiting = at < 0 ? [] : bad.splice(at, 1);
    for (const { sent } of waiting) await this.#publish(sent, true);
    await this.#start();
    await this.#handled(waiting.length, 0);
    const before = await this.#ask();
    const valid = Array.from({ length: VALID_PER_ROUND }, () => this.#makeValid(true));
    for (const { sent, kind } of this.#mixed<{ sent: Sent; kind?: Kind }>(bad, valid)) {
      await this.#publish(sent, kind === 'retained');
    }
    await this.#handled(bad.length + valid.length, before.accepted + before.refused);
    for (const name of NAMES) await this.#publish({ name, payload: Buffer.alloc(0) }, true);

    // Valid ones amid which it is killed, and which the broker and a stranger send again.
    const risky = Array.from({ length: VALID_PER_ROUND }, () => this.#makeValid(false));
    const publishing = risky.map(({ sent }) => this.#publish(sent));
    await sleep(this.random.uniform(0, LONGEST_WORK_MS));
    await this.#kill();
    await Promise.all(publishing);
    await this.#start();
    const restarted = await this.#ask();
    for (const { sent } of risky) await this.#publish(sent);
    await this.#handled(risky.length, restarted.accepted + restarted.refused);
    await this.#kill();
  }

  /** Thousands of commands at once, at a robot with a limit. Valid ones come through. */
  async flood(): Promise<void> {
    await this.#start(FLOODED_PER_MINUTE);
    // What the broker sends again after the last kill comes before this one.
    await this.#publish(this.#makeValid(true).sent);
    while ((await this.#ask()).accepted === 0) await sleep(5);
    const before = await this.#ask('begin');
    const messages = Array.from({ length: FLOOD }, () => {
      const makings = {
        key: this.#key,
        random: this.random,
        transaction: `flood-${this.#number++}`,
        counter: this.#counter + 1_000_000,
      };
      // What a trusted key has signed, even if it is malformed, uses up the limit of that key.
      return badCommand('forged', makings);
    });
    const [amid, later] = [this.#makeValid(true), this.#makeValid(true)];
    messages.splice(FLOOD / 2, 0, amid.sent);
    await Promise.all(messages.map((sent) => this.#publish(sent)));
    await this.#publish(later.sent);
    await this.#handled(messages.length + 1, before.accepted + before.refused);
    const { accepted, refused, told, rssBytes, longestTurnMs } = await this.#ask();
    this.#flood = {
      messages: messages.length + 1,
      refused: refused - before.refused,
      told,
      growth_mib: Math.round((rssBytes - before.rssBytes) / 1_048_576),
      longest_turn_ms: Math.round(longestTurnMs),
    };
    const check = (holds: boolean, violation: string): void => {
      if (!holds) this.#floodViolations.push(`flood: ${violation}`);
    };
    const taken = accepted - before.accepted;
    check(taken === 2, `${taken} commands were accepted, not the two valid ones`);
    check(this.#flood.refused === FLOOD, `${this.#flood.refused} of ${FLOOD} were refused`);
    check((told.HL_COMMAND_RATE_LIMITED ?? 0) > 0, 'no refusal names the limit');
    const answered = Object.values(told).reduce((sum, count) => sum + count, 0);
    check(answered <= 2 * 60, `${answered} refusals were answered, each a write to the disk`);
    check(
      rssBytes - before.rssBytes < MAX_GROWTH_BYTES,
      `the robot grew by ${this.#flood.growth_mib} MiB`,
    );
    await this.#kill();
  }

  outcome(): CommandsOutcome {
    const file = join(this.#dir, 'ledger');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
    const times = new Map<string, number>();
    for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1);
    const violations = [...this.#floodViolations];
    let once = 0;
    let lost = 0;
    for (const [transaction, { undisturbed }] of this.#valid) {
      const count = times.get(transaction) ?? 0;
      times.delete(transaction);
      if (count === 1) once += 1;
      if (count > 1)
        violations.push(`the valid command ${transaction} was executed ${count} times`);
      if (count > 0) continue;
      if (undisturbed || this.#answered.has(transaction)) {
        violations.push(`the valid command ${transaction} was not executed`);
      } else lost += 1;
    }
    for (const [transaction, count] of times) {
      violations.push(`the bad command ${transaction} was executed ${count} times`);
    }
    return {
      cases: this.#cases,
      kinds: this.#kinds,
      executed: [...times.values()].reduce((sum, count) => sum + count, 0),
      valid: this.#valid.size,
      executed_once: once,
      lost_with_the_kill: lost,
      kills: this.#kills,
      flood: this.#flood,
      violations,
    };
  }

  async close(): Promise<void> {
    if (this.#robot !== null) await this.#kill();
    await this.#client?.endAsync(true);
    for (const end of this.#ends.reverse()) await end();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #case(): { kind: Kind; sent: Sent } {
    const old = [...this.#valid.values()];
    // Before the first valid command there is none to send again.
    const kinds = old.length === 0 ? KINDS.filter((kind) => kind !== 'replayed') : KINDS;
    const kind = kinds[this.random.int(kinds.length)] ?? 'forged';
    this.#cases += 1;
    this.#kinds[kind] += 1;
    const again = old[this.random.int(Math.max(1, old.length))];
    if (kind === 'replayed' && again !== undefined) return { kind, sent: again.sent };
    const made = {
      key: this.#key,
      random: this.random,
      transaction: `bad-${this.#number++}`,
      counter: this.#counter + 1_000_000,
    };
    return { kind, sent: badCommand(kind === 'replayed' ? 'forged' : kind, made) };
  }

  #makeValid(undisturbed: boolean): { sent: Sent } {
    const transaction = `valid-${this.#number++}`;
    const sent = validCommand({ key: this.#key, transaction, counter: ++this.#counter });
    this.#valid.set(transaction, { sent, undisturbed });
    return { sent };
  }

  /** The valid ones keep their order: their counters rise. */
  #mixed<T>(bad: readonly T[], valid: readonly T[]): T[] {
    const rest = [...valid];
    const mixed = bad.flatMap((each) =>
      rest.length > 0 && this.random.uniform(0, 1) < (2 * valid.length) / bad.length
        ? [rest.shift() as T, each]
        : [each],
    );
    return [...mixed, ...rest];
  }

  async #publish({ name, payload, responseTopic }: Sent, retain = false): Promise<void> {
    const properties = responseTopic === undefined ? {} : { properties: { responseTopic } };
    await this.#client?.publishAsync(PREFIX + name, payload, { qos: 1, retain, ...properties });
  }

  async #start(perMinute = 60_000): Promise<void> {
    const ledger = join(this.#dir, 'ledger');
    const database = join(this.#dir, 'state.db');
    const boot = `boot-${++this.#boots}`;
    const options = [this.#url, database, ledger, boot, this.#publicKey, `${perMinute}`];
    this.#robot = fork(ROBOT, options);
    while (!(await this.#ask()).connected) await sleep(10);
  }

  async #kill(): Promise<void> {
    const robot = this.#robot;
    this.#robot = null;
    if (robot === null || robot.exitCode !== null) return;
    const ended = once(robot, 'exit');
    robot.kill('SIGKILL');
    await ended;
    this.#kills += 1;
  }

  async #ask(what: 'counts' | 'begin' = 'counts'): Promise<RobotCounts> {
    const robot = this.#robot;
    if (robot === null) throw new Error('no robot runs');
    const answer = once(robot, 'message', { signal: AbortSignal.timeout(HANG_MS) });
    robot.send(what);
    const [counts] = (await answer) as [RobotCounts];
    return counts;
  }

  /** Resolves when the robot has dealt with so many more messages. */
  async #handled(messages: number, before: number): Promise<void> {
    const endMs = performance.now() + HANG_MS;
    while (performance.now() < endMs) {
      const { accepted, refused } = await this.#ask();
      if (accepted + refused >= before + messages) return;
      await sleep(5);
    }
    throw new Error(`the robot has not dealt with ${messages} messages`);
  }
}

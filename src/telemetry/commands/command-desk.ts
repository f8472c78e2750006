import {
  DEFECT_REMEDY,
  HeadlandError,
  isHeadlandError,
  serialiseError,
} from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { Command, CommandAnswer } from '../contract/command-contract.js';
import { topicPrefix } from '../contract/messages.js';
import { commandTopic } from '../contract/topics.js';
import { type CommandGuard, type Delivery, isHarmless, type Signer } from './command-guard.js';
import {
  checkSize,
  isPlainName,
  parseCommand,
  responseTopicOf,
  validCommand,
} from './command-parser.js';
import { TokenBucket } from './token-bucket.js';

const REMEMBER_MS = 600_000;
const REMEMBER_MAX = 256;
const REFUSALS_ANSWERED_PER_MINUTE = 60;
/** More keys than people trust; each has its own limit of commands per minute. */
const MAX_KEY_LIMITS = 64;

/** A message on `cmd/<name>` as it came from the broker. */
export interface IncomingCommand {
  topic: string;
  payload: Uint8Array;
  retain: boolean;
  /** A broker may send a message of QoS 1 or 2 again. Absent: 0. */
  qos?: number;
  /** The broker has sent it before, or tried to. Absent: false. */
  dup?: boolean;
  /** MQTT 5 only. */
  responseTopic?: string;
  /** MQTT 5 only; echoed. */
  correlation?: Uint8Array;
}

export interface CommandMeta {
  /** Unix time, milliseconds. */
  receivedAtMs: number;
  responseTopic: string;
  /** Null: the command is not signed. */
  signer: Signer | null;
}

/** Executes a command and resolves to the `data` of the answer. Throws HeadlandErrors. */
export type CommandHandler = (command: Command, meta: CommandMeta) => Promise<unknown>;

export interface CommandDeskOptions {
  robotId: string;
  /** Larger payloads are refused without parsing. */
  maxBytes: number;
  /** Limit of commands per minute: of each key, and of all senders without a valid signature. */
  perMinute: number;
  /** Checks signatures and repeats; absent: no command is signed, and a restart forgets repeats. */
  guard?: CommandGuard;
  /** Null while the daemon cannot execute commands. */
  handler: () => CommandHandler | null;
  answer: (topic: string, correlation: Uint8Array | undefined, answer: CommandAnswer) => void;
  /**
   * Called for refusals, at most 60 a minute; `suppressed` = refusals not reported since the last.
   */
  refused: (error: HeadlandError, name: string, suppressed: number) => void;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
}

interface Remembered {
  fingerprint: string;
  atMs: number;
  answer: Promise<CommandAnswer>;
}

/**
 * Checks commands from the broker before they are executed. A repeated transaction, and a message that
 * the broker sends again, get the same answer instead of a second execution.
 */
export class CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #nowMs: () => number;
  readonly #commands: TokenBucket;
  readonly #ofKeys = new Map<string, TokenBucket>();
  readonly #refusals: TokenBucket;
  readonly #remembered = new Map<string, Remembered>();
  #accepted = 0;
  #refused = 0;
  #suppressed = 0;

  constructor(options: CommandDeskOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#commands = new TokenBucket(options.perMinute, this.#nowMs);
    this.#refusals = new TokenBucket(REFUSALS_ANSWERED_PER_MINUTE, this.#nowMs);
  }

  /** Commands since the start: accepted (executed or answered from memory) and refused. */
  get counts(): { accepted: number; refused: number } {
    return { accepted: this.#accepted, refused: this.#refused };
  }

  /** Handles one message from the broker. Never throws; resolves when it is answered. */
  async receive(incoming: IncomingCommand): Promise<void> {
    // This clears a retained message; it is not a command.
    if (incoming.retain && incoming.payload.byteLength === 0) return;
    const name = incoming.topic.slice(
      (topicPrefix(this.#options.robotId) + commandTopic('')).length,
    );
    let command: Command;
    let signer: Signer | null;
    let responseTopic: string;
    try {
      ({ command, signer } = this.#admit(incoming, name));
      responseTopic = responseTopicOf(this.#options.robotId, name, incoming.responseTopic);
    } catch (error) {
      this.#refuse(incoming, name, error);
      return;
    }
    const meta = { receivedAtMs: Date.now(), responseTopic, signer };
    let answer: CommandAnswer;
    try {
      answer = await this.#once(command, meta, deliveryOf(incoming, command, signer));
    } catch (error) {
      this.#refuse(incoming, name, error, command.transaction);
      return;
    }
    this.#options.answer(responseTopic, incoming.correlation, answer);
  }

  /** @throws HeadlandError why the message is not executed */
  #admit(incoming: IncomingCommand, name: string): { command: Command; signer: Signer | null } {
    if (incoming.retain) throw retainedError(name);
    const { guard, maxBytes, perMinute } = this.#options;
    const { payload } = incoming;
    const isLarge = payload.byteLength > maxBytes;
    let opened: ReturnType<CommandGuard['open']>;
    try {
      opened = guard === undefined || isLarge ? null : guard.open(name, payload);
    } catch (error) {
      // Forged commands use up the limit of all, never that of a key.
      this.#take(this.#commands, perMinute);
      throw error;
    }
    if (opened === null) {
      this.#take(this.#commands, perMinute);
      checkSize(payload, maxBytes);
      const command = parseCommand(name, payload, maxBytes);
      guard?.checkUnsigned(command);
      return { command, signer: null };
    }
    const { signer, fields } = opened;
    this.#take(this.#limitOf(signer.key), perMinute);
    return { command: validCommand(name, fields), signer };
  }

  #limitOf(key: string): TokenBucket {
    const limit = this.#ofKeys.get(key) ?? new TokenBucket(this.#options.perMinute, this.#nowMs);
    this.#ofKeys.set(key, limit);
    const [oldest] = this.#ofKeys.keys();
    if (this.#ofKeys.size > MAX_KEY_LIMITS && oldest !== undefined) this.#ofKeys.delete(oldest);
    return limit;
  }

  #take(bucket: TokenBucket, perMinute: number): void {
    if (bucket.take()) return;
    throw new HeadlandError(
      'HL_COMMAND_RATE_LIMITED',
      `more than ${perMinute} commands arrived within a minute (mqtt.commandsPerMinute)`,
      { remedy: 'Wait a minute and send commands more slowly, or raise mqtt.commandsPerMinute.' },
    );
  }

  /**
   * Executes a command unless its transaction, or the message itself, is known. Errors of the handler
   * become answers.
   * @throws HeadlandError HL_COMMAND_INVALID when the transaction belongs to another command; as #begin
   */
  async #once(
    command: Command,
    meta: CommandMeta,
    delivery: Delivery | null,
  ): Promise<CommandAnswer> {
    const { transaction } = command;
    const content = JSON.stringify(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1)));
    const fingerprint = `${meta.signer?.key ?? ''} ${content}`;
    const id = transaction ?? delivery?.id;
    if (id === undefined) return this.#begin(command, meta, fingerprint, null);
    this.#forgetOld();
    // The same bytes without the flag are a new command: somebody has pressed the button again.
    if (delivery !== null && !delivery.isAgain) this.#remembered.delete(id);
    const known = this.#remembered.get(id);
    if (known && known.fingerprint !== fingerprint) {
      throw new HeadlandError(
        'HL_COMMAND_INVALID',
        `the transaction ${JSON.stringify(transaction)} was already used for another command`,
        { remedy: 'Use a new transaction for every new command.', details: { transaction } },
      );
    }
    if (known) {
      const answer = await known.answer;
      this.#accepted++;
      return answer;
    }
    const answer = this.#begin(command, meta, fingerprint, delivery);
    // A picture is too large to be kept for the rare message that comes again: that one is refused.
    if (delivery !== null && command.name === 'snapshot') return answer;
    this.#remembered.set(id, { fingerprint, atMs: this.#nowMs(), answer });
    answer.catch((error: unknown) => {
      // What an earlier start began stays refused; a disk that failed may be tried again.
      if (isHeadlandError(error, 'HL_COMMAND_REPEATED')) return;
      if (this.#remembered.get(id)?.answer === answer) this.#remembered.delete(id);
    });
    return answer;
  }

  /** @throws HeadlandError HL_COMMAND_REPLAYED, HL_COMMAND_REPEATED, HL_COMMAND_UNAVAILABLE, HL_STORE_… */
  async #begin(
    command: Command,
    meta: CommandMeta,
    fingerprint: string,
    delivery: Delivery | null,
  ): Promise<CommandAnswer> {
    const { guard, handler } = this.#options;
    // It would use up the counter, and could not be sent again.
    if (meta.signer !== null && handler() === null) throw unavailable();
    await guard?.begin(command, meta.signer, sha256Hex(fingerprint), delivery);
    this.#accepted++;
    return this.#execute(command, meta);
  }

  async #execute(command: Command, meta: CommandMeta): Promise<CommandAnswer> {
    const head = {
      command: command.name,
      ...(command.transaction === undefined ? {} : { transaction: command.transaction }),
    };
    try {
      const handler = this.#options.handler();
      if (handler === null) throw unavailable();
      return { ...head, ok: true, data: (await handler(command, meta)) ?? null };
    } catch (error) {
      return { ...head, ok: false, error: publicError(error) };
    }
  }

  #forgetOld(): void {
    const oldest = this.#nowMs() - REMEMBER_MS;
    for (const [id, { atMs }] of this.#remembered) {
      if (atMs >= oldest && this.#remembered.size < REMEMBER_MAX) return;
      this.#remembered.delete(id);
    }
  }

  #refuse(incoming: IncomingCommand, name: string, thrown: unknown, transaction?: string): void {
    this.#refused++;
    // Each answer is a durable write: a flood of bad commands must not wear out the card.
    if (!this.#refusals.take()) {
      this.#suppressed++;
      return;
    }
    const error = isHeadlandError(thrown)
      ? thrown
      : new HeadlandError('HL_INTERNAL', serialiseError(thrown).message, {
          remedy: DEFECT_REMEDY,
        });
    const shownName = isPlainName(name) ? name : 'unknown';
    this.#options.refused(error, shownName, this.#suppressed);
    this.#suppressed = 0;
    const topic = this.#topicForRefusal(incoming, name);
    const known = transaction ?? (error.details.transaction as string | undefined);
    if (topic === null) return;
    this.#options.answer(topic, incoming.correlation, {
      command: shownName,
      ...(known === undefined ? {} : { transaction: known }),
      ok: false,
      error: publicError(error),
    });
  }

  #topicForRefusal(incoming: IncomingCommand, name: string): string | null {
    const safeName = isPlainName(name) ? name : null;
    try {
      if (safeName === null && incoming.responseTopic === undefined) return null;
      return responseTopicOf(this.#options.robotId, name, incoming.responseTopic);
    } catch {
      return safeName && responseTopicOf(this.#options.robotId, safeName);
    }
  }
}

/**
 * What tells a message that a broker sends again; null: something else does, or a second execution does
 * no harm. The packet identifier is no part of it: brokers give another one after a restart.
 */
function deliveryOf(
  { topic, payload, qos = 0, dup = false, responseTopic, correlation }: IncomingCommand,
  command: Command,
  signer: Signer | null,
): Delivery | null {
  if (qos === 0 || signer !== null || command.transaction !== undefined) return null;
  if (isHarmless(command)) return null;
  const parts = [topic, responseTopic ?? '', hexOf(correlation), hexOf(payload)];
  // Longer than a transaction may be.
  return { id: `message ${sha256Hex(parts.join('\n'))}`, isAgain: dup };
}

function hexOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}

function unavailable(): HeadlandError {
  return new HeadlandError('HL_COMMAND_UNAVAILABLE', 'the robot does not accept commands yet', {
    remedy: 'Send the command again when the topic status says "online".',
  });
}

function retainedError(name: string): HeadlandError {
  return new HeadlandError(
    'HL_COMMAND_RETAINED',
    `the command "${name.slice(0, 64)}" was sent as a retained message`,
    {
      remedy:
        'Clear it with an empty retained message on its topic (mosquitto_pub -r -n -t TOPIC), and send ' +
        'commands without the retain flag. A retained command arrives again with every connection.',
    },
  );
}

/** The error without stack and details, which must not leave the robot. */
function publicError(error: unknown): { code: string; message: string; remedy: string } {
  const { code, message, remedy } = serialiseError(error);
  return { code, message, remedy };
}

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
import type { CommandGuard, Signer } from './command-guard.js';
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
 * Checks commands from the broker before they are executed. A repeated transaction gets the same
 * answer instead of a second execution.
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
      answer = await this.#once(command, meta);
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
   * Executes a command unless its transaction is known. Errors of the handler become answers.
   * @throws HeadlandError HL_COMMAND_INVALID when the transaction belongs to another command; as #begin
   */
  async #once(command: Command, meta: CommandMeta): Promise<CommandAnswer> {
    const { transaction } = command;
    const content = JSON.stringify(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1)));
    const fingerprint = `${meta.signer?.key ?? ''} ${content}`;
    if (transaction === undefined) return this.#begin(command, meta, fingerprint);
    this.#forgetOld();
    const known = this.#remembered.get(transaction);
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
    const answer = this.#begin(command, meta, fingerprint);
    this.#remembered.set(transaction, { fingerprint, atMs: this.#nowMs(), answer });
    answer.catch((error: unknown) => {
      // What an earlier start began stays refused; a disk that failed may be tried again.
      if (isHeadlandError(error, 'HL_COMMAND_REPEATED')) return;
      if (this.#remembered.get(transaction)?.answer === answer) {
        this.#remembered.delete(transaction);
      }
    });
    return answer;
  }

  /** @throws HeadlandError HL_COMMAND_REPLAYED, HL_COMMAND_REPEATED, HL_COMMAND_UNAVAILABLE, HL_STORE_… */
  async #begin(command: Command, meta: CommandMeta, fingerprint: string): Promise<CommandAnswer> {
    const { guard, handler } = this.#options;
    // It would use up the counter, and could not be sent again.
    if (meta.signer !== null && handler() === null) throw unavailable();
    await guard?.begin(command, meta.signer, sha256Hex(fingerprint));
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
    for (const [transaction, { atMs }] of this.#remembered) {
      if (atMs >= oldest && this.#remembered.size < REMEMBER_MAX) return;
      this.#remembered.delete(transaction);
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

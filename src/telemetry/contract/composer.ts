import { DEFECT_REMEDY, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { redactedJson } from '../../base/redact.js';
import { type CommandAnswer, responseSchema } from './command-contract.js';
import { MESSAGES, type MessageName } from './messages.js';

/** Adds the envelope to messages, numbers them, and rejects those that violate the contract. */
export class Composer {
  readonly #boot: string;
  readonly #log: Log;
  #seq = 0;
  #invalid = 0;

  constructor(boot: string, log: Log) {
    this.#boot = boot;
    this.#log = log;
  }

  /** Number of messages that violated the contract: defects of the caller. */
  get invalid(): number {
    return this.#invalid;
  }

  /** The message as JSON; null, counted and logged, when it violates the contract. */
  message(name: MessageName, body: object): Buffer | null {
    const checked = MESSAGES[name].safeParse({
      schema: `${name}/1`,
      ...this.#envelope(),
      ...body,
    });
    if (checked.success) return Buffer.from(redactedJson(checked.data));
    this.#invalid++;
    this.#log.error(
      { code: 'HL_MESSAGE_INVALID', message: name, issues: checked.error.issues.slice(0, 5) },
      'dropped a message that violates the contract: a defect in headland',
    );
    return null;
  }

  /** The answer to a command; data that JSON cannot represent becomes an HL_INTERNAL answer. */
  response(answer: CommandAnswer): Buffer {
    const head = { schema: 'response/1' as const, ...this.#envelope() };
    try {
      return Buffer.from(redactedJson(responseSchema.parse({ ...head, ...answer })));
    } catch (error) {
      const { command, transaction } = answer;
      const failure = { code: 'HL_INTERNAL', message: messageOf(error), remedy: DEFECT_REMEDY };
      const failed = { ...head, command, transaction, ok: false, error: failure };
      return Buffer.from(redactedJson(failed));
    }
  }

  /** Replaces an answer that is larger than the broker accepts. */
  tooLarge(answer: CommandAnswer, bytes: number, limitBytes: number): Buffer {
    const { command, transaction } = answer;
    return this.response({
      command,
      ...(transaction === undefined ? {} : { transaction }),
      ok: false,
      error: {
        code: 'HL_COMMAND_RESPONSE_TOO_LARGE',
        message: `the answer has ${bytes} bytes; at most ${limitBytes} can be sent`,
        remedy:
          'Ask for less (no include_picture), raise the packet size that the broker takes (mosquitto: max_packet_size), or raise mqtt.outboxMaxBytes.',
      },
    });
  }

  #envelope(): { boot: string; seq: number; at: string } {
    return { boot: this.#boot, seq: ++this.#seq, at: new Date().toISOString() };
  }
}

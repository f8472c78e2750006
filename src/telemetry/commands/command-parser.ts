import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { issueText } from '../../base/words/issue-text.js';
import {
  COMMAND_NAMES,
  COMMANDS,
  type Command,
  type CommandName,
} from '../contract/command-contract.js';
import { MESSAGES, type MessageName, topicPrefix } from '../contract/messages.js';
import { messageTopic, responseTopic } from '../contract/topics.js';
import { parseStrictJson } from './strict-json.js';

const MAX_DEPTH = 16;
const MAX_TOPIC_LENGTH = 512;

/**
 * Parses the payload of `cmd/<name>`. The size is checked first.
 * @param maxBytes largest payload that is parsed
 * @throws HeadlandError HL_COMMAND_UNKNOWN | HL_COMMAND_TOO_LARGE | HL_COMMAND_INVALID_JSON |
 *   HL_COMMAND_INVALID; `details.transaction` carries the transaction where it could be read
 */
export function parseCommand(name: string, payload: Uint8Array, maxBytes: number): Command {
  checkSize(payload, maxBytes);
  if (!isCommandName(name)) throw unknownCommand(name);
  return validCommand(name, parseStrictJson(payload, MAX_DEPTH));
}

/** @throws HeadlandError HL_COMMAND_TOO_LARGE */
export function checkSize(payload: Uint8Array, maxBytes: number): void {
  if (payload.byteLength <= maxBytes) return;
  throw new HeadlandError(
    'HL_COMMAND_TOO_LARGE',
    `the command has ${payload.byteLength} bytes; mqtt.commandMaxBytes allows ${maxBytes}`,
    { remedy: 'Send a smaller command, or raise mqtt.commandMaxBytes.' },
  );
}

/**
 * Checks the fields of a command.
 * @throws HeadlandError HL_COMMAND_UNKNOWN | HL_COMMAND_INVALID
 */
export function validCommand(name: string, value: unknown): Command {
  if (!isCommandName(name)) throw unknownCommand(name);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HeadlandError(
      'HL_COMMAND_INVALID',
      `a command must be a JSON object, not ${kind(value)}`,
      {
        remedy: 'Send one JSON object: {} where the command needs no fields.',
      },
    );
  }
  const result = COMMANDS[name].safeParse(value, { error: issueText });
  if (!result.success) throw invalidFields(name, result.error, transactionOf(value));
  return { name, ...result.data } as Command;
}

/**
 * Topic of the answer: the response topic of the command, else `cmd/<name>/response`. A command
 * must not make the robot publish on other robots' topics (reflection), on topics of its own
 * messages (forged reports) or on its own commands (a loop).
 * @throws HeadlandError HL_COMMAND_RESPONSE_TOPIC
 */
export function responseTopicOf(robotId: string, name: string, requested?: string): string {
  const prefix = topicPrefix(robotId);
  const own = prefix + responseTopic(name);
  if (requested === undefined || requested === own) return own;
  const rest = requested.slice(prefix.length);
  const reserved = rest === '' || /^(?:cmd|task)(?:\/|$)/.test(rest) || RESERVED_TOPICS.has(rest);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects them
  const wellFormed = !/[+#\u0000-\u001f\u007f]/.test(requested);
  if (
    !requested.startsWith(prefix) ||
    reserved ||
    !wellFormed ||
    requested.length > MAX_TOPIC_LENGTH
  ) {
    throw new HeadlandError(
      'HL_COMMAND_RESPONSE_TOPIC',
      `the response topic ${JSON.stringify(requested.slice(0, 128))} is not allowed`,
      { remedy: `Ask for the answer on a topic below ${prefix}response/.` },
    );
  }
  return requested;
}

const RESERVED_TOPICS: ReadonlySet<string> = new Set(
  (Object.keys(MESSAGES) as MessageName[]).map((name) => messageTopic(name, null)),
);

/**
 * Whether a name is safe in topics and log lines; a command with another name has no default answer
 * topic.
 */
export function isPlainName(name: string): boolean {
  return /^[a-z][a-z0-9_-]{0,63}$/.test(name);
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function unknownCommand(name: string): HeadlandError {
  const shown = name.slice(0, 64);
  return new HeadlandError('HL_COMMAND_UNKNOWN', `there is no command ${JSON.stringify(shown)}`, {
    remedy: suggestion(shown, COMMAND_NAMES, `Use one of: ${COMMAND_NAMES.join(', ')}.`),
  });
}

function invalidFields(
  name: CommandName,
  error: z.ZodError,
  transaction: string | undefined,
): HeadlandError {
  const fields = Object.keys(COMMANDS[name].shape);
  const problems: string[] = [];
  let remedy = `The fields of "${name}" are: ${fields.join(', ')}.`;
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') {
      const unknown = issue.keys.map((key) => key.slice(0, 64));
      problems.push(`unknown field ${unknown.map((key) => JSON.stringify(key)).join(', ')}`);
      remedy = suggestion(unknown[0] ?? '', fields, remedy);
    } else {
      const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
      problems.push(`${where}${issue.message}`);
    }
  }
  return new HeadlandError('HL_COMMAND_INVALID', `command "${name}": ${problems.join('; ')}`, {
    remedy,
    details: transaction === undefined ? {} : { transaction },
  });
}

/** Suggests the nearest valid word if it is close enough to be a typo. */
function suggestion(word: string, valid: readonly string[], otherwise: string): string {
  const nearest = closest(word, valid);
  const near = distance(word, nearest) <= Math.max(2, Math.floor(nearest.length / 3));
  return near ? `Did you mean "${nearest}"? ${otherwise}` : otherwise;
}

function transactionOf(value: object): string | undefined {
  const transaction = (value as { transaction?: unknown }).transaction;
  const usable =
    typeof transaction === 'string' && transaction.length > 0 && transaction.length <= 64;
  return usable ? transaction : undefined;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

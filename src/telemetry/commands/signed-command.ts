import { type KeyObject, sign, verify } from 'node:crypto';
import { HeadlandError } from '../../base/errors.js';
import { isRecord } from '../../base/values/is-record.js';
import {
  MAX_LIFETIME_SECONDS,
  type SignedCommand,
  type Statement,
  signedCommandSchema,
  statementSchema,
} from '../contract/signed-command-contract.js';
import { type CommandKey, publicKeyOf } from './command-key.js';
import { parseStrictJson } from './strict-json.js';

/** A signature for another purpose must not count as one of a command. */
const PURPOSE = 'headland-command/1\n';
const MAX_DEPTH = 16;
/** Clocks of two machines that are set by a time server differ by less. */
const MAX_AHEAD_SECONDS = 60;

/** Signs a statement with a private key. */
export function signCommand(statement: Statement, key: KeyObject): SignedCommand {
  const signed = JSON.stringify(statement);
  const signature = sign(null, Buffer.from(PURPOSE + signed), key).toString('base64url');
  return { key: publicKeyOf(key).id, signed, signature };
}

/** Whether a payload may be a signed command: no command has a field of this name. */
export function looksSigned(payload: Uint8Array): boolean {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes(
    '"signature"',
  );
}

/**
 * Checks the signature of a payload.
 * @param keyOf a trusted key by its id
 * @returns null: no signed command, although a text in it may look like one
 * @throws HeadlandError HL_COMMAND_INVALID_JSON, HL_COMMAND_INVALID, HL_COMMAND_KEY_UNKNOWN,
 *   HL_COMMAND_SIGNATURE
 */
export function openSigned(
  payload: Uint8Array,
  keyOf: (id: string) => CommandKey | null,
): { key: CommandKey; statement: Statement } | null {
  const value = parseStrictJson(payload, MAX_DEPTH);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'signature'))
    return null;
  const envelope = signedCommandSchema.safeParse(value);
  if (!envelope.success) {
    throw new HeadlandError(
      'HL_COMMAND_INVALID',
      'a signed command has key, signed and signature',
      {
        remedy: 'Send it with `headland send`, or as the reference of MQTT describes.',
      },
    );
  }
  const { key: id, signed, signature } = envelope.data;
  // Refusals echo it, whoever wrote it.
  const named = transactionIn(signed);
  const key = keyOf(id);
  if (key === null) {
    throw new HeadlandError('HL_COMMAND_KEY_UNKNOWN', `the robot does not trust the key ${id}`, {
      remedy: 'Run `headland keys trust PUBLIC-KEY` on the robot, or sign with a trusted key.',
      details: { ...named, key: id },
    });
  }
  const bytes = Buffer.from(signature, 'base64url');
  const isCanonical = bytes.toString('base64url') === signature;
  if (!isCanonical || !verify(null, Buffer.from(PURPOSE + signed), key.key, bytes)) {
    throw new HeadlandError('HL_COMMAND_SIGNATURE', `the signature of key ${id} is wrong`, {
      remedy: 'Sign the exact bytes of the text in `signed`: `headland send` does.',
      details: { ...named, key: id },
    });
  }
  const statement = statementSchema.safeParse(parseStrictJson(Buffer.from(signed), MAX_DEPTH));
  if (!statement.success) {
    throw new HeadlandError(
      'HL_COMMAND_INVALID',
      'the signed statement has aud, command, iat, exp, counter and fields, and nothing else',
      { remedy: 'Send it with `headland send`, or as the reference of MQTT describes.' },
    );
  }
  return { key, statement: statement.data };
}

/**
 * Checks whom, what and when a statement is meant for.
 * @param here.nowMs Unix time; null: the clock is not set, and the counter of the key is what guards
 * @throws HeadlandError HL_COMMAND_AUDIENCE, HL_COMMAND_EXPIRED
 */
export function checkStatement(
  { aud, command, iat, exp, fields }: Statement,
  here: { robotId: string; command: string; nowMs: number | null },
): void {
  const details = namedBy(fields);
  if (aud !== here.robotId || command !== here.command) {
    throw new HeadlandError(
      'HL_COMMAND_AUDIENCE',
      `the command was signed for ${JSON.stringify(`${aud}/cmd/${command}`)}, not for "${here.robotId}/cmd/${here.command}"`,
      { remedy: 'Sign the id of this robot and the name of this command.', details },
    );
  }
  const expired = (message: string): HeadlandError => expiredError(message, details);
  const lifetimeSeconds = exp - iat;
  if (lifetimeSeconds < 0 || lifetimeSeconds > MAX_LIFETIME_SECONDS) {
    throw expired(
      `the command is valid for ${lifetimeSeconds} s; 0 to ${MAX_LIFETIME_SECONDS} are allowed`,
    );
  }
  if (here.nowMs === null) return;
  const nowSeconds = here.nowMs / 1_000;
  if (nowSeconds > exp) throw expired(`the command ended ${Math.ceil(nowSeconds - exp)} s ago`);
  if (iat > nowSeconds + MAX_AHEAD_SECONDS) {
    throw expired(`the command was signed ${Math.ceil(iat - nowSeconds)} s in the future`);
  }
}

/** The transaction of a statement that nobody has checked yet. */
function transactionIn(signed: string): { transaction?: string } {
  try {
    const value = parseStrictJson(Buffer.from(signed), MAX_DEPTH);
    return isRecord(value) ? namedBy(value.fields) : {};
  } catch {
    return {};
  }
}

function namedBy(fields: unknown): { transaction?: string } {
  const transaction = isRecord(fields) ? fields.transaction : undefined;
  const isUsable = typeof transaction === 'string' && /^.{1,64}$/s.test(transaction);
  return isUsable ? { transaction } : {};
}

function expiredError(message: string, details: { transaction?: string }): HeadlandError {
  return new HeadlandError('HL_COMMAND_EXPIRED', message, {
    remedy:
      'Sign and send the command again. If it goes on, compare the clocks of the robot and of the sender.',
    details,
  });
}

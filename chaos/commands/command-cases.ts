import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { Random } from '../../src/base/random.js';
import { makeKey } from '../../src/telemetry/commands/command-key.js';
import { signCommand } from '../../src/telemetry/commands/signed-command.js';
import type { Statement } from '../../src/telemetry/contract/signed-command-contract.js';
import { ROBOT_ID } from './command-robot.js';

export const KINDS = ['forged', 'replayed', 'stale', 'retained', 'foreign', 'malformed'] as const;
export type Kind = (typeof KINDS)[number];

/** A message that the campaign publishes on `cmd/<name>`. */
export interface Sent {
  name: string;
  payload: Buffer;
  responseTopic?: string;
}

/** What a case is made of. */
export interface Makings {
  key: KeyObject;
  random: Random;
  /** Names the case: an execution of it is found in the ledger. */
  transaction: string;
  /** Higher than every counter that was used. */
  counter: number;
}

const NAME = 'pause';

/** A command that the robot must execute, once. */
export function validCommand({ key, transaction, counter }: Omit<Makings, 'random'>): Sent {
  return { name: NAME, payload: json(signCommand(statement(transaction, counter), key)) };
}

/** A message that the robot must not execute. */
export function badCommand(kind: Exclude<Kind, 'replayed'>, makings: Makings): Sent {
  const makers = MAKERS[kind];
  const make = makers[makings.random.int(makers.length)];
  if (make === undefined) throw new Error(`no case of kind ${kind}`);
  return make(makings);
}

function statement(transaction: string, counter: number, changes: Partial<Statement> = {}) {
  const iat = Math.floor(Date.now() / 1_000);
  const fields = { transaction, what: 'training' };
  return { aud: ROBOT_ID, command: NAME, iat, exp: iat + 300, counter, fields, ...changes };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function signed({ key, transaction, counter }: Makings, changes: Partial<Statement> = {}): Sent {
  return { name: NAME, payload: json(signCommand(statement(transaction, counter, changes), key)) };
}

/** Signs a text as it is, well-formed or not. */
function signedText({ key }: Makings, text: string): Sent {
  const signature = sign(null, Buffer.from(`headland-command/1\n${text}`), key).toString(
    'base64url',
  );
  const { key: id } = signCommand(statement('x', 1), key);
  return { name: NAME, payload: json({ key: id, signed: text, signature }) };
}

function text({ transaction, counter }: Makings): string {
  return JSON.stringify(statement(transaction, counter));
}

function flipped(makings: Makings): Sent {
  const { name, payload } = signed(makings);
  const at = makings.random.int(payload.length);
  payload[at] = (payload[at] ?? 0) ^ (1 << makings.random.int(8));
  return { name, payload };
}

const stranger = createPrivateKey(makeKey().privatePem);
const seconds = (): number => Math.floor(Date.now() / 1_000);
const plain = (transaction: string, fields: object = {}): Buffer =>
  json({ transaction, what: 'training', ...fields });

const MAKERS: Record<Exclude<Kind, 'replayed'>, ((makings: Makings) => Sent)[]> = {
  forged: [
    ({ transaction }) => ({ name: NAME, payload: plain(transaction) }),
    (makings) => signed({ ...makings, key: stranger }),
    (makings) => {
      const own = signCommand(statement('x', 1), makings.key).key;
      const other = signCommand(statement(makings.transaction, makings.counter), stranger);
      return { name: NAME, payload: json({ ...other, key: own }) };
    },
    (makings) => {
      const command = signCommand(statement('x', 1), makings.key);
      return { name: NAME, payload: json({ ...command, signed: text(makings) }) };
    },
    (makings) => {
      const { signature: _, ...rest } = signCommand(
        statement(makings.transaction, makings.counter),
        makings.key,
      );
      return { name: NAME, payload: json({ ...rest, signature: 'A'.repeat(86), alg: 'none' }) };
    },
    (makings) => {
      const command = signCommand(statement(makings.transaction, makings.counter), makings.key);
      return { name: NAME, payload: json({ ...command, signature: 'A'.repeat(86) }) };
    },
    flipped,
  ],
  stale: [
    (makings) => signed(makings, { iat: seconds() - 400, exp: seconds() - 100 }),
    (makings) => signed(makings, { iat: seconds() + 3_600, exp: seconds() + 3_700 }),
    (makings) => signed(makings, { exp: seconds() + 86_400 }),
    (makings) => signed(makings, { exp: seconds() - 10 }),
  ],
  retained: [
    (makings) => signed(makings),
    ({ transaction }) => ({ name: NAME, payload: plain(transaction) }),
  ],
  foreign: [
    (makings) => signed(makings, { aud: 'another' }),
    (makings) => signed(makings, { command: 'resume' }),
    (makings) => ({ ...signed(makings), name: 'resume' }),
    (makings) => ({ ...signed(makings), responseTopic: 'headland/another/cmd/retrain' }),
    (makings) => ({ ...signed(makings), responseTopic: `headland/${ROBOT_ID}/status` }),
    (makings) => ({ ...signed(makings), responseTopic: `headland/${ROBOT_ID}/cmd/pause` }),
  ],
  malformed: [
    (makings) => signed(makings, { fields: { ...plainFields(makings), surprise: 1 } }),
    (makings) => signed(makings, { counter: -1 }),
    (makings) => signed(makings, { counter: 1.5 }),
    (makings) => signedText(makings, text(makings).replace('{', '{"counter":9,')),
    (makings) => signedText(makings, text(makings).replace('{', '{"__proto__":{"a":1},')),
    (makings) => signedText(makings, text(makings).slice(0, -1)),
    (makings) => signedText(makings, `${'['.repeat(60)}${']'.repeat(60)}`),
    (makings) =>
      signedText(
        makings,
        text(makings).replace('}', `,"deep":${'['.repeat(99)}${']'.repeat(99)}}`),
      ),
    ({ transaction }) => ({ name: NAME, payload: plain(transaction, { x: 'x'.repeat(40_000) }) }),
    ({ transaction }) => ({ name: 'toString', payload: plain(transaction) }),
    () => ({ name: NAME, payload: Buffer.from([0xff, 0xfe, 0x7b]) }),
    () => ({ name: NAME, payload: Buffer.alloc(0) }),
    () => ({ name: NAME, payload: Buffer.from('PRESS') }),
    (makings) => {
      const { payload } = signed(makings);
      return { name: NAME, payload: payload.subarray(0, makings.random.int(payload.length)) };
    },
  ],
};

function plainFields({ transaction }: Makings): Record<string, unknown> {
  return { transaction, what: 'training' };
}

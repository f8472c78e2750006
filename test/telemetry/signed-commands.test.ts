import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { CommandLedger } from '../../src/storage/commands/command-ledger.js';
import { openDatabase } from '../../src/storage/database.js';
import { CommandDesk, type IncomingCommand } from '../../src/telemetry/commands/command-desk.js';
import { CommandGuard } from '../../src/telemetry/commands/command-guard.js';
import { makeKey, parsePublicKey } from '../../src/telemetry/commands/command-key.js';
import { signCommand } from '../../src/telemetry/commands/signed-command.js';
import type { Command, CommandAnswer } from '../../src/telemetry/contract/command-contract.js';
import type { Statement } from '../../src/telemetry/contract/signed-command-contract.js';
import { temporaryFolder } from '../temporary-folder.js';

const NOW_MS = 1_780_000_000_000;
const NOW = NOW_MS / 1_000;

interface Key {
  id: string;
  publicKey: string;
  key: KeyObject;
}

function newKey(): Key {
  const { privatePem, publicKey } = makeKey();
  return { id: publicKey.id, publicKey: publicKey.text, key: createPrivateKey(privatePem) };
}

/** A robot's desk on a real database; `restart` is what a daemon does that was killed. */
function robot(
  t: TestContext,
  options: { required?: boolean; nowMs?: () => number | null; perMinute?: number } = {},
) {
  const path = join(temporaryFolder(t), 'state.db');
  const trusted = newKey();
  const executed: Command[] = [];
  const answers: CommandAnswer[] = [];
  const refusals: string[] = [];
  let boots = 0;
  const start = () => {
    const database = openDatabase(path);
    const ledger = new CommandLedger(database);
    const guard = new CommandGuard({
      robotId: 'r1',
      boot: `boot-${++boots}`,
      ledger,
      settingsKeys: [{ name: 'farm', publicKey: trusted.publicKey }],
      requireSignature: options.required ?? false,
      wallMs: options.nowMs ?? (() => NOW_MS),
    });
    const desk = new CommandDesk({
      robotId: 'r1',
      maxBytes: 4_096,
      perMinute: options.perMinute ?? 60_000,
      guard,
      handler: () => async (command) => {
        executed.push(command);
        return { n: executed.length };
      },
      answer: (_topic, _correlation, answer) => answers.push(answer),
      refused: (error) => refusals.push(error.code),
    });
    return { database, ledger, desk };
  };
  let running = start();
  t.after(() => running.database.close());
  return {
    trusted,
    executed,
    answers,
    refusals,
    ledger: () => running.ledger,
    restart: () => {
      running.database.close();
      running = start();
    },
    send: (name: string, payload: unknown, extra: Partial<IncomingCommand> = {}) =>
      running.desk.receive({
        topic: `headland/r1/cmd/${name}`,
        payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
        retain: false,
        ...extra,
      }),
  };
}

function statement(counter: number, changes: Partial<Statement> = {}): Statement {
  return {
    aud: 'r1',
    command: 'retrain',
    iat: NOW,
    exp: NOW + 60,
    counter,
    fields: {},
    ...changes,
  };
}

describe('signed commands', () => {
  test('a valid one is executed once, also across restarts', async (t) => {
    const { trusted, executed, refusals, send, restart } = robot(t, { required: true });
    const command = signCommand(statement(1), trusted.key);
    await send('retrain', command);
    assert.deepEqual(executed, [{ name: 'retrain' }]);
    await send('retrain', command);
    restart();
    await send('retrain', command);
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_REPLAYED', 'HL_COMMAND_REPLAYED']);
    await send('retrain', signCommand(statement(2), trusted.key));
    assert.equal(executed.length, 2);
    await send('retrain', signCommand(statement(1), trusted.key));
    assert.equal(executed.length, 2, 'a lower counter is as old as an equal one');
  });

  test('the counter of each key stands alone', async (t) => {
    const { trusted, executed, ledger, send } = robot(t);
    const other = newKey();
    ledger().trust({ id: other.id, publicKey: other.publicKey, name: 'second', addedAtMs: NOW_MS });
    await send('retrain', signCommand(statement(1_000), trusted.key));
    await send('retrain', signCommand(statement(1), other.key));
    assert.equal(executed.length, 2);
    assert.deepEqual([ledger().counter(trusted.id), ledger().counter(other.id)], [1_000, 1]);
  });

  const forged: [string, string, (key: Key) => unknown][] = [
    ['unsigned', 'HL_COMMAND_UNSIGNED', () => ({})],
    ['of an unknown key', 'HL_COMMAND_KEY_UNKNOWN', () => signCommand(statement(1), newKey().key)],
    [
      'signed by another key in the name of a trusted one',
      'HL_COMMAND_SIGNATURE',
      ({ id }) => ({ ...signCommand(statement(1), newKey().key), key: id }),
    ],
    [
      'changed after signing',
      'HL_COMMAND_SIGNATURE',
      ({ key }) => {
        const command = signCommand(statement(1), key);
        return { ...command, signed: command.signed.replace('"counter":1', '"counter":2') };
      },
    ],
    [
      'a signature for another purpose',
      'HL_COMMAND_SIGNATURE',
      ({ id, key }) => {
        const signed = JSON.stringify(statement(1));
        const signature = sign(null, Buffer.from(signed), key).toString('base64url');
        return { key: id, signed, signature };
      },
    ],
    [
      'another algorithm in the message',
      'HL_COMMAND_INVALID',
      ({ key }) => ({ ...signCommand(statement(1), key), alg: 'none' }),
    ],
    [
      'for another robot',
      'HL_COMMAND_AUDIENCE',
      ({ key }) => signCommand(statement(1, { aud: 'r2' }), key),
    ],
    [
      'for another command',
      'HL_COMMAND_AUDIENCE',
      ({ key }) => signCommand(statement(1, { command: 'rollback' }), key),
    ],
    [
      'ended',
      'HL_COMMAND_EXPIRED',
      ({ key }) => signCommand(statement(1, { iat: NOW - 60, exp: NOW - 1 }), key),
    ],
    [
      'from the future',
      'HL_COMMAND_EXPIRED',
      ({ key }) => signCommand(statement(1, { iat: NOW + 120, exp: NOW + 180 }), key),
    ],
    [
      'valid for too long',
      'HL_COMMAND_EXPIRED',
      ({ key }) => signCommand(statement(1, { exp: NOW + 601 }), key),
    ],
    [
      'with a field that the command does not have',
      'HL_COMMAND_INVALID',
      ({ key }) => signCommand(statement(1, { fields: { surprise: 1 } }), key),
    ],
    ['with a counter of zero', 'HL_COMMAND_INVALID', ({ key }) => signCommand(statement(0), key)],
    [
      'with a key twice in the statement',
      'HL_COMMAND_INVALID_JSON',
      ({ id, key }) => {
        const signed = JSON.stringify(statement(1)).replace('{', '{"counter":9,');
        const bytes = Buffer.from(`headland-command/1\n${signed}`);
        return { key: id, signed, signature: sign(null, bytes, key).toString('base64url') };
      },
    ],
  ];
  for (const [what, code, make] of forged) {
    test(`refused: ${what}`, async (t) => {
      const { trusted, executed, refusals, answers, ledger, send } = robot(t, { required: true });
      await send('retrain', make(trusted));
      assert.deepEqual(refusals, [code]);
      assert.equal(executed.length, 0);
      assert.equal(answers[0]?.ok, false, 'and answered');
      assert.equal(ledger().counter(trusted.id), 0, 'and the counter is not used up');
    });
  }

  test('any changed bit of the payload is refused', async (t) => {
    const { trusted, executed, send } = robot(t, { required: true });
    const payload = Buffer.from(JSON.stringify(signCommand(statement(1), trusted.key)));
    for (let bit = 0; bit < payload.length * 8; bit += 3) {
      const changed = Buffer.from(payload);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      await send('retrain', '', { payload: changed });
    }
    assert.equal(executed.length, 0);
  });

  test('without a clock the counter guards', async (t) => {
    const { trusted, executed, refusals, send } = robot(t, { nowMs: () => null });
    const old = signCommand(statement(1, { iat: 1_000, exp: 1_060 }), trusted.key);
    await send('retrain', old);
    await send('retrain', old);
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_REPLAYED']);
  });

  test('a revoked key is refused at once, also one of the settings', async (t) => {
    const { trusted, executed, refusals, ledger, send } = robot(t);
    await send('retrain', signCommand(statement(1), trusted.key));
    const { id, publicKey } = trusted;
    ledger().revoke({ id, publicKey, name: 'farm', addedAtMs: NOW_MS });
    await send('retrain', signCommand(statement(2), trusted.key));
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_KEY_UNKNOWN']);
  });

  test('a flood of forged commands does not keep a key from commanding', async (t) => {
    const { trusted, executed, send } = robot(t, { perMinute: 5 });
    for (let i = 0; i < 50; i++) await send('retrain', signCommand(statement(1), newKey().key));
    await send('retrain', signCommand(statement(1), trusted.key));
    assert.equal(executed.length, 1);
    for (let i = 2; i < 12; i++) await send('retrain', signCommand(statement(i), trusted.key));
    assert.equal(executed.length, 5, 'and each key has its own limit');
  });

  test('an unsigned transaction is executed once, also across restarts', async (t) => {
    const { executed, refusals, send, restart } = robot(t);
    await send('retrain', { transaction: 'a' });
    restart();
    await send('retrain', { transaction: 'a' });
    restart();
    await send('retrain', { transaction: 'a' });
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_REPEATED', 'HL_COMMAND_REPEATED']);
    await send('retrain', { transaction: 'b' });
    assert.equal(executed.length, 2);
  });

  test('after a day a transaction of an earlier start may be used again', async (t) => {
    const clock = { ms: NOW_MS };
    const { executed, send, restart } = robot(t, { nowMs: () => clock.ms });
    await send('retrain', { transaction: '1' });
    restart();
    clock.ms += 86_400_001;
    await send('retrain', { transaction: '1' });
    assert.equal(executed.length, 2);
  });

  test('a message that its broker sends again is executed once, also across restarts', async (t) => {
    const { executed, answers, refusals, send, restart } = robot(t);
    await send('retrain', {}, { qos: 1 });
    await send('retrain', {}, { qos: 1, dup: true });
    assert.equal(executed.length, 1);
    assert.deepEqual(answers[1], answers[0]);
    restart();
    await send('retrain', {}, { qos: 1, dup: true });
    await send('retrain', {}, { qos: 1, dup: true });
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_REPEATED', 'HL_COMMAND_REPEATED']);
    await send('retrain', { task: 'main' }, { qos: 1, dup: true });
    assert.equal(executed.length, 2, 'the first try did not arrive');
    await send('retrain', {}, { qos: 1, dup: true, correlation: Buffer.from('other') });
    assert.equal(executed.length, 3, 'another request');
  });

  test('who sends the same twice means it twice', async (t) => {
    const { executed, refusals, send, restart } = robot(t);
    await send('retrain', {}, { qos: 1 });
    await send('retrain', {}, { qos: 1 });
    restart();
    await send('retrain', {}, { qos: 1 });
    await send('retrain', {}, { qos: 0 });
    await send('retrain', {}, { qos: 0 });
    assert.equal(executed.length, 5);
    await send('retrain', {}, { qos: 1, dup: true });
    assert.equal(executed.length, 5);
    assert.deepEqual(refusals, []);
  });

  test('a picture is not kept for a message that comes again', async (t) => {
    const { executed, refusals, send } = robot(t);
    await send('snapshot', { include_picture: true }, { qos: 1 });
    await send('snapshot', { include_picture: true }, { qos: 1, dup: true });
    assert.equal(executed.length, 1);
    assert.deepEqual(refusals, ['HL_COMMAND_REPEATED']);
    await send('status', {}, { qos: 1 });
    await send('status', {}, { qos: 1, dup: true });
    assert.equal(executed.length, 3, 'what changes nothing is answered anew');
  });

  test('a public key that is none is refused', () => {
    const { publicKey } = newKey();
    assert.equal(parsePublicKey(`${publicKey}\n`).text, publicKey);
    for (const text of ['', 'ed25519:', publicKey.slice(0, -1), publicKey.replace('ed', 'rs')]) {
      assert.throws(
        () => parsePublicKey(text),
        (error) => isHeadlandError(error, 'HL_COMMAND_KEY_INVALID'),
      );
    }
  });
});

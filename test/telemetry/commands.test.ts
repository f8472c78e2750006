import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { startEmbeddedBroker } from '../../src/telemetry/broker/embedded-broker.js';
import { CommandDesk, type IncomingCommand } from '../../src/telemetry/commands/command-desk.js';
import { parseCommand, responseTopicOf } from '../../src/telemetry/commands/command-parser.js';
import { parseStrictJson } from '../../src/telemetry/commands/strict-json.js';
import {
  COMMAND_NAMES,
  type Command,
  type CommandAnswer,
  responseSchema,
} from '../../src/telemetry/contract/command-contract.js';
import { TEST_HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import { Observer, robot, TcpProxy, until } from './tools.js';

const bytes = (text: string) => Buffer.from(text);
const refusedWith = (code: string, pattern?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HeadlandError, String(error));
  assert.equal(error.code, code);
  if (pattern) assert.match(`${error.message} ${error.remedy}`, pattern);
  return true;
};

describe('command parser', () => {
  const examples: Record<string, object> = {
    retrain: {},
    label: { frame: 'main-12', label: 'weed', group: 'row 3' },
    look_alikes: { sample: '0198c1f3-11aa-7c10-9d5e-0a1b2c3d4e5f' },
    rollback: { version: 2 },
    promote: { version: 4 },
    pin: { version: 4 },
    unpin: {},
    snapshot: { camera: 'main', include_picture: true },
    speed: { meters_per_second: 1.5 },
    acknowledge_alerts: { rule: 'stop' },
    status: {},
    pause: { what: 'training' },
    resume: { what: 'inference' },
    hold: { holder: 'sprayer', seconds: 60, reason: 'spraying' },
    release: { holder: 'sprayer' },
  };

  test('takes every command', () => {
    assert.deepEqual(Object.keys(examples), COMMAND_NAMES);
    for (const [name, fields] of Object.entries(examples)) {
      const payload = { ...fields, transaction: 't-1' };
      assert.deepEqual(parseCommand(name, bytes(JSON.stringify(payload)), 1_024), {
        name,
        ...payload,
      });
    }
  });

  test('takes what tools put around a command', () => {
    for (const payload of [
      '{"transaction":"t"}\n',
      '{"transaction":"t"}\r\n',
      '\ufeff{"transaction":"t"}',
      ' \t{ "transaction" : "t" } ',
    ]) {
      assert.deepEqual(parseCommand('status', bytes(payload), 1_024), {
        name: 'status',
        transaction: 't',
      });
    }
  });

  test('takes the id of a frame whose camera and region have the longest names', () => {
    const frame = `0198c1f2-7a-${'c'.repeat(63)}.${'r'.repeat(63)}-${Number.MAX_SAFE_INTEGER}`;
    const command = parseCommand('label', bytes(JSON.stringify({ frame, label: 'weed' })), 1_024);
    assert.deepEqual(command, { name: 'label', frame, label: 'weed' });
  });

  test('refuses in every command a field that it does not have', () => {
    for (const [name, fields] of Object.entries(examples)) {
      const payload = bytes(JSON.stringify({ ...fields, surprise: 1 }));
      assert.throws(
        () => parseCommand(name, payload, 1_024),
        refusedWith('HL_COMMAND_INVALID', /unknown field "surprise"/),
      );
    }
  });

  const refused: [string, string, string, string, RegExp?][] = [
    ['nothing', 'retrain', '', 'HL_COMMAND_INVALID_JSON', /empty.*\{\} where no field/],
    ['a line end alone', 'retrain', '\r\n', 'HL_COMMAND_INVALID_JSON', /empty/],
    ['the word of a button', 'retrain', 'PRESS', 'HL_COMMAND_INVALID_JSON', /PRESS/],
    ['the word of a switch', 'pause', 'ON', 'HL_COMMAND_INVALID_JSON'],
    ['single quotes', 'status', "{'transaction': 'q'}", 'HL_COMMAND_INVALID_JSON'],
    ['a text that ends with a zero', 'status', '{}\0', 'HL_COMMAND_INVALID_JSON'],
    ['JSON within JSON', 'status', '"{}"', 'HL_COMMAND_INVALID', /not a string/],
    ['a number', 'status', '1', 'HL_COMMAND_INVALID', /not a number/],
    ['UTF-16', 'status', '\ufffe{\0}\0', 'HL_COMMAND_INVALID_JSON'],
    ['another case', 'Retrain', '{}', 'HL_COMMAND_UNKNOWN', /Did you mean "retrain"/],
    ['no name', '', '{}', 'HL_COMMAND_UNKNOWN'],
    ['misspelt command', 'retrian', '{}', 'HL_COMMAND_UNKNOWN', /Did you mean "retrain"/],
    ['inherited name', 'toString', '{}', 'HL_COMMAND_UNKNOWN'],
    ['too large', 'retrain', `{"transaction":"${'x'.repeat(300)}"}`, 'HL_COMMAND_TOO_LARGE'],
    ['misspelt field', 'label', '{"frmae":"a","label":"b"}', 'HL_COMMAND_INVALID', /"frame"/],
    [
      'both sample and frame',
      'label',
      '{"frame":"a","sample":"b","label":"c"}',
      'HL_COMMAND_INVALID',
    ],
    [
      'neither',
      'label',
      '{"label":"c"}',
      'HL_COMMAND_INVALID',
      /one of "sample", "samples" and "frame"/,
    ],
    ['path as id', 'label', '{"sample":"../x","label":"c"}', 'HL_COMMAND_INVALID'],
    ['control characters', 'label', '{"sample":"x","label":"a\\u0007"}', 'HL_COMMAND_INVALID'],
    ['long transaction', 'status', `{"transaction":"${'x'.repeat(65)}"}`, 'HL_COMMAND_INVALID'],
    ['fraction', 'rollback', '{"version":1.5}', 'HL_COMMAND_INVALID'],
    ['array', 'status', '[]', 'HL_COMMAND_INVALID', /an array/],
    ['region without camera', 'snapshot', '{"region":"1"}', 'HL_COMMAND_INVALID', /the "camera"/],
    ['null', 'status', 'null', 'HL_COMMAND_INVALID'],
    ['nothing', 'status', '', 'HL_COMMAND_INVALID_JSON'],
    ['no JSON', 'status', 'hello', 'HL_COMMAND_INVALID_JSON'],
    ['cut off', 'status', '{"transaction":"a', 'HL_COMMAND_INVALID_JSON'],
    ['key twice', 'pause', '{"what":"training","what":"inference"}', 'HL_COMMAND_INVALID_JSON'],
    [
      'key twice, escaped',
      'pause',
      '{"what":"training","wh\\u0061t":"x"}',
      'HL_COMMAND_INVALID_JSON',
    ],
    ['__proto__', 'status', '{"__proto__":{"a":1}}', 'HL_COMMAND_INVALID_JSON'],
    ['__proto__, escaped', 'status', '{"\\u005f_proto__":1}', 'HL_COMMAND_INVALID_JSON'],
    ['constructor deep inside', 'status', '{"a":[{"constructor":1}]}', 'HL_COMMAND_INVALID_JSON'],
    ['17 levels', 'status', `${'['.repeat(17)}${']'.repeat(17)}`, 'HL_COMMAND_INVALID_JSON', /16/],
    ['16 levels', 'status', `${'['.repeat(16)}${']'.repeat(16)}`, 'HL_COMMAND_INVALID'],
  ];
  for (const [what, name, payload, code, pattern] of refused) {
    test(`refuses: ${what}`, () => {
      assert.throws(() => parseCommand(name, bytes(payload), 256), refusedWith(code, pattern));
    });
  }

  test('refuses what is not UTF-8', () => {
    assert.throws(
      () => parseCommand('status', Buffer.from([0x7b, 0xff, 0x7d]), 256),
      refusedWith('HL_COMMAND_INVALID_JSON', /UTF-8/),
    );
  });

  test('arbitrary bytes, texts and JSON: a command or an HL_COMMAND_ error, nothing else', () => {
    const name = fc.oneof(fc.constantFrom(...COMMAND_NAMES), fc.string());
    const jsonish = fc
      .array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '"what"', '1', 'true', ' '))
      .map((parts) => parts.join(''));
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: 'binary' }).map(bytes),
      fc.json().map(bytes),
      jsonish.map(bytes),
      fc
        .dictionary(fc.constantFrom('label', 'frame', 'what', 'transaction', 'x'), fc.jsonValue())
        .map((value) => bytes(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(name, payload, (commandName, commandPayload) => {
        try {
          const command = parseCommand(commandName, commandPayload, 300);
          assert.equal(command.name, commandName);
          assert.ok((COMMAND_NAMES as string[]).includes(command.name));
        } catch (error) {
          assert.ok(error instanceof HeadlandError, String(error));
          assert.match(error.code, /^HL_COMMAND_/);
          assert.ok(error.message.length < 2_000 && error.remedy.length > 0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('the strict parser agrees with JSON.parse where it accepts', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        try {
          assert.deepEqual(parseStrictJson(bytes(text), 16), JSON.parse(text));
        } catch (error) {
          // JSON.stringify writes no key twice: only a forbidden one may be refused.
          assert.ok(error instanceof HeadlandError);
          assert.match(error.message, /is not allowed/);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('answers stay below the own prefix and off the own messages and commands', () => {
    assert.equal(responseTopicOf('r1', 'status'), 'headland/r1/cmd/status/response');
    const fine = 'headland/r1/response/desk-7';
    assert.equal(responseTopicOf('r1', 'status', fine), fine);
    for (const topic of [
      '',
      'headland/r1',
      'headland/r1/',
      'headland/r10/response/x',
      'headland/r2/response/x',
      'other/headland/r1/response',
      'headland/r1/cmd/retrain',
      'headland/r1/cmd/retrain/response',
      'headland/r1/status',
      'headland/r1/training/report',
      'headland/r1/response/+',
      'headland/r1/response/#',
      'headland/r1/response/a\u0000',
      `headland/r1/response/${'x'.repeat(600)}`,
      '$SYS/headland/r1/response',
    ]) {
      assert.throws(
        () => responseTopicOf('r1', 'status', topic),
        refusedWith('HL_COMMAND_RESPONSE_TOPIC'),
        topic,
      );
    }
  });
});

function desk(perMinute = 600) {
  const answers: { topic: string; answer: CommandAnswer }[] = [];
  const refusals: string[] = [];
  const executed: Command[] = [];
  const clock = { ms: 0 };
  const made = new CommandDesk({
    robotId: 'r1',
    maxBytes: 1_024,
    perMinute,
    handler: () => async (command) => {
      executed.push(command);
      if (command.name === 'rollback') {
        throw new HeadlandError('HL_HEAD_MISSING', 'no older head', { remedy: 'Train first.' });
      }
      if (command.name === 'promote') throw new TypeError('a defect');
      return { executed: executed.length };
    },
    answer: (topic, _, answer) => answers.push({ topic, answer }),
    refused: (error) => refusals.push(error.code),
    nowMs: () => clock.ms,
  });
  const send = (name: string, payload: unknown, extra: Partial<IncomingCommand> = {}) =>
    made.receive({
      topic: `headland/r1/cmd/${name}`,
      payload: bytes(typeof payload === 'string' ? payload : JSON.stringify(payload)),
      retain: false,
      ...extra,
    });
  return { answers, refusals, executed, clock, send, made };
}

describe('command desk', () => {
  test('a transaction is executed once and answered alike, for ten minutes', async () => {
    const { answers, executed, clock, send, refusals } = desk();
    await Promise.all([
      send('retrain', { transaction: 'a' }),
      send('retrain', { transaction: 'a' }),
    ]);
    await send('retrain', { transaction: 'a' });
    assert.equal(executed.length, 1);
    assert.equal(answers.length, 3);
    assert.deepEqual(answers[2]!.answer, answers[0]!.answer);
    await send('pause', { transaction: 'a', what: 'training' });
    assert.equal(executed.length, 1, 'the same transaction for something else is refused');
    assert.deepEqual(refusals, ['HL_COMMAND_INVALID']);
    clock.ms += 600_000;
    await send('retrain', { transaction: 'a' });
    assert.equal(executed.length, 1);
    clock.ms += 1;
    await send('retrain', { transaction: 'a' });
    assert.equal(executed.length, 2);
    await send('retrain', {});
    await send('retrain', {});
    assert.equal(executed.length, 4, 'without a transaction every message counts');
  });

  test('memory of transactions is bounded', async () => {
    const { executed, send } = desk(60_000);
    for (let i = 0; i < 300; i++) await send('status', { transaction: `t${i}` });
    await send('status', { transaction: 't299' });
    assert.equal(executed.length, 300, 'the newest is remembered');
    await send('status', { transaction: 't0' });
    assert.equal(executed.length, 301, 'the oldest is not');
  });

  test('errors of the handler become answers', async () => {
    const { answers, refusals, send } = desk();
    await send('rollback', { transaction: 'r' });
    assert.deepEqual(answers[0]!.answer, {
      command: 'rollback',
      transaction: 'r',
      ok: false,
      error: { code: 'HL_HEAD_MISSING', message: 'no older head', remedy: 'Train first.' },
    });
    await send('promote', { version: 1 });
    const { answer } = answers[1]!;
    assert.ok(!answer.ok);
    assert.equal(answer.error.code, 'HL_INTERNAL');
    assert.deepEqual(refusals, []);
  });

  test('too many commands: refused, and the refusals themselves are bounded', async () => {
    const { answers, executed, refusals, clock, send, made } = desk(10);
    for (let i = 0; i < 500; i++) await send('status', {});
    assert.equal(executed.length, 10);
    assert.equal(refusals.length, 60);
    assert.ok(refusals.every((code) => code === 'HL_COMMAND_RATE_LIMITED'));
    assert.equal(answers.length, 70);
    assert.equal(made.counts.refused, 490);
    clock.ms += 60_000;
    await send('status', {});
    assert.equal(executed.length, 11);
  });

  test('a refusal is answered where it is safe to answer', async () => {
    const { answers, executed, refusals, send } = desk();
    await send('status', {}, { responseTopic: 'headland/r2/cmd/retrain' });
    assert.equal(answers[0]!.topic, 'headland/r1/cmd/status/response');
    await send('NOT A NAME', {});
    assert.equal(answers.length, 1, 'a name that is none gets no topic');
    await send('nonsense', {}, { responseTopic: 'headland/r1/response/a' });
    assert.equal(answers[1]!.topic, 'headland/r1/response/a');
    await send('label', { transaction: 'q', lable: 'x' });
    assert.equal(answers[2]!.answer.transaction, 'q', 'echoed although the rest is wrong');
    await send('retrain', {}, { retain: true });
    await send('retrain', '', { retain: true });
    assert.deepEqual(refusals, [
      'HL_COMMAND_RESPONSE_TOPIC',
      'HL_COMMAND_UNKNOWN',
      'HL_COMMAND_UNKNOWN',
      'HL_COMMAND_INVALID',
      'HL_COMMAND_RETAINED',
    ]);
    assert.equal(executed.length, 0);
  });
});

describe('commands over a broker', { timeout: TEST_HANG_MS }, () => {
  const brokers = [
    {
      name: 'mosquitto, MQTT 5',
      skip: withoutMosquitto,
      version: 5 as const,
      start: async (t: Parameters<typeof Mosquitto.start>[0]) => (await Mosquitto.start(t)).url,
    },
    {
      name: 'mosquitto, 3.1.1',
      skip: withoutMosquitto,
      version: 4 as const,
      start: async (t: Parameters<typeof Mosquitto.start>[0]) => (await Mosquitto.start(t)).url,
    },
    {
      name: 'embedded broker, 3.1.1',
      skip: false,
      version: 4 as const,
      start: async (t: Parameters<typeof Mosquitto.start>[0]) => {
        const broker = await startEmbeddedBroker({ port: 0, maxConnections: 8, log: silentLog() });
        t.after(() => broker.close());
        return broker.url;
      },
    },
  ];
  for (const { name, skip, version, start } of brokers) {
    test(`request and answer, and everything bad: ${name}`, {
      skip,
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const url = await start(t);
      const observer = await Observer.connect(t, url, version);
      const { client } = robot(t, url, {
        settings: { protocol: version === 5 ? 'auto' : '3.1.1', commandsPerMinute: 60_000 },
      });
      const executed: Command[] = [];
      client.onCommand(async (command) => {
        executed.push(command);
        return { heard: command.name };
      });
      const prefix = 'headland/r1/';
      const send = (command: string, payload: string | Buffer, options: object = {}) =>
        observer.client.publishAsync(`${prefix}cmd/${command}`, payload, { qos: 1, ...options });

      // Was there before the robot came: it must be refused with every connection.
      await send('retrain', '{}', { retain: true });
      client.start();
      await observer.next(
        `${prefix}event`,
        ({ json }) => json.kind === 'command_refused' && json.code === 'HL_COMMAND_RETAINED',
      );
      await send('retrain', '', { retain: true });
      if (version === 5) {
        const retained = () =>
          observer.on(`${prefix}event`).filter(({ json }) => json.code === 'HL_COMMAND_RETAINED');
        const before = retained().length;
        await send('retrain', '{}', { retain: true });
        await until('what becomes of it', () => retained().length > before || executed.length > 0);
        assert.equal(executed.length, 0);
        await send('retrain', '', { retain: true });
      }

      let answer: { ok: boolean; data: unknown; transaction: string; command: string };
      if (version === 5) {
        await send('status', '{"transaction":"s1"}', {
          properties: {
            responseTopic: `${prefix}response/desk`,
            correlationData: Buffer.from([1, 2, 255]),
          },
        });
        const message = await observer.next(`${prefix}response/desk`);
        assert.deepEqual(message.packet.properties?.correlationData, Buffer.from([1, 2, 255]));
        answer = message.json;
      } else {
        await send('status', '{"transaction":"s1"}');
        answer = (await observer.next(`${prefix}cmd/status/response`)).json;
      }
      responseSchema.parse(answer);
      assert.deepEqual(
        [answer.ok, answer.data, answer.transaction, answer.command],
        [true, { heard: 'status' }, 's1', 'status'],
      );

      const bad: [string, string | Buffer, string][] = [
        ['label', Buffer.alloc(1_000_000, 'x'), 'HL_COMMAND_TOO_LARGE'],
        ['retrain', '{oops', 'HL_COMMAND_INVALID_JSON'],
        ['pause', `${'['.repeat(5_000)}`, 'HL_COMMAND_INVALID_JSON'],
        ['rollback', '{"versoin":1}', 'HL_COMMAND_INVALID'],
        ['reboot', '{}', 'HL_COMMAND_UNKNOWN'],
      ];
      for (const [command, payload, code] of bad) {
        await send(command, payload);
        const isIt = ({ json }: { json: { ok: boolean; error?: { code: string } } }) =>
          !json.ok && json.error?.code === code;
        const { json } = await observer.next(`${prefix}cmd/${command}/response`, isIt);
        assert.ok(json.error.remedy.length > 0);
        await observer.next(`${prefix}event`, (m) => m.json.code === code);
      }
      assert.equal(client.connected, true);
      assert.equal(client.stats().sessions, 1, 'the connection held');
      await send('pause', '{"what":"training","transaction":"last"}');
      await observer.next(`${prefix}cmd/pause/response`, ({ json }) => json.transaction === 'last');
      assert.deepEqual(
        executed.map((command) => command.name),
        ['status', 'pause'],
      );
      await until('no answers left', () => client.stats().outbox.messages === 0);
    });
  }

  for (const [protocol, commands] of [
    ['5', ['retrain', 'status']],
    ['3.1.1', ['status']],
  ] as const) {
    test(`what is sent to a robot while it is away: MQTT ${protocol}`, {
      skip: withoutMosquitto,
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const broker = await Mosquitto.start(t);
      const observer = await Observer.connect(t, broker.url);
      const send = (command: string) =>
        observer.client.publishAsync(`headland/r1/cmd/${command}`, '{}', { qos: 1 });
      const before = robot(t, broker.url, { settings: { protocol } });
      before.client.start();
      await until('connected', () => before.client.connected);
      await before.stop();
      await send('retrain');
      const { client } = robot(t, broker.url, { settings: { protocol } });
      const executed: string[] = [];
      client.onCommand(async ({ name }) => void executed.push(name));
      client.start();
      await until('connected again', () => client.connected);
      await send('status');
      await observer.next('headland/r1/cmd/status/response');
      assert.deepEqual(executed, commands);
    });
  }

  test('what the broker sends again after a lost acknowledgement is executed once', {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const proxy = await TcpProxy.start(t, broker.port);
    const path = join(temporaryFolder(t), 'state.db');
    const executed: string[] = [];
    const start = (boot: string) => {
      // A connection that is cut early would be tried in 3.1.1 next.
      const made = robot(t, proxy.url, { path, boot, settings: { protocol: '5' } });
      made.client.onCommand(async ({ name }) => void executed.push(name));
      made.client.start();
      return made;
    };
    const reconnect = async () => {
      proxy.cut();
      await until('disconnected', () => !first.client.connected);
      proxy.mend();
    };
    const answers = (name: string) => observer.on(`headland/r1/cmd/${name}/response`).length;
    const send = (name: string, payload: string) =>
      observer.client.publishAsync(`headland/r1/cmd/${name}`, payload, { qos: 1 });

    const first = start('boot-1');
    await until('connected', () => first.client.connected);
    proxy.mute();
    await send('retrain', '{}');
    await until('executed', () => executed.length === 1);
    await reconnect();
    await until('both answers', () => answers('retrain') >= 2);
    assert.deepEqual(executed, ['retrain']);
    assert.ok(observer.on('headland/r1/cmd/retrain/response').every(({ json }) => json.ok));

    proxy.mute();
    await send('pause', '{"what":"training"}');
    await until('executed', () => executed.length === 2);
    proxy.cut();
    await first.stop();
    proxy.mend();
    start('boot-2');
    const repeated = await observer.next('headland/r1/cmd/pause/response', ({ json }) => !json.ok);
    assert.equal(repeated.json.error.code, 'HL_COMMAND_REPEATED');
    await send('pause', '{"what":"training"}');
    await until('done again', () => executed.length === 3);
    assert.deepEqual(executed, ['retrain', 'pause', 'pause']);
  });
});

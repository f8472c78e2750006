import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IClientOptions, MqttClient } from 'mqtt';
import { brokerCredentials, daemonBrokers } from '../../agent/reporting/broker-access.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { isRecord } from '../../base/values/is-record.js';
import type { Config } from '../../config/schema.js';
import { readSecret, readSecretText } from '../../config/secrets.js';
import { parseCommand } from '../../telemetry/commands/command-parser.js';
import { signCommand } from '../../telemetry/commands/signed-command.js';
import { connectInVersion, within } from '../../telemetry/connection/connect-once.js';
import { type CommandResponse, responseSchema } from '../../telemetry/contract/command-contract.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { commandTopic, responseTopic } from '../../telemetry/contract/topics.js';
import { EXIT, type OutputOptions, printJson, printLine, printNote } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';

const PRIVATE_MODE = 0o600;
/** A command that waits longer must not be executed. */
const MAX_LIFETIME_SECONDS = 600;

export interface SendOptions extends StateOptions, OutputOptions {
  key?: string;
  robot?: string;
  url?: string;
  user?: string;
  passwordFile?: string;
  timeout: number;
}

/**
 * Sends a command and prints the answer of the robot.
 * @throws HeadlandError HL_COMMAND_INVALID, HL_COMMAND_KEY_FILE, HL_SECRET_…, HL_SEND_NO_BROKER,
 *   HL_SEND_NO_ANSWER
 */
export async function send(name: string, text: string, options: SendOptions): Promise<void> {
  const config = resolveConfig(options);
  const robotId = options.robot ?? config.robot.id;
  const fields = fieldsOf(name, text);
  const transaction = typeof fields.transaction === 'string' ? fields.transaction : randomUUID();
  const payload = await payloadOf(name, { ...fields, transaction }, robotId, options);
  const client = await connect(config, options);
  try {
    const answer = await ask(client, { robotId, name, payload, transaction, options });
    print(answer, options);
  } finally {
    await client.endAsync(true).catch(() => undefined);
  }
}

/** Checked here, too: a person sees a mistake at once, and the counter of the key is not used up. */
function fieldsOf(name: string, text: string): Record<string, unknown> {
  parseCommand(name, Buffer.from(text), Number.POSITIVE_INFINITY);
  const fields: unknown = JSON.parse(text);
  return isRecord(fields) ? fields : {};
}

async function payloadOf(
  command: string,
  fields: Record<string, unknown>,
  robotId: string,
  { key: file, timeout }: SendOptions,
): Promise<string> {
  if (file === undefined) return JSON.stringify(fields);
  const key = readKey(file);
  const counter = await nextCounter(`${file}.counter`);
  const iat = Math.floor(Date.now() / 1_000);
  const exp = iat + Math.min(MAX_LIFETIME_SECONDS, Math.max(60, timeout));
  return JSON.stringify(signCommand({ aud: robotId, command, iat, exp, counter, fields }, key));
}

function readKey(file: string): KeyObject {
  const bytes = readSecret({ file }, process.env);
  try {
    const key = createPrivateKey(bytes ?? '');
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below.
  }
  throw new HeadlandError('HL_COMMAND_KEY_FILE', `${file} holds no private key for commands`, {
    remedy: 'Make one with `headland keys new FILE`.',
  });
}

/**
 * The time in milliseconds, or more than the last counter: two machines with copies of one key need no
 * common file. On the disk before it is used.
 */
async function nextCounter(file: string): Promise<number> {
  const last = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const counter = Math.max(Date.now(), Number.isSafeInteger(last) ? last + 1 : 0);
  await writeFileDurably(file, `${counter}\n`, PRIVATE_MODE);
  return counter;
}

/** To the first broker that accepts the connection. */
async function connect(config: Config, options: SendOptions): Promise<MqttClient> {
  const { mqtt } = config;
  const urls = options.url === undefined ? daemonBrokers(config) : [options.url];
  const login = options.url === undefined ? ownLogin(mqtt) : givenLogin(options);
  const limitMs = options.timeout * 1_000;
  const common = { ...login, clientId: `headland-send-${randomUUID()}`, clean: true };
  let failure: unknown;
  for (const url of urls) {
    try {
      return await connectInVersion(url, common, mqtt.protocol, limitMs);
    } catch (error) {
      failure = error;
    }
  }
  throw new HeadlandError(
    'HL_SEND_NO_BROKER',
    `cannot reach the broker ${urls.join(' or ')}: ${messageOf(failure)}`,
    {
      remedy:
        'Give the address of the broker with --url, and --user and --password-file if it asks.',
      cause: failure,
    },
  );
}

function ownLogin(mqtt: Config['mqtt']): IClientOptions {
  const { password, ...tls } = brokerCredentials(mqtt, process.env);
  return {
    ...tls,
    ...(mqtt.username === null ? {} : { username: mqtt.username }),
    ...(password === undefined ? {} : { password }),
  };
}

function givenLogin({ user, passwordFile }: SendOptions): IClientOptions {
  const password =
    passwordFile === undefined ? null : readSecretText({ file: passwordFile }, process.env);
  return {
    ...(user === undefined ? {} : { username: user }),
    ...(password === null ? {} : { password }),
  };
}

/** Publishes the command, and resolves with the answer of its transaction. */
async function ask(
  client: MqttClient,
  what: {
    robotId: string;
    name: string;
    payload: string;
    transaction: string;
    options: SendOptions;
  },
): Promise<CommandResponse> {
  const { robotId, name, payload, transaction, options } = what;
  const prefix = topicPrefix(robotId);
  const answered = new Promise<CommandResponse>((resolve) => {
    client.on('message', (_, bytes) => {
      const answer = answerIn(bytes);
      if (answer?.transaction === transaction) resolve(answer);
    });
  });
  const limitMs = options.timeout * 1_000;
  try {
    await within(limitMs, client.subscribeAsync(prefix + responseTopic(name), { qos: 1 }));
    await within(limitMs, client.publishAsync(prefix + commandTopic(name), payload, { qos: 1 }));
    return await within(limitMs, answered);
  } catch (error) {
    throw new HeadlandError(
      'HL_SEND_NO_ANSWER',
      `the robot "${robotId}" did not answer "${name}": ${messageOf(error)}`,
      {
        remedy:
          'Look at the topic status of the robot: it must say "online". It may have executed the command: `headland audit --kind command` on the robot shows it.',
        cause: error,
      },
    );
  }
}

function answerIn(bytes: Buffer): CommandResponse | null {
  try {
    const parsed = responseSchema.safeParse(JSON.parse(bytes.toString()));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function print(answer: CommandResponse, { json }: SendOptions): void {
  if (!answer.ok) process.exitCode = EXIT.refused;
  if (json) printJson(answer);
  else if (answer.ok) printLine(JSON.stringify(answer.data, null, 2));
  else {
    const { code, message, remedy } = answer.error;
    printNote(`headland: the robot refuses: ${code}: ${message}`);
    printNote(`  what to do: ${remedy}`);
  }
}

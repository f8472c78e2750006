import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { HeadlandError } from '../base/errors.js';
import { readSecretText } from '../config/secrets.js';
import { topicPrefix } from '../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../telemetry/contract/topics.js';
import { printJson } from './support/output.js';
import { printYaml } from './support/print-yaml.js';
import { resolveConfig, type StateOptions, withStateOptions } from './support/state-options.js';

interface StatusOptions extends StateOptions {
  json?: boolean;
}

const ANSWER_TIMEOUT_MS = 5_000;

/** Rejects also when the connection closes before it is open, which does not always emit an error. */
function connected(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = connect(url, options);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.on('error', reject);
    client.once('close', () => reject(new Error('connection closed')));
  });
}

/** Requests the status of the running daemon over its broker. */
export function statusCommand(): Command {
  return withStateOptions(new Command('status'))
    .option('--json', 'print one JSON object')
    .action(async (options: StatusOptions) => {
      const config = resolveConfig(options);
      const url = config.mqtt.url ?? `mqtt://127.0.0.1:${config.embeddedBroker.port}`;
      const answer = await askStatus(url, config.robot.id, {
        username: config.mqtt.username,
        password: readSecretText(config.mqtt.password, process.env),
      });
      if (options.json) printJson(answer);
      else printYaml(config.tasks.length > 0 ? answer : withoutTask(answer));
    });
}

/** The only task of a robot has no name that people know. */
function withoutTask(answer: unknown): unknown {
  if (!isRecord(answer) || !isRecord(answer.model)) return answer;
  const { task: _task, ...model } = answer.model;
  return { ...answer, model };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function askStatus(
  url: string,
  robotId: string,
  { username, password }: { username: string | null; password: string | null },
): Promise<unknown> {
  const noAnswer = (cause?: unknown): HeadlandError =>
    new HeadlandError('HL_STATUS_NO_ANSWER', `no answer from daemon "${robotId}" on ${url}`, {
      remedy:
        'Start the daemon (systemctl start headland), or give its configuration: --config FILE.',
      cause,
    });
  const client = await connected(url, {
    protocolVersion: 4,
    clientId: `headland-status-${randomUUID().slice(0, 8)}`,
    reconnectPeriod: 0,
    connectTimeout: ANSWER_TIMEOUT_MS,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  }).catch((error) => {
    throw noAnswer(error);
  });
  try {
    const transaction = randomUUID();
    const prefix = topicPrefix(robotId);
    const { command, response } = CONTRACT;
    await client.subscribeAsync(prefix + responseTopic('status'), { qos: response.qos });
    const answered = new Promise<unknown>((resolve, reject) => {
      setTimeout(() => reject(noAnswer()), ANSWER_TIMEOUT_MS).unref();
      client.on('message', (_topic, payload) => {
        const response = JSON.parse(payload.toString('utf8'));
        if (response.transaction === transaction) resolve(response.data);
      });
    });
    await client.publishAsync(prefix + commandTopic('status'), JSON.stringify({ transaction }), {
      qos: command.qos,
      retain: command.retain,
    });
    return await answered;
  } finally {
    await client.endAsync(true);
  }
}

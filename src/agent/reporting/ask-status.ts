import { randomUUID } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';
import { brokerCredentials } from './broker-access.js';

const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Requests the status of a running daemon over its broker. Takes at most ten seconds.
 * @param environment needs CREDENTIALS_DIRECTORY for credentials of systemd
 * @returns the data of its response
 * @throws HeadlandError HL_STATUS_NO_ANSWER, HL_SECRET_…, HL_MQTT_TLS_FILE
 */
export async function askStatus(
  { mqtt, embeddedBroker, robot }: Config,
  environment: NodeJS.ProcessEnv,
): Promise<unknown> {
  const url = mqtt.url ?? `mqtt://127.0.0.1:${embeddedBroker.port}`;
  const noAnswer = (cause?: unknown): HeadlandError =>
    new HeadlandError('HL_STATUS_NO_ANSWER', `no answer from daemon "${robot.id}" on ${url}`, {
      remedy:
        'Start the daemon (systemctl start headland), or give its configuration: --config FILE.',
      cause,
    });
  const credentials = brokerCredentials(mqtt, environment);
  const client = await connected(url, {
    protocolVersion: 4,
    clientId: `headland-status-${randomUUID().slice(0, 8)}`,
    reconnectPeriod: 0,
    connectTimeout: ANSWER_TIMEOUT_MS,
    ...credentials,
    ...(mqtt.username === null ? {} : { username: mqtt.username }),
  }).catch((error) => {
    throw noAnswer(error);
  });
  try {
    const transaction = randomUUID();
    const prefix = topicPrefix(robot.id);
    const { command, response } = CONTRACT;
    await client.subscribeAsync(prefix + responseTopic('status'), { qos: response.qos });
    const answered = new Promise<unknown>((resolve, reject) => {
      setTimeout(() => reject(noAnswer()), ANSWER_TIMEOUT_MS).unref();
      client.on('message', (_topic, payload) => {
        const answer = JSON.parse(payload.toString('utf8'));
        if (answer.transaction === transaction) resolve(answer.data);
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

/** Rejects also when the connection closes before it is open, which does not always emit an error. */
function connected(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = connect(url, options);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.on('error', reject);
    client.once('close', () => reject(new Error('connection closed')));
  });
}

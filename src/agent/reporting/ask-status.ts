import { randomUUID } from 'node:crypto';
import type { IClientOptions, MqttClient } from 'mqtt';
import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import { connectOnce, within } from '../../telemetry/connection/connect-once.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';
import { brokerCredentials } from './broker-access.js';

const ANSWER_TIMEOUT_MS = 5_000;

const answerSchema = z.object({ transaction: z.string(), data: z.unknown() });

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
  const options: IClientOptions = {
    protocolVersion: 4,
    clientId: `headland-status-${randomUUID().slice(0, 8)}`,
    ...brokerCredentials(mqtt, environment),
    ...(mqtt.username === null ? {} : { username: mqtt.username }),
  };
  const client = await connectOnce(url, options, ANSWER_TIMEOUT_MS).catch((error) => {
    throw noAnswer(error);
  });
  try {
    // A broker may leave the subscription or the command without acknowledgement.
    return await within(ANSWER_TIMEOUT_MS, exchange(client, topicPrefix(robot.id)));
  } catch (error) {
    throw noAnswer(error);
  } finally {
    await client.endAsync(true);
  }
}

/** Sends the command, and waits for its response. */
async function exchange(client: MqttClient, prefix: string): Promise<unknown> {
  const transaction = randomUUID();
  const { command, response } = CONTRACT;
  await client.subscribeAsync(prefix + responseTopic('status'), { qos: response.qos });
  const answered = new Promise<unknown>((resolve) => {
    client.on('message', (_topic, payload) => {
      const answer = parsedAnswer(payload);
      if (answer?.transaction === transaction) resolve(answer.data);
    });
  });
  await client.publishAsync(prefix + commandTopic('status'), JSON.stringify({ transaction }), {
    qos: command.qos,
    retain: command.retain,
  });
  return answered;
}

/** Null: no response, since others may publish on the topic, too. */
function parsedAnswer(payload: Buffer): z.infer<typeof answerSchema> | null {
  try {
    return answerSchema.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    return null;
  }
}

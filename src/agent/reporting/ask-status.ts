import { randomUUID } from 'node:crypto';
import type { IClientOptions, MqttClient } from 'mqtt';
import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import { connectInVersion, within } from '../../telemetry/connection/connect-once.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';
import { brokerCredentials, daemonBrokers } from './broker-access.js';

const ANSWER_TIMEOUT_MS = 5_000;

const answerSchema = z.object({ transaction: z.string(), data: z.unknown() });

/**
 * Requests the status of a running daemon over its broker. Takes at most ten seconds.
 * @param environment needs CREDENTIALS_DIRECTORY for credentials of systemd
 * @returns the data of its response
 * @throws HeadlandError HL_STATUS_NO_ANSWER, HL_SECRET_…, HL_MQTT_TLS_FILE
 */
export async function askStatus(config: Config, environment: NodeJS.ProcessEnv): Promise<unknown> {
  const { mqtt, robot } = config;
  const urls = daemonBrokers(config);
  const noAnswer = (cause?: unknown): HeadlandError =>
    new HeadlandError(
      'HL_STATUS_NO_ANSWER',
      `no answer from daemon "${robot.id}" on ${urls.join(' and ')}`,
      {
        remedy:
          'Start the daemon (systemctl start headland), or give its configuration: --config FILE.',
        cause,
      },
    );
  const options: IClientOptions = {
    clientId: `headland-status-${randomUUID().slice(0, 8)}`,
    ...brokerCredentials(mqtt, environment),
    ...(mqtt.username === null ? {} : { username: mqtt.username }),
  };
  let failure: unknown;
  // The daemon may be at any of the brokers.
  for (const url of urls) {
    try {
      return await askAt(url, options, mqtt.protocol, topicPrefix(robot.id));
    } catch (error) {
      failure = error;
    }
  }
  throw noAnswer(failure);
}

async function askAt(
  url: string,
  options: IClientOptions,
  protocol: Config['mqtt']['protocol'],
  prefix: string,
): Promise<unknown> {
  const client = await connectInVersion(url, options, protocol, ANSWER_TIMEOUT_MS);
  try {
    // A broker may leave the subscription or the command without acknowledgement.
    return await within(ANSWER_TIMEOUT_MS, exchange(client, prefix));
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

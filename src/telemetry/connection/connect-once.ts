import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { codeOf } from '../../base/errors.js';

/** The broker accepted the network connection and closed it without a CONNACK. */
class ClosedUnanswered extends Error {
  constructor() {
    super('the broker closed the connection');
  }
}

/** How a socket reports that the other side has closed it. */
const CLOSED = ['ECONNRESET', 'EPIPE'];

/**
 * Connects to a broker once, without reconnecting. Also rejects when the connection closes before it
 * is open, which does not always emit an error; then nothing of it is left.
 * @param limitMs for the whole way to the CONNACK
 * @param prepare sets up the client before anything can arrive: of a session that goes on, messages come with the
 *   CONNACK
 */
export async function connectOnce(
  url: string,
  options: Omit<IClientOptions, 'reconnectPeriod' | 'connectTimeout'>,
  limitMs: number,
  prepare: (client: MqttClient) => void = () => {},
): Promise<MqttClient> {
  const client = connect(url, { ...options, reconnectPeriod: 0, connectTimeout: limitMs });
  prepare(client);
  const accepted = new Promise<MqttClient>((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.on('error', reject);
    // MQTT.js passes on only errors with a code: not that a web server refuses the WebSocket.
    client.stream?.on('error', reject);
    client.once('close', () => reject(new ClosedUnanswered()));
  });
  return within(limitMs, accepted).catch((error) => {
    client.end(true);
    throw error;
  });
}

/**
 * As {@link connectOnce}, in the version of MQTT that the settings name; `auto`: in MQTT 5, and in 3.1.1
 * where the broker refuses that or hangs up on it. A broker that cannot be reached or does not answer is
 * asked once. `client.options.protocolVersion` tells which.
 */
export async function connectInVersion(
  url: string,
  options: Omit<IClientOptions, 'reconnectPeriod' | 'connectTimeout' | 'protocolVersion'>,
  protocol: 'auto' | '5' | '3.1.1',
  limitMs: number,
  prepare?: (client: MqttClient) => void,
): Promise<MqttClient> {
  const connectWith = (protocolVersion: 4 | 5): Promise<MqttClient> =>
    connectOnce(url, { ...options, protocolVersion }, limitMs, prepare);
  if (protocol === '3.1.1') return connectWith(4);
  try {
    return await connectWith(5);
  } catch (error) {
    if (protocol === '5' || !isVersionRefused(error)) throw error;
    return connectWith(4);
  }
}

/** An old broker refuses MQTT 5, or closes the connection because it cannot parse the packet. */
function isVersionRefused(error: unknown): boolean {
  const code = reasonCodeOf(error);
  if (code !== null) return code === 1 || code === 0x84;
  return error instanceof ClosedUnanswered || CLOSED.includes(codeOf(error) ?? '');
}

/** Reason code of MQTT in an error; null: none came from the broker. */
export function reasonCodeOf(error: unknown): number | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'number' ? code : null;
}

/** Rejects when `work` takes too long. */
export function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new Error(`no answer within ${limitMs / 1_000} s`);
    const timer = setTimeout(() => reject(late), limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

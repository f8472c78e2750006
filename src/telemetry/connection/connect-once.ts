import { connect, type IClientOptions, type MqttClient } from 'mqtt';

/**
 * Connects to a broker once, without reconnecting. Also rejects when the connection closes before it
 * is open, which does not always emit an error; then nothing of it is left.
 * @param limitMs for the whole way to the CONNACK
 */
export async function connectOnce(
  url: string,
  options: Omit<IClientOptions, 'reconnectPeriod' | 'connectTimeout'>,
  limitMs: number,
): Promise<MqttClient> {
  const client = connect(url, { ...options, reconnectPeriod: 0, connectTimeout: limitMs });
  const accepted = new Promise<MqttClient>((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.on('error', reject);
    client.once('close', () => reject(new Error('the broker closed the connection')));
  });
  return within(limitMs, accepted).catch((error) => {
    client.end(true);
    throw error;
  });
}

/** Rejects when `work` takes too long. */
export function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = new Error(`no answer within ${limitMs / 1_000} s`);
    const timer = setTimeout(() => reject(late), limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

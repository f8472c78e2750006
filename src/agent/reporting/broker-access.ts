import { createHash } from 'node:crypto';
import type { Config } from '../../config/schema.js';
import { readSecret, readSecretText } from '../../config/secrets.js';
import type { BrokerCredentials } from '../../telemetry/connection/connection.js';
import { checkKey, readCertificates } from '../../telemetry/connection/tls-files.js';

/**
 * Reads the credentials for a configured broker.
 * @param environment needs CREDENTIALS_DIRECTORY for credentials of systemd
 * @throws HeadlandError HL_SECRET_…, HL_MQTT_TLS_FILE
 */
export function brokerCredentials(
  mqtt: Config['mqtt'],
  environment: NodeJS.ProcessEnv,
): BrokerCredentials {
  if (mqtt.url === null) return {};
  const password = readSecretText(mqtt.password, environment);
  const key = readSecret(mqtt.key, environment);
  const files = {
    ...(key === null ? {} : { key }),
    ...(mqtt.caFile === null ? {} : { ca: readCertificates(mqtt.caFile) }),
    ...(mqtt.certFile === null ? {} : { cert: readCertificates(mqtt.certFile) }),
  };
  // Without TLS the key is not used.
  if (brokerUrls(mqtt).some((url) => /^(?:mqtts|wss|tls):/i.test(url))) checkKey(files);
  return { ...files, ...(password === null ? {} : { password }) };
}

/** Every configured broker, in the order of the settings; none: the embedded one. */
export function brokerUrls({ url, otherUrls }: Config['mqtt']): string[] {
  return url === null ? [] : [url, ...otherUrls];
}

/** Where a daemon with these settings may be reached, in the order in which it tries. */
export function daemonBrokers({ mqtt, embeddedBroker }: Config): string[] {
  const configured = brokerUrls(mqtt);
  return configured.length > 0 ? configured : [`mqtt://127.0.0.1:${embeddedBroker.port}`];
}

/** A digest of credentials, which changes with any of them. */
export function credentialsDigest(credentials: BrokerCredentials): string {
  const hash = createHash('sha256');
  for (const part of [credentials.password, credentials.key, credentials.ca, credentials.cert]) {
    const bytes = Buffer.from(part ?? '');
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}

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
  if (/^(?:mqtts|wss|tls):/i.test(mqtt.url)) checkKey(files);
  return { ...files, ...(password === null ? {} : { password }) };
}

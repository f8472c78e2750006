import { readFileSync } from 'node:fs';
import { readSecret, readSecretText } from '../../config/secrets.js';
import type { HubSecrets } from '../../fleet/hub/hub.js';
import type { HubConfig } from '../../fleet/hub/settings/hub-schema.js';
import { HubStore, type StorePlace } from '../../fleet/hub/store/hub-store.js';
import { readCertificates } from '../../telemetry/connection/tls-files.js';

export const DEFAULT_HUB_CONFIG = '/etc/headland/fleet-hub.yaml';

const SQLITE = 'sqlite:';

/** @throws HeadlandError HL_SECRET_…, HL_MQTT_TLS_FILE */
export function readHubSecrets(
  { mqtt, http }: HubConfig,
  environment: NodeJS.ProcessEnv,
): HubSecrets {
  return {
    mqttPassword: readSecretText(mqtt.password, environment),
    mqttCa: mqtt.caFile === null ? null : readCertificates(mqtt.caFile),
    mqttCert: mqtt.certFile === null ? null : readCertificates(mqtt.certFile),
    mqttKey: readSecret(mqtt.key, environment),
    httpCert: http.certFile === null ? null : readFileSync(http.certFile),
    httpKey: readSecret(http.key, environment),
  };
}

/** @throws HeadlandError HL_SECRET_…, HL_STORE_…, HL_FLEET_STORE_UNAVAILABLE */
export function openHubStore(
  { store, storePassword }: HubConfig,
  environment: NodeJS.ProcessEnv,
): Promise<HubStore> {
  const place: StorePlace = store.startsWith(SQLITE)
    ? { sqlite: store.slice(SQLITE.length) }
    : { postgres: store, password: readSecretText(storePassword, environment) };
  return HubStore.open(place);
}

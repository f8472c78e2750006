import type { Config, SecretReference } from '../../../config/schema.js';

/** A secret that the configuration names. */
export interface NamedSecret {
  /** Path of the setting: "mqtt.password". */
  setting: string;
  reference: SecretReference;
}

/** The secrets that a configuration names, in its order. */
export function secretsOf(config: Config): NamedSecret[] {
  const { mqtt, console: page, sync } = config;
  const all: [string, SecretReference | null][] = [
    ['mqtt.password', mqtt.password],
    ['mqtt.key', mqtt.key],
    ['console.token', page.token],
    ['console.tls.key', page.tls.key],
    ['sync.s3.accessKeyId', sync.s3.accessKeyId],
    ['sync.s3.secretAccessKey', sync.s3.secretAccessKey],
    ['sync.s3.sessionToken', sync.s3.sessionToken],
    ['sync.rsync.password', sync.rsync.password],
  ];
  return all.flatMap(([setting, reference]) => (reference ? [{ setting, reference }] : []));
}

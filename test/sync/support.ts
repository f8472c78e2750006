import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import { openState, type State } from '../../src/agent/open-state.js';
import { openSynchronisers } from '../../src/agent/sync-service.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { SIDECAR_ENDING } from '../../src/samples/folder/manifest.js';
import type { Sample } from '../../src/samples/sample.js';
import type { PassReport, Synchroniser } from '../../src/sync/synchroniser.js';
import { jpeg } from '../samples/pictures.js';
import { newSample } from '../samples/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { BUCKET, KEYS, REGION, type S3Server } from './s3-server.js';

export const ROBOT = 'r1';
/** Beginning of the keys in the bucket. */
export const PREFIX = 'season/2026';

export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
};

/** Settings that send to a store of the tests. */
export function s3Settings(store: S3Server, sync: object = {}): object {
  return {
    target: `s3://${BUCKET}/${PREFIX}`,
    timeoutMs: 1_000,
    s3: { endpoint: store.endpoint, region: REGION },
    ...sync,
  };
}

export interface SyncRobot {
  config: Config;
  state: State;
  stateDir: string;
  configFile: string;
}

/** The state of a robot with a `sync` section, also as a configuration file. */
export function openSyncRobot(
  t: Pick<TestContext, 'after'>,
  sync: object,
  more: object = {},
): SyncRobot {
  const stateDir = temporaryFolder(t);
  const settings = {
    robot: { id: ROBOT },
    paths: { stateDir, cacheDir: join(stateDir, 'cache') },
    samples: { holdoutAfterSamples: 0 },
    sync,
    ...more,
  };
  const configFile = join(temporaryFolder(t), 'headland.yaml');
  writeFileSync(configFile, stringify(settings));
  const config = configSchema.parse(settings);
  const state = openState(config);
  t.after(() => state.close());
  return { config, state, stateDir, configFile };
}

export function synchroniserOf(
  { config, state }: SyncRobot,
  environment: NodeJS.ProcessEnv = AWS_ENVIRONMENT,
): Synchroniser {
  const [first] = openSynchronisers(config, state, { PATH: process.env.PATH, ...environment });
  if (!first) throw new Error('sync is off');
  return first.synchroniser;
}

export function passOf(synchroniser: Synchroniser): Promise<PassReport> {
  return synchroniser.run({ signal: new AbortController().signal });
}

/** Admits a sample with a picture of its own, in a group of its own. */
export async function admit(
  { state }: SyncRobot,
  number: number,
  label: string | null = 'weed',
  source = 'front',
): Promise<Sample> {
  const { sample } = state.task().samples.admit(
    newSample('', {
      jpeg: await jpeg(number),
      label,
      labelSource: label === null ? null : 'cli',
      group: `g${number}`,
      source,
      capturedAtMs: 1_700_000_000_000 + number,
      dhash: number.toString(16).padStart(16, '0'),
    }),
  );
  return sample;
}

export function pictureKey({ id }: Pick<Sample, 'id'>): string {
  return `${PREFIX}/${ROBOT}/${id}.jpg`;
}

export function sidecarKey({ id }: Pick<Sample, 'id'>): string {
  return `${PREFIX}/${ROBOT}/${id}${SIDECAR_ENDING}`;
}

export function labelIn(sidecar: Uint8Array | undefined): unknown {
  if (sidecar === undefined) return undefined;
  return JSON.parse(Buffer.from(sidecar).toString('utf8')).label;
}

import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../src/base/log.js';
import { Hub } from '../../src/fleet/hub/hub.js';
import type { HubConfig } from '../../src/fleet/hub/settings/hub-schema.js';
import { checkHubConfig } from '../../src/fleet/hub/settings/load-hub-config.js';
import { HubStore, type StorePlace } from '../../src/fleet/hub/store/hub-store.js';

/** Settings for a test: everything soon. */
export function hubConfig(url: string, more: Record<string, unknown> = {}): HubConfig {
  return checkHubConfig(
    {
      store: 'sqlite:unused',
      mqtt: { url },
      http: { port: 0 },
      learning: {
        basisDirections: 'all',
        roundIntervalMs: 1_000,
        settleMs: 300,
        roundTimeoutMs: 5_000,
      },
      rollout: { stageMs: 0 },
      tickMs: 100,
      ...more,
    },
    'test',
  );
}

export const NO_SECRETS = {
  mqttPassword: null,
  mqttCa: null,
  mqttCert: null,
  mqttKey: null,
  httpCert: null,
  httpKey: null,
};

/** A hub in this process; it ends with the test. */
export async function startHub(
  t: TestContext,
  place: StorePlace,
  config: HubConfig,
  replica = 'one',
): Promise<{ hub: Hub; url: string; store: HubStore; stop(): Promise<void> }> {
  const store = await HubStore.open(place);
  const log = createLog({ level: process.env.HUB_LOG === undefined ? 'silent' : 'debug' });
  const hub = new Hub({ config, secrets: NO_SECRETS, store, replica, version: 'test', log });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= hub.stop();
    return stopped;
  };
  t.after(stop);
  const { url } = await hub.start();
  return { hub, url, store, stop };
}

/** Waits until a condition holds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const startMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(30);
  }
}

import type { Config } from '../../config/schema.js';

/** Of robots that share a broker, when the settings say nothing. */
const FLEET_SPREAD_MS = 5_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Within which time after the start the first connection is made, milliseconds. A broker of this board
 * serves no other robot, and need not be waited for.
 */
export function connectSpreadMs(
  settings: Pick<Config['mqtt'], 'url' | 'connectSpreadMs' | 'backoffInitialMs'>,
): number {
  const { url, backoffInitialMs } = settings;
  if (settings.connectSpreadMs !== null) return settings.connectSpreadMs;
  const isOwn = url === null || LOOPBACK.test(new URL(url).hostname);
  return isOwn ? backoffInitialMs : Math.max(FLEET_SPREAD_MS, backoffInitialMs);
}

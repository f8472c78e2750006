import { loadSection } from '../../config/load.js';
import type { InstanceLock } from '../../host/instance-lock.js';

/**
 * The lock of the daemon with this configuration, so that only one of the two switches its outputs; null
 * if the state folder is unknown.
 * @throws HeadlandError HL_ALREADY_RUNNING
 */
export async function daemonLock(config: string): Promise<InstanceLock | null> {
  let stateDir: string;
  try {
    ({ stateDir } = loadSection(config, 'paths'));
  } catch {
    return null;
  }
  const { acquireStateLock } = await import('../../agent/lifetime/state-lock.js');
  return acquireStateLock(stateDir, 'run');
}

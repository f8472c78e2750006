import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pageChangesPath } from '../../config/settings/page-changes.js';

/**
 * Where the page writes settings: `file` into the configuration file; `changes` into a file of changes in
 * the state folder, on top of a configuration file that only its owner may write.
 */
export interface SettingsPlace {
  kind: 'file' | 'changes';
  path: string;
}

/** @param configFile must exist */
export function settingsPlace(configFile: string, stateDir: string): SettingsPlace {
  const real = realpathSync(configFile);
  return isOurs(real)
    ? { kind: 'file', path: real }
    : { kind: 'changes', path: pageChangesPath(stateDir) };
}

/** Whether this process can replace a file and leave its owner as it is. */
function isOurs(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    accessSync(path, constants.W_OK);
    const user = process.geteuid?.();
    return user === 0 || statSync(path).uid === user;
  } catch {
    return false;
  }
}

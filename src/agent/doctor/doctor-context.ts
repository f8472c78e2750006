import { type HeadlandError, isHeadlandError } from '../../base/errors.js';
import { loadConfigFile, validateConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { readServiceUnit, type ServiceUnit } from '../../host/service-unit.js';
import { DaemonContact } from './daemon-contact.js';
import type { DoctorContext, RobotContext } from './doctor-check.js';

export const SERVICE = 'headland.service';

export interface DoctorRequest {
  configFile: string;
  /** Null: no image is written. */
  imagesDir: string | null;
}

/** Contexts for checks: that of a robot only with a valid configuration. */
export interface Contexts {
  base: DoctorContext;
  /** @returns why there is none, where the configuration cannot be used */
  robot(): Promise<RobotContext | HeadlandError>;
}

export function makeContexts(
  { configFile, imagesDir }: DoctorRequest,
  environment: NodeJS.ProcessEnv,
): Contexts {
  let unit: Promise<ServiceUnit | null> | null = null;
  let robot: Promise<RobotContext | HeadlandError> | null = null;
  const base: DoctorContext = {
    configFile,
    environment,
    imagesDir,
    roots: { proc: '/proc', sys: '/sys', run: '/run' },
    unit: () => {
      unit ??= readServiceUnit(SERVICE, environment);
      return unit;
    },
  };
  const makeRobot = async (): Promise<RobotContext | HeadlandError> => {
    try {
      const config = withCredentialFiles(
        loadConfigFile(configFile),
        await base.unit(),
        environment,
      );
      return { ...base, config, daemon: new DaemonContact(config, environment) };
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      return error;
    }
  };
  return {
    base,
    robot: () => {
      robot ??= makeRobot();
      return robot;
    },
  };
}

/**
 * Replaces credentials by the files from which the unit loads them: only the daemon has its copies.
 * Within the service nothing is replaced.
 */
export function withCredentialFiles(
  config: Config,
  unit: Pick<ServiceUnit, 'credentials'> | null,
  { CREDENTIALS_DIRECTORY }: NodeJS.ProcessEnv,
): Config {
  if (CREDENTIALS_DIRECTORY !== undefined || unit === null || unit.credentials.size === 0) {
    return config;
  }
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== 'object' || value === null) return value;
    if ('credential' in value && typeof value.credential === 'string') {
      const file = unit.credentials.get(value.credential);
      return file === undefined ? value : { file };
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner)]));
  };
  return validateConfig(replaced(config));
}

import { DaemonContact } from '../../../src/agent/doctor/daemon-contact.js';
import type { DoctorContext, RobotContext } from '../../../src/agent/doctor/doctor-check.js';
import { makeContexts } from '../../../src/agent/doctor/doctor-context.js';
import { loadConfigFile } from '../../../src/config/load.js';

/** The context of a check in this process, with kernel files of the test. */
export function robotContext(
  configFile: string,
  roots: Partial<DoctorContext['roots']> = {},
): RobotContext {
  const { base } = makeContexts({ configFile, imagesDir: null }, process.env);
  const config = loadConfigFile(configFile);
  return {
    ...base,
    roots: { ...base.roots, ...roots },
    config,
    daemon: new DaemonContact(config, process.env),
  };
}

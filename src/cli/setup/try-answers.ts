import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DaemonContact } from '../../agent/doctor/daemon-contact.js';
import { findingOf } from '../../agent/doctor/denied.js';
import { checkCameras } from '../../agent/doctor/devices/check-cameras.js';
import { checkGpio } from '../../agent/doctor/devices/check-gpio.js';
import type { Check, Finding, RobotContext } from '../../agent/doctor/doctor-check.js';
import { makeContexts } from '../../agent/doctor/doctor-context.js';
import { checkBroker } from '../../agent/doctor/service/check-broker.js';
import { requireFreePort } from '../../agent/doctor/service/free-port.js';
import { isHeadlandError } from '../../base/errors.js';
import { validateConfig } from '../../config/load.js';
import { printLine } from '../support/output.js';
import {
  type BrokerAnswer,
  type CameraAnswer,
  type GpioAnswer,
  outputSections,
} from './setup-answers.js';

/** Tries answers with the checks of `doctor`, and prints what they find. */
export class Trial {
  constructor(
    /** Folder of the state of a daemon that may run, and that may hold the camera. */
    private readonly stateDir: string,
    private readonly environment: NodeJS.ProcessEnv,
  ) {}

  /** Takes a test image. @returns whether it is good */
  async camera(camera: CameraAnswer): Promise<boolean> {
    const imagesDir = await mkdtemp(join(tmpdir(), 'headland-setup-'));
    // For a person to look at, perhaps another one than who runs this.
    await chmod(imagesDir, 0o755);
    return this.#show({ cameras: [camera] }, checkCameras, imagesDir);
  }

  /** Logs in at the broker. @returns whether all of it is good */
  async broker({ url, username, password }: BrokerAnswer, robotId: string): Promise<boolean> {
    const robot = { id: robotId };
    if (password === null) return this.#show({ robot, mqtt: { url, username } }, checkBroker);
    const folder = await mkdtemp(join(tmpdir(), 'headland-setup-'));
    const file = join(folder, 'password');
    try {
      await writeFile(file, password, { mode: 0o600 });
      const mqtt = { url, username, password: { file } };
      return await this.#show({ robot, mqtt }, checkBroker);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Looks the lines of outputs up, and switches none. @returns whether all are there */
  gpio({ driver, outputs }: GpioAnswer): Promise<boolean> {
    return this.#show({ gpio: { driver, outputs: outputSections(outputs) } }, (context) =>
      checkGpio(context),
    );
  }

  /** @returns whether this machine can listen on an address */
  async address(host: string): Promise<boolean> {
    try {
      await requireFreePort(host, 0, 'console.host');
      return true;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      printLine(`  ${error.message}`);
      return false;
    }
  }

  async #show(
    settings: Record<string, unknown>,
    check: Check<RobotContext>,
    imagesDir: string | null = null,
  ): Promise<boolean> {
    const { environment, stateDir } = this;
    const { base } = makeContexts({ configFile: '', imagesDir }, environment);
    let findings: Finding[];
    try {
      const config = validateConfig({ ...settings, paths: { stateDir } });
      findings = await check({ ...base, config, daemon: new DaemonContact(config, environment) });
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      findings = [await findingOf(error, base)];
    }
    for (const { state, subject, reason, remedy } of findings) {
      printLine(`  ${state}: ${subject === null ? '' : `${subject}: `}${reason}`);
      if (remedy !== null) printLine(`    what to do: ${remedy}`);
    }
    return findings.every(({ state }) => state === 'ok' || state === 'skipped');
  }
}

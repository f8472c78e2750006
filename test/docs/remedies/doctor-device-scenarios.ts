import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import sharp from 'sharp';
import { checkGpio } from '../../../src/agent/doctor/devices/check-gpio.js';
import { failed } from '../../../src/agent/doctor/doctor-check.js';
import { openOutputs } from '../../../src/alerts/open-outputs.js';
import { isHeadlandError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { robotContext } from '../../agent/doctor/context.js';
import { SimulatedKernel } from '../../alerts/gpio/simulated-kernel.js';
import { gpioTree } from '../../alerts/gpio-tree.js';
import { every, httpCamera } from '../../camera/sources.js';
import { makeJpeg, withoutTool } from '../../camera/support.js';
import type { DoctorScenario, Patient } from './doctor-scenario.js';

const withoutFfmpeg = withoutTool('ffmpeg');

/** A camera that shows the images of a folder. */
function show(patient: Patient, name: string): void {
  patient.robot.configure({ cameras: [{ driver: 'replay', path: patient.robot.path(name) }] });
}

async function fill(patient: Patient, name: string, background: string): Promise<void> {
  mkdirSync(patient.robot.path(name), { recursive: true });
  const image = sharp({ create: { width: 320, height: 240, channels: 3, background } });
  writeFileSync(patient.robot.path(name, 'image.jpg'), await image.jpeg().toBuffer());
}

/** What the owner sees after doing something about the lens or the light. */
function mendView({ robot }: Patient, name: string): void {
  rmSync(robot.path(name), { recursive: true });
  cpSync(join(robot.photosDir, 'crop'), robot.path(name), { recursive: true });
}

/** A camera on the network; `next` gives each image. */
function network(t: TestContext, next: () => Uint8Array): Promise<string> {
  return httpCamera(t, (viewer) => every(t, 50, () => viewer.send(next())));
}

/** The header of a Raspberry Pi. */
function pi(): SimulatedKernel {
  const names = Array.from({ length: 58 }, (_, line) => (line < 28 ? `GPIO${line}` : null));
  return new SimulatedKernel([{ label: 'pinctrl-bcm2711', names }]);
}

function poor(code: string, follows: string, background: string): DoctorScenario {
  return {
    code,
    follows,
    check: 'cameras',
    state: 'warning',
    subject: 'main',
    given: async (patient) => {
      await fill(patient, 'view', background);
      show(patient, 'view');
    },
    follow: (patient) => mendView(patient, 'view'),
  };
}

export const deviceFindings: DoctorScenario[] = [
  {
    code: 'HL_CAMERA_DEVICE_MISSING',
    follows: 'correct input in the configuration',
    check: 'cameras',
    state: 'failed',
    subject: 'main',
    skip: withoutFfmpeg,
    given: ({ robot }) =>
      robot.configure({ cameras: [{ driver: 'ffmpeg', input: '/dev/video77' }] }),
    follow: (patient) => show(patient, '../photos'),
  },
  {
    code: 'HL_DOCTOR_CAMERA_SIMULATED',
    follows: 'Or name it in cameras',
    check: 'cameras',
    state: 'warning',
    given: ({ robot }) => robot.configure({ cameras: [{ driver: 'auto' }] }),
    follow: (patient) => show(patient, '../photos'),
  },
  poor('HL_DOCTOR_IMAGE_DARK', 'Take the cap off the lens', '#010101'),
  poor('HL_DOCTOR_IMAGE_OVEREXPOSED', 'Turn the camera away from the light', '#ffffff'),
  poor('HL_DOCTOR_IMAGE_BLURRED', 'Clean the lens and focus it', '#808080'),
  {
    code: 'HL_DOCTOR_IMAGE_FROZEN',
    follows: 'Take the power from the camera',
    check: 'cameras',
    state: 'warning',
    subject: 'main',
    skip: withoutFfmpeg,
    given: async (patient) => {
      const seeds = Array.from({ length: 12 }, (_, index) => index + 1);
      const size = { width: 160, height: 120 };
      const images = await Promise.all(seeds.map((seed) => makeJpeg(seed, size)));
      let sent = 0;
      const url = await network(patient.t, () => {
        sent += 1;
        return images[patient.isMended ? sent % images.length : 0]!;
      });
      patient.robot.configure({ cameras: [{ driver: 'ffmpeg', input: url, stallMs: 15_000 }] });
    },
    follow: (patient) => {
      patient.isMended = true;
    },
  },
  {
    code: 'HL_GPIO_UNAVAILABLE',
    follows: 'set gpio.driver to none',
    check: 'gpio',
    state: 'failed',
    settings: { gpio: { driver: 'gpiochip', outputs: [{ name: 'horn', line: 17 }] } },
    skip: existsSync('/dev/gpiochip0') && 'this machine has GPIO',
    follow: ({ robot }) => robot.configure({ gpio: { driver: 'none', outputs: [] } }),
  },
  {
    code: 'HL_GPIO_LINE_UNKNOWN',
    follows: 'Correct line, lineName or chipLabel',
    check: 'gpio',
    state: 'failed',
    settings: { gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 177 }] } },
    given: (patient) => {
      const { root } = gpioTree(patient.t, [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }]);
      mkdirSync(patient.robot.path('sys/class'), { recursive: true });
      cpSync(root, patient.robot.path('sys/class/gpio'), { recursive: true });
    },
    look: async ({ robot }) => {
      const context = robotContext(robot.configFile, { sys: robot.path('sys') });
      try {
        return await checkGpio(context);
      } catch (error) {
        if (!isHeadlandError(error)) throw error;
        return [failed(error)];
      }
    },
    follow: ({ robot }) =>
      robot.configure({ gpio: { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] } }),
  },
  {
    code: 'HL_GPIO_LINE_UNKNOWN',
    when: 'of a character device',
    follows: 'Correct line, lineName or chipLabel',
    check: 'gpio',
    state: 'failed',
    settings: { gpio: { outputs: [{ name: 'horn', lineName: 'GPIO99' }] } },
    look: ({ robot }) => checkGpio(robotContext(robot.configFile), () => pi()),
    follow: ({ robot }) =>
      robot.configure({ gpio: { outputs: [{ name: 'horn', lineName: 'GPIO17' }] } }),
  },
  {
    code: 'HL_GPIO_UNAVAILABLE',
    when: 'used by another program',
    follows: 'End the program that uses',
    check: 'gpio',
    state: 'failed',
    settings: { gpio: { outputs: [{ name: 'horn', lineName: 'GPIO17' }] } },
    look: async (patient) => {
      const kernel = pi();
      const context = robotContext(patient.robot.configFile);
      // Another program holds the line.
      if (!patient.isMended) await openOutputs(context.config.gpio, silentLog(), () => kernel);
      return checkGpio(context, () => kernel);
    },
    follow: (patient) => {
      patient.isMended = true;
    },
  },
];

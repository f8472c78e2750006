import { randomBytes } from 'node:crypto';
import { findCsiCameras } from '../../camera/drivers/rpicam.js';
import { findCameraDevices } from '../../camera/open-driver.js';
import { configSchema } from '../../config/schema.js';
import { GPIO_DRIVERS } from '../../config/sections/gpio.js';
import { isLoopback } from '../../console/server/security.js';
import { printLine } from '../support/output.js';
import type { SettingsDocument } from './settings-document.js';
import {
  type Answers,
  type BrokerAnswer,
  type CameraAnswer,
  type GpioAnswer,
  type OutputAnswer,
  type PageAnswer,
  parseCamera,
  parseOutput,
  suggestedId,
} from './setup-answers.js';
import type { Terminal } from './terminal.js';
import type { Trial } from './try-answers.js';

/** The page on an address; one that others reach gets a token, unless it has one. */
export function servedPage(host: string, existing: SettingsDocument): PageAnswer {
  const needsToken = !isLoopback(host) && !existing.hasToken;
  return { enabled: true, host, newToken: needsToken ? randomBytes(24).toString('hex') : null };
}

/** The answer to leave a section of an existing file as it is. */
const KEEP = 'keep';

/**
 * Asks the five questions, and tries each answer that can be tried.
 * @throws HeadlandError HL_SETUP_CANCELLED
 */
export async function askAnswers(
  terminal: Terminal,
  existing: SettingsDocument,
  trial: Trial,
): Promise<Answers> {
  const robotId = await askRobot(terminal, existing.robotId ?? suggestedId());
  const camera = await askCamera(terminal, existing.has('cameras'), trial);
  const broker = await askBroker(terminal, existing.has('mqtt'), robotId, trial);
  const page = await askPage(terminal, existing, trial);
  const gpio = await askGpio(terminal, existing.has('gpio'), trial);
  return { robotId, camera, broker, page, gpio };
}

async function askRobot(terminal: Terminal, suggestion: string): Promise<string> {
  for (;;) {
    const id = await terminal.ask('1/5 Name of this robot, in its MQTT topics:', suggestion);
    const { success, error } = configSchema.safeParse({ robot: { id } });
    if (success) return id;
    printLine(`  ${error.issues.map(({ message }) => message).join('; ')}`);
  }
}

async function askCamera(
  terminal: Terminal,
  isConfigured: boolean,
  trial: Trial,
): Promise<CameraAnswer | null> {
  const found = [...findCsiCameras().map((index) => `rpicam:${index}`), ...findCameraDevices()];
  printLine('2/5 Cameras of this board:');
  for (const [index, name] of found.entries()) printLine(`  ${index + 1}  ${name}`);
  if (found.length === 0) printLine('  none was found');
  printLine('  Or type a device, an address (rtsp://…, http://…), auto, or simulated.');
  if (isConfigured) printLine(`  Or ${KEEP} what is configured.`);
  const suggestion = isConfigured ? KEEP : found.length > 0 ? '1' : 'auto';
  for (;;) {
    const answer = await terminal.ask('Camera:', suggestion);
    if (isConfigured && answer === KEEP) return null;
    const camera = parseCamera(found[Number(answer) - 1] ?? answer);
    printLine('  taking a test image …');
    if (await trial.camera(camera)) return camera;
    if (await terminal.confirm('Use this camera anyway?', false)) return camera;
  }
}

async function askBroker(
  terminal: Terminal,
  isConfigured: boolean,
  robotId: string,
  trial: Trial,
): Promise<BrokerAnswer | null> {
  for (;;) {
    const answer = await terminal.ask(
      `3/5 MQTT broker (mqtt://host:1883, mqtts://host:8883), embedded${isConfigured ? `, or ${KEEP}` : ''}:`,
      isConfigured ? KEEP : 'embedded',
    );
    if (isConfigured && answer === KEEP) return null;
    if (answer === 'embedded') return { url: null, username: null, password: null };
    const username = await terminal.ask('User at the broker, empty for none:');
    const password = username === '' ? '' : await terminal.askHidden('Password (not shown):');
    const broker = {
      url: answer,
      username: username === '' ? null : username,
      password: password === '' ? null : password,
    };
    if (await trial.broker(broker, robotId)) return broker;
    if (await terminal.confirm('Use this broker anyway?', false)) return broker;
  }
}

async function askPage(
  terminal: Terminal,
  existing: SettingsDocument,
  trial: Trial,
): Promise<PageAnswer> {
  const enabled = await terminal.confirm('4/5 Serve the web page?', true);
  if (!enabled) return { enabled, host: existing.pageHost, newToken: null };
  for (;;) {
    const host = await terminal.ask(
      'Address it listens on (127.0.0.1: this machine only; 0.0.0.0: the network):',
      existing.pageHost,
    );
    if (await trial.address(host)) return servedPage(host, existing);
  }
}

async function askGpio(
  terminal: Terminal,
  isConfigured: boolean,
  trial: Trial,
): Promise<GpioAnswer | null> {
  const drivers: readonly string[] = GPIO_DRIVERS;
  const choices = [...drivers, ...(isConfigured ? [KEEP] : [])].join(', ');
  for (;;) {
    const driver = await terminal.ask(
      `5/5 Outputs that alerts switch, through GPIO (${choices}):`,
      isConfigured ? KEEP : 'none',
    );
    if (isConfigured && driver === KEEP) return null;
    if (driver === 'none') return { driver, outputs: [] };
    if (!drivers.includes(driver)) {
      printLine(`  Answer one of: ${choices}.`);
      continue;
    }
    const answer = { driver, outputs: await askOutputs(terminal) };
    if (answer.outputs.length === 0 || (await trial.gpio(answer))) return answer;
    if (await terminal.confirm('Use these outputs anyway?', false)) return answer;
  }
}

async function askOutputs(terminal: Terminal): Promise<OutputAnswer[]> {
  printLine('  `headland gpio list` shows the lines of this board.');
  const outputs: OutputAnswer[] = [];
  for (;;) {
    const question = 'Output as name=line, such as horn=17 or horn=GPIO17; empty: no more:';
    const answer = await terminal.ask(question);
    if (answer === '') return outputs;
    const output = parseOutput(answer);
    if (output === null) printLine('  Write name=line, or name=line@chip.');
    else outputs.push(output);
  }
}

import { hostname } from 'node:os';
import { type Config, configSchema, type SecretReference } from '../../config/schema.js';

/** An output as answered: its name, and its line by number or by name. */
export interface OutputAnswer {
  name: string;
  line: number | string;
  /** Null: on any chip, if that leaves no doubt. */
  chipLabel: string | null;
}

export interface BrokerAnswer {
  /** Null: the embedded one. */
  url: string | null;
  username: string | null;
  password: string | null;
}

export interface PageAnswer {
  enabled: boolean;
  host: string;
  /** Null: the configured one stays; without any the page is on loopback only. */
  newToken: string | null;
}

export interface GpioAnswer {
  driver: string;
  outputs: OutputAnswer[];
}

/** The answers to the five questions. Null: what is configured stays. */
export interface Answers {
  robotId: string;
  camera: CameraAnswer | null;
  broker: BrokerAnswer | null;
  page: PageAnswer | null;
  gpio: GpioAnswer | null;
}

/** A camera section of the configuration, without the settings that keep their defaults. */
export type CameraAnswer = { driver: string } & Record<string, unknown>;

/** Secrets are in files already. */
export interface StoredSecrets {
  password: SecretReference | null;
  token: SecretReference | null;
}

/** The sections of `gpio.outputs` for outputs as answered. */
export function outputSections(outputs: readonly OutputAnswer[]): Record<string, unknown>[] {
  return outputs.map(({ name, line, chipLabel }) => {
    const section = typeof line === 'number' ? { name, line } : { name, lineName: line };
    return chipLabel === null ? section : { ...section, chipLabel };
  });
}

export function defaults(): Config {
  return configSchema.parse({});
}

/** Id for a robot without one: the name of the machine, as far as topics allow it. */
export function suggestedId(): string {
  const name = hostname()
    .replace(/\..*$/, '')
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return name === '' ? defaults().robot.id : name;
}

/** `horn=17`, `horn=GPIO17` or `horn=17@pinctrl-bcm2711`; null: none of them. */
export function parseOutput(text: string): OutputAnswer | null {
  const [, name, line, chipLabel = null] =
    /^\s*([^=\s]+)=([^@\s]+)(?:@(\S+))?\s*$/.exec(text) ?? [];
  if (name === undefined || line === undefined) return null;
  return { name, line: /^\d+$/.test(line) ? Number(line) : line, chipLabel };
}

/** A camera as answered: a number of the list, a device, an address, `rpicam`, `simulated` or `auto`. */
export function parseCamera(text: string): CameraAnswer {
  const given = text.trim();
  const [, index] = /^rpicam(?::(\d+))?$/.exec(given) ?? [];
  if (given === 'auto' || given === 'simulated') return { driver: given };
  if (given.startsWith('rpicam')) return { driver: 'rpicam', cameraIndex: Number(index ?? 0) };
  return { driver: 'ffmpeg', input: given };
}

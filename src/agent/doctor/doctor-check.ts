import type { ErrorCode, HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { ServiceUnit } from '../../host/service-unit.js';
import type { DaemonContact } from './daemon-contact.js';

/** `skipped`: it could not be looked at, or does not apply to this robot. */
export const FINDING_STATES = ['ok', 'warning', 'failed', 'skipped'] as const;
export type FindingState = (typeof FINDING_STATES)[number];

/** One fact that a check has found. */
export interface Finding {
  state: FindingState;
  /** What it is about, where a check looks at several things: a camera, a task; else null. */
  subject: string | null;
  /** A code of docs/reference/errors.md; null: nothing is wrong. */
  code: ErrorCode | null;
  /** One sentence for people. */
  reason: string;
  /** What to do about it; null: nothing is wrong. */
  remedy: string | null;
  /** Measured values, JSON-serialisable. */
  facts: Record<string, unknown>;
}

/** What every check may use. */
export interface DoctorContext {
  configFile: string;
  /** Of the process that asked; names the path of programs, and credentials of systemd. */
  environment: NodeJS.ProcessEnv;
  /** Where images are written to; null: nowhere. */
  imagesDir: string | null;
  /** Mount points of procfs, sysfs and /run; tests use others. */
  roots: { proc: string; sys: string; run: string };
  /** The unit of the service; null: no systemd runs here. */
  unit(): Promise<ServiceUnit | null>;
}

/** What a check of a robot with a valid configuration may use. */
export interface RobotContext extends DoctorContext {
  /** Credentials that the unit loads from a file are replaced by that file. */
  config: Config;
  daemon: DaemonContact;
}

/**
 * Looks at one thing and changes nothing: it creates no folder, switches no output and sends no command.
 * A thrown HeadlandError becomes a finding `failed`.
 */
export type Check<Context extends DoctorContext = DoctorContext> = (
  context: Context,
) => Promise<Finding[]>;

interface FindingOptions {
  subject?: string;
  facts?: Record<string, unknown>;
}

export function ok(reason: string, { subject, facts = {} }: FindingOptions = {}): Finding {
  return { state: 'ok', subject: subject ?? null, code: null, reason, remedy: null, facts };
}

export function skipped(reason: string, { subject, facts = {} }: FindingOptions = {}): Finding {
  return { state: 'skipped', subject: subject ?? null, code: null, reason, remedy: null, facts };
}

export function warning(error: HeadlandError, options: FindingOptions = {}): Finding {
  return { ...failed(error, options), state: 'warning' };
}

export function failed(error: HeadlandError, { subject, facts }: FindingOptions = {}): Finding {
  const { code, message, remedy, details } = error;
  return {
    state: 'failed',
    subject: subject ?? null,
    code,
    reason: message,
    remedy,
    facts: facts ?? details,
  };
}

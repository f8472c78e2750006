import type { Finding } from './doctor-check.js';
import type { DoctorRequest } from './doctor-context.js';

/** To the process that runs checks: what to look at. */
export interface DoctorOrder {
  request: DoctorRequest;
  /** Names of checks, in order. */
  checks: string[];
}

/** From the process: a check has begun, may take longer, or has ended. */
export type DoctorMessage =
  | { type: 'began'; name: string }
  /** The running check may take this long from now on. */
  | { type: 'allowed'; limitMs: number }
  | { type: 'ended'; name: string; findings: Finding[]; durationMs: number };

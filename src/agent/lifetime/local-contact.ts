import { randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fchmodSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inheritOwner } from '../../base/files/inherit-owner.js';
import type { InstanceLock } from '../../host/instance-lock.js';
import { statusAnswer } from '../reporting/survey.js';
import { agentStatus } from '../status.js';
import type { AgentView } from '../view.js';
import { LOCAL_KEY_FILE } from './local-key.js';

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
/** What a daemon tells any program of this machine about itself. */
export interface LocalIdentity {
  pid: number;
  robot: string;
  version: string;
  stateDir: string;
  /** Null: the page is off, or has not started. */
  page: string | null;
  demo: boolean;
}

/**
 * Lets `headland status` find this process without a configuration: the lock of the state folder
 * answers. Anyone on the machine learns who runs; the status itself needs the key, which only
 * those can read who can read the state.
 */
export function answerLocally(
  lock: InstanceLock,
  stateDir: string,
  agent: () => AgentView & { readonly written: Parameters<typeof statusAnswer>[1] },
  { demo = false }: { demo?: boolean } = {},
): void {
  const key = newKey(join(stateDir, LOCAL_KEY_FILE));
  lock.answerWith((question) => {
    const running = agent();
    const who: LocalIdentity = {
      pid: process.pid,
      robot: running.config.robot.id,
      version: running.options.version,
      stateDir,
      page: running.consoleUrl,
      demo,
    };
    if (question.ask === 'who') return who;
    if (question.ask !== 'status' || !isKey(question.key, key)) return null;
    return { ...who, status: statusAnswer(agentStatus(running), running.written) };
  });
}

/** Null: the state folder cannot be written; then the broker and the page give the status. */
function newKey(path: string): string | null {
  try {
    const key = randomBytes(16).toString('hex');
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      fchmodSync(file, 0o600);
      inheritOwner(file, path);
      writeSync(file, key);
    } finally {
      closeSync(file);
    }
    return key;
  } catch {
    return null;
  }
}

function isKey(given: unknown, key: string | null): boolean {
  if (typeof given !== 'string' || key === null) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(key)];
  return a.length === b.length && timingSafeEqual(a, b);
}

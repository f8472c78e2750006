import { codeOf } from '../../base/errors.js';
import type { BrokerCredentials } from '../../telemetry/connection/connection.js';
import { credentialsDigest } from './broker-access.js';

/**
 * Notices that the files of the broker's credentials have changed, so that a new certificate or password
 * is used without a restart. Whoever writes them may be half way: a change counts when two looks in a row
 * have seen the same.
 */
export class CredentialsWatch {
  #used: string;
  #seen: string;

  /** @param read reads the files; throws HeadlandErrors */
  constructor(private readonly read: () => BrokerCredentials) {
    this.#used = this.#look().what;
    this.#seen = this.#used;
  }

  /**
   * @returns `changed`: there are other credentials than before; the error: the changed ones cannot be
   *   used; null: nothing new
   */
  check(): 'changed' | { error: unknown } | null {
    const { what, error } = this.#look();
    const isSettled = what === this.#seen;
    this.#seen = what;
    if (!isSettled || what === this.#used) return null;
    this.#used = what;
    return error === undefined ? 'changed' : { error };
  }

  #look(): { what: string; error?: unknown } {
    try {
      return { what: credentialsDigest(this.read()) };
    } catch (error) {
      return { what: `${codeOf(error)} ${String(error)}`, error };
    }
  }
}

import { HeadlandError } from '../../base/errors.js';
import { type CommandLedger, repeatedError } from '../../storage/commands/command-ledger.js';
import { patiently } from '../../storage/store-patience.js';
import type { Command, CommandName } from '../contract/command-contract.js';
import type { Statement } from '../contract/signed-command-contract.js';
import { type CommandKey, parsePublicKey } from './command-key.js';
import { checkStatement, looksSigned, openSigned } from './signed-command.js';

/** Commands that change nothing that lasts: a second execution after a restart does no harm. */
const HARMLESS: ReadonlySet<CommandName> = new Set(['status', 'speed', 'look_alikes']);
const FORGOTTEN_AFTER_MS = 86_400_000;

export function isHarmless({ name }: Command): boolean {
  return HARMLESS.has(name);
}

/** Who has signed a command. */
export interface Signer {
  /** Id of the key. */
  key: string;
  counter: number;
}

/** A message without signature and transaction that its broker may send again. */
export interface Delivery {
  /** Of topic, payload and properties; longer than any transaction. */
  id: string;
  /** The broker has sent it before, or tried to. */
  isAgain: boolean;
}

export interface CommandGuardOptions {
  robotId: string;
  /** Start of the daemon. */
  boot: string;
  ledger: Pick<CommandLedger, 'begin' | 'keys'>;
  /** Public keys that the settings trust, by name. */
  settingsKeys: readonly { name: string; publicKey: string }[];
  /** Refuses commands without a signature. */
  requireSignature: boolean;
  /** Unix time in milliseconds; null: the clock is not set. Default: the clock of the system. */
  wallMs?: () => number | null;
}

/** Decides by signature, audience, time and counter whether a command may be executed, once. */
export class CommandGuard {
  readonly #options: CommandGuardOptions;
  readonly #settingsKeys: readonly CommandKey[];
  readonly #wallMs: () => number | null;

  /** @throws HeadlandError HL_COMMAND_KEY_INVALID */
  constructor(options: CommandGuardOptions) {
    this.#options = options;
    this.#settingsKeys = options.settingsKeys.map(({ publicKey }) => parsePublicKey(publicKey));
    this.#wallMs = options.wallMs ?? (() => Date.now());
  }

  /**
   * Opens a payload that may be signed.
   * @returns null: it is not signed
   * @throws HeadlandError HL_COMMAND_INVALID_JSON, HL_COMMAND_INVALID, HL_COMMAND_KEY_UNKNOWN,
   *   HL_COMMAND_SIGNATURE, HL_COMMAND_AUDIENCE, HL_COMMAND_EXPIRED
   */
  open(name: string, payload: Uint8Array): { signer: Signer; fields: Statement['fields'] } | null {
    if (!looksSigned(payload)) return null;
    const opened = openSigned(payload, (id) => this.#trusted(id));
    if (opened === null) return null;
    const { key, statement } = opened;
    const { robotId } = this.#options;
    checkStatement(statement, { robotId, command: name, nowMs: this.#wallMs() });
    return { signer: { key: key.id, counter: statement.counter }, fields: statement.fields };
  }

  /** @throws HeadlandError HL_COMMAND_UNSIGNED */
  checkUnsigned({ transaction }: Command): void {
    if (!this.#options.requireSignature) return;
    throw new HeadlandError('HL_COMMAND_UNSIGNED', 'the robot takes only signed commands', {
      remedy: 'Send it with `headland send COMMAND --key FILE`, with a key that the robot trusts.',
      details: transaction === undefined ? {} : { transaction },
    });
  }

  /**
   * Records the command on the disk, so that neither a restart nor the broker executes it again.
   * @param delivery of a command without signature and transaction; null: nothing tells it from others
   * @throws HeadlandError HL_COMMAND_REPLAYED, HL_COMMAND_REPEATED, HL_STORE_…: do not execute it
   */
  async begin(
    command: Command,
    signer: Signer | null,
    fingerprint: string,
    delivery: Delivery | null,
  ): Promise<void> {
    const transaction = command.transaction ?? delivery?.id ?? null;
    if (signer === null && (transaction === null || isHarmless(command))) return;
    const { ledger, boot } = this.#options;
    const nowMs = this.#wallMs();
    const outcome = await patiently(() =>
      ledger.begin({
        signer,
        transaction,
        delivered: delivery === null ? null : delivery.isAgain ? 'again' : 'first',
        fingerprint,
        boot,
        atMs: nowMs ?? 0,
        forgottenBeforeMs: nowMs === null ? null : nowMs - FORGOTTEN_AFTER_MS,
      }),
    );
    if (outcome === 'repeated') throw repeatedError(command.transaction ?? null);
    if (outcome === 'replayed') {
      throw new HeadlandError(
        'HL_COMMAND_REPLAYED',
        `key ${signer?.key} has sent the counter ${signer?.counter} or a higher one before`,
        {
          remedy:
            'Sign each command with a higher counter, as `headland send` does. If you did not send it, somebody sends old commands again.',
          details: command.transaction === undefined ? {} : { transaction: command.transaction },
        },
      );
    }
  }

  /** Read for each command: a key that is revoked is refused from then on. */
  #trusted(id: string): CommandKey | null {
    const stored = this.#options.ledger.keys().find((key) => key.id === id);
    if (stored !== undefined) return stored.revoked ? null : parsePublicKey(stored.publicKey);
    return this.#settingsKeys.find((key) => key.id === id) ?? null;
  }
}

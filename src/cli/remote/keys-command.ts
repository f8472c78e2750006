import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { AccessState } from '../../agent/access/present-state.js';
import { openPresentState } from '../../agent/access/present-state.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import type { Config } from '../../config/schema.js';
import { makeKey, parsePublicKey } from '../../telemetry/commands/command-key.js';
import { failureLog } from '../support/command-log.js';
import { type OutputOptions, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type StateOptions, withStateOptions } from '../support/state-options.js';

const BY = { source: 'cli' } as const;
const PRIVATE_MODE = 0o600;

interface KeysOptions extends StateOptions, OutputOptions {
  name?: string;
}

/** A key as people see it. */
interface ShownKey {
  id: string;
  name: string;
  public_key: string;
  trusted_by: 'settings' | 'command';
  revoked: boolean;
  counter: number;
}

/** Makes keys that sign commands, and says which ones the robot trusts. */
export function keysCommand(): Command {
  const command = withStateOptions(new Command('keys')).option('--json', 'print one JSON object');
  command
    .command('new')
    .description('make a key that signs commands, and print its public half')
    .argument('<file>', 'new file for the private key; keep it off the robot')
    .action(async (file: string, _: object, inner: Command) => {
      await make(file, inner.optsWithGlobals<KeysOptions>());
    });
  command
    .command('trust')
    .description('take commands that a key has signed, from now on')
    .argument('<public-key>', 'what `headland keys new` printed')
    .option('--name <name>', 'whose key it is')
    .action((text: string, _: object, inner: Command) => {
      const options = inner.optsWithGlobals<KeysOptions>();
      return withKeys(options, (state) => trust(state, text, options));
    });
  command
    .command('list')
    .description('list the trusted and the revoked keys')
    .action((_: object, inner: Command) => {
      const options = inner.optsWithGlobals<KeysOptions>();
      return withKeys(options, (state, config) => list(shownKeys(state, config), options));
    });
  command
    .command('revoke')
    .description('refuse what a key signs, from now on')
    .argument('<key>', 'id of the key, as `headland keys list` shows it')
    .action((id: string, _: object, inner: Command) => {
      const options = inner.optsWithGlobals<KeysOptions>();
      return withKeys(options, (state, config) => revoke(state, config, id, options));
    });
  return command;
}

async function withKeys(
  options: StateOptions,
  work: (state: AccessState, config: Config) => Promise<void> | void,
): Promise<void> {
  const config = resolveConfig(options);
  const state = openPresentState(config, failureLog);
  try {
    await work(state, config);
  } finally {
    state.close();
  }
}

async function make(file: string, options: KeysOptions): Promise<void> {
  if (existsSync(file)) {
    throw new HeadlandError('HL_COMMAND_KEY_EXISTS', `${file} exists already`, {
      remedy: 'Name a new file: a key that was overwritten can sign nothing any more.',
    });
  }
  const { privatePem, publicKey } = makeKey();
  try {
    await writeFileDurably(file, privatePem, PRIVATE_MODE);
  } catch (error) {
    throw new HeadlandError(
      'HL_COMMAND_KEY_UNWRITABLE',
      `cannot write ${file}: ${messageOf(error)}`,
      { remedy: 'Name a file in a folder that exists and that this user may write.', cause: error },
    );
  }
  if (options.json) {
    return void printJson({ file, id: publicKey.id, public_key: publicKey.text });
  }
  printLine(`private key: ${file} (mode 0600; whoever has it commands the robot)`);
  printLine(`id:          ${publicKey.id}`);
  printLine(`public key:  ${publicKey.text}`);
  printLine(`On the robot: headland keys trust ${publicKey.text}`);
}

async function trust({ commands, audit }: AccessState, text: string, options: KeysOptions) {
  const { id, text: publicKey } = parsePublicKey(text);
  const name = options.name ?? id;
  await audit.around('trust_key', { id, keyName: name }, BY, () =>
    commands.trust({ id, publicKey, name, addedAtMs: Date.now() }),
  );
  if (options.json) printJson({ id, name, revoked: false });
  else printLine(`key ${id} is trusted: a running daemon takes its commands at once`);
}

async function revoke(state: AccessState, config: Config, id: string, options: KeysOptions) {
  const known = shownKeys(state, config).find((key) => key.id === id);
  if (known === undefined) {
    throw new HeadlandError('HL_COMMAND_KEY_UNKNOWN', `the robot does not know the key "${id}"`, {
      remedy: 'Use an id that `headland keys list` shows.',
    });
  }
  const { name, public_key: publicKey } = known;
  await state.audit.around('revoke_key', { id, keyName: name }, BY, () =>
    state.commands.revoke({ id, publicKey, name, addedAtMs: Date.now() }),
  );
  if (options.json) printJson({ id, name, revoked: true });
  else printLine(`key ${id} is revoked: a running daemon refuses its commands at once`);
}

function shownKeys({ commands }: AccessState, config: Config): ShownKey[] {
  const stored = commands.keys();
  const ofSettings = config.mqtt.commandKeys
    .map(({ name, publicKey }) => ({ name, ...parsePublicKey(publicKey) }))
    .filter(({ id }) => !stored.some((key) => key.id === id));
  return [
    ...ofSettings.map(({ id, name, text }) => {
      const trustedBy = 'settings' as const;
      return { id, name, public_key: text, trusted_by: trustedBy, revoked: false };
    }),
    ...stored.map(({ id, name, publicKey, revoked }) => {
      const trustedBy = 'command' as const;
      return { id, name, public_key: publicKey, trusted_by: trustedBy, revoked };
    }),
  ].map((key) => ({ ...key, counter: commands.counter(key.id) }));
}

function list(keys: readonly ShownKey[], options: KeysOptions): void {
  if (options.json) return void printJson({ keys });
  if (keys.length === 0)
    return void printLine('no key is trusted: `headland keys new FILE` makes one');
  printLine(
    table(
      keys.map(({ id, name, public_key, trusted_by, revoked }) => [
        id,
        name,
        revoked
          ? 'revoked'
          : `trusted by ${trusted_by === 'settings' ? 'the settings' : 'keys trust'}`,
        public_key,
      ]),
      '',
    ),
  );
}

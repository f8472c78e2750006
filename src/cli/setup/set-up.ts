import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { secretsInSettings } from '../../agent/doctor/bundle/known-secrets.js';
import { SERVICE } from '../../agent/doctor/doctor-context.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { validateConfig } from '../../config/load.js';
import { isLoopback } from '../../console/server/security.js';
import { readServiceUnit, type ServiceUnit } from '../../host/service-unit.js';
import { printLine } from '../support/output.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import { askAnswers, servedPage } from './ask-answers.js';
import { DROP_IN_DIR, keepSecrets, plannedSecrets } from './keep-secrets.js';
import { SettingsDocument } from './settings-document.js';
import { type Answers, type OutputAnswer, parseCamera, suggestedId } from './setup-answers.js';
import { startCommands, startService } from './start-service.js';
import { cancelled, Terminal } from './terminal.js';
import { Trial } from './try-answers.js';
import { requireWritable, writeSettings } from './write-settings.js';

export interface SetupOptions {
  config: string;
  yes?: boolean;
  force?: boolean;
  start?: boolean;
  robot?: string;
  camera?: string;
  broker?: string;
  brokerUser?: string;
  brokerPasswordFile?: string;
  page?: 'on' | 'off';
  pageAddress?: string;
  gpio?: string;
  output?: OutputAnswer[];
}

/** Throws before anything is written, or writes everything. */
async function setUp(options: SetupOptions, terminal: Terminal | null): Promise<void> {
  const environment = process.env;
  const configFile = resolve(options.config);
  requireWritable(configFile);
  const existing = SettingsDocument.read(configFile);
  if (existing.isFile) await requireReplaceable(configFile, options, terminal);
  const trial = new Trial(existing.stateDir, environment);
  const answers = terminal
    ? await askAnswers(terminal, existing, trial)
    : answersFrom(options, existing);

  const unit = await readServiceUnit(SERVICE, environment);
  const keeping = { configFile, unit, dropInDir: DROP_IN_DIR };
  const planned = existing.with(answers, plannedSecrets(answers, keeping));
  const config = validateConfig(planned.settings, 'the answers');
  if (terminal) {
    printLine(`\n${configFile}:\n`);
    process.stdout.write(`${planned.text}\n`);
    if (!(await terminal.confirm('Write this?', true))) throw cancelled();
  }
  const { dropIn } = await keepSecrets(answers, config, keeping);
  const { backup, mode } = await writeSettings(configFile, planned.text);
  printLine(`wrote ${configFile}${backup === null ? '' : `; the old one is ${backup}`}`);
  if ((mode & 0o044) !== 0 && secretsInSettings(planned.settings).length > 0) {
    printLine(
      `warning: ${configFile} contains passwords, such as those of cameras, and other users of this machine may read it. Give the camera a user that can only watch.`,
    );
  }
  if (answers.page !== null && answers.page.newToken !== null) {
    printLine(`token of the page, to be entered in the browser: ${answers.page.newToken}`);
  }
  await offerStart({ configFile, unit, hasDropIn: dropIn !== null }, options, terminal);
  if (answers.page?.enabled && !isLoopback(answers.page.host)) {
    printLine('To open the page on a phone, once the daemon runs: headland pair');
  }
  printLine('Then look at everything: headland doctor');
}

/** @throws HeadlandError HL_SETUP_FILE_EXISTS, HL_SETUP_CANCELLED */
async function requireReplaceable(
  file: string,
  { force }: SetupOptions,
  terminal: Terminal | null,
): Promise<void> {
  if (force) return;
  if (terminal === null) {
    throw new HeadlandError('HL_SETUP_FILE_EXISTS', `${file} exists`, {
      remedy:
        'Give --force: the old file is kept beside it, as FILE.bak. Or name another one: --config FILE.',
    });
  }
  const question = `${file} exists. Change it? The old one is kept beside it.`;
  if (!(await terminal.confirm(question, true))) throw cancelled();
}

/** Answers from options; without one, what is configured stays. */
function answersFrom(options: SetupOptions, existing: SettingsDocument): Answers {
  const { camera, broker, brokerUser, brokerPasswordFile, page, pageAddress, gpio } = options;
  const host = pageAddress ?? existing.pageHost;
  return {
    robotId: options.robot ?? existing.robotId ?? suggestedId(),
    camera: camera === undefined ? null : parseCamera(camera),
    broker:
      broker === undefined
        ? null
        : {
            url: broker === 'embedded' ? null : broker,
            username: brokerUser ?? null,
            password: brokerPasswordFile === undefined ? null : passwordIn(brokerPasswordFile),
          },
    page:
      page === undefined && pageAddress === undefined
        ? null
        : page === 'off'
          ? { enabled: false, host, newToken: null }
          : servedPage(host, existing),
    gpio: gpio === undefined ? null : { driver: gpio, outputs: options.output ?? [] },
  };
}

/** @throws HeadlandError HL_SECRET_UNREADABLE */
function passwordIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new HeadlandError('HL_SECRET_UNREADABLE', `cannot read ${file}: ${messageOf(cause)}`, {
      remedy: 'Create the file, owned by the user of the daemon and with mode 0600.',
      cause,
    });
  }
}

async function offerStart(
  {
    configFile,
    unit,
    hasDropIn,
  }: {
    configFile: string;
    unit: ServiceUnit | null;
    hasDropIn: boolean;
  },
  options: SetupOptions,
  terminal: Terminal | null,
): Promise<void> {
  if (unit === null || !unit.installed || configFile !== DEFAULT_CONFIG_PATH) {
    printLine(`To run the daemon: headland run --config ${configFile}`);
    return;
  }
  const commands = startCommands(unit, hasDropIn);
  const wanted =
    options.start ?? (await terminal?.confirm('Start the service now?', true)) ?? false;
  if (wanted) {
    await startService(commands, process.env);
    printLine('the service has started');
    return;
  }
  const line = commands.map((command) => command.join(' ')).join(' && ');
  printLine(`To start the service: sudo sh -c '${line}'`);
}

function noTerminal(): HeadlandError {
  return new HeadlandError('HL_SETUP_NO_TERMINAL', 'there is no terminal to ask on', {
    remedy:
      'Run it in a terminal; or answer with options: `headland setup --yes --robot ID --camera auto`.',
  });
}

/** Asks, or takes the options alone, and writes the configuration. */
export async function setUpHere(options: SetupOptions): Promise<void> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  if (!options.yes && !isTerminal) throw noTerminal();
  const terminal = options.yes ? null : new Terminal(process.stdin, process.stdout);
  try {
    await setUp(options, terminal);
  } finally {
    terminal?.close();
  }
}

import type { Agent } from '../../agent/agent.js';
import { Daemon } from '../../agent/lifetime/daemon.js';
import { acquireStateLock } from '../../agent/lifetime/state-lock.js';
import { perceptionSettings } from '../../agent/seeing/perception-settings.js';
import { RobotSettings } from '../../agent/settings/robot-settings.js';
import { StartTrial } from '../../agent/settings/start-trial.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { createLog, type Log } from '../../base/log.js';
import { LogMemory } from '../../base/log-memory.js';
import { type LayeredConfig, loadLayeredConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { SystemdNotifier } from '../../host/notify.js';
import { boundPictureMemory } from '../../host/picture-memory.js';
import { processReplacer } from '../../host/restart/replace-process.js';
import { releaseStartPages } from '../../host/start-pages.js';
import { WrittenBytes } from '../../host/written-bytes.js';
import { PerceptionThread } from '../../perception/perception-thread.js';
import { packageVersion } from '../support/version.js';
import type { RunScreen } from './run-screen.js';

export interface RunOptions {
  config: string;
}

/** Set for a process that was started again in the place of itself. */
const AGAIN = 'HEADLAND_STARTED_AGAIN';

/** Changed settings that cannot be read are undone. */
async function loadOrUndo(load: () => LayeredConfig, trial: StartTrial): Promise<LayeredConfig> {
  try {
    return load();
  } catch (error) {
    if (!(await trial.undo(error))) throw error;
    return load();
  }
}

function environmentOfThisStart(): { environment: NodeJS.ProcessEnv; startedAgain: boolean } {
  const startedAgain = process.env[AGAIN] !== undefined;
  // No child, and no other start, is one of this kind.
  delete process.env[AGAIN];
  return { environment: process.env, startedAgain };
}

/** Settings that take the page away from whoever has made them on the page cannot stay. */
function pageLost(agent: Agent): HeadlandError | null {
  if (!agent.config.console.enabled || agent.consoleUrl !== null) return null;
  const why = agent.alarms.list().find(({ name }) => name === 'console')?.error;
  return new HeadlandError(
    why?.code ?? 'HL_CONSOLE_LISTEN_FAILED',
    why?.message ?? 'the page could not be opened',
    { remedy: why?.remedy ?? 'Choose another console.port.' },
  );
}

async function tellUndone(
  undone: HeadlandError | null,
  daemon: Daemon,
  settings: RobotSettings,
): Promise<void> {
  if (undone === null) return;
  daemon.refused(undone);
  settings.startedWithout(undone);
}

/** What a person sees of the daemon. */
interface RunView extends Pick<RunScreen, 'follow' | 'ready' | 'line' | 'close'> {
  /** Where the log goes instead of standard output. */
  sink: { sink?: (line: string) => void };
}

/** At a terminal a person reads, unless the configuration names a format; else the log says all. */
async function openView({ log: { format, level } }: Config): Promise<RunView> {
  if (!process.stdout.isTTY || format !== 'auto') {
    return { follow: () => {}, ready: () => {}, line: () => {}, close: () => {}, sink: {} };
  }
  const { RunScreen: Screen } = await import('./run-screen.js');
  const screen = new Screen(process.stdout, level === 'debug' || level === 'trace');
  return {
    follow: (agent) => screen.follow(agent),
    ready: () => screen.ready(),
    line: (text) => screen.line(text),
    close: () => screen.close(),
    sink: { sink: (line) => screen.log(line) },
  };
}

/** Runs the daemon until SIGTERM or SIGINT. */
export async function runDaemon(options: RunOptions): Promise<void> {
  const { environment, startedAgain } = environmentOfThisStart();
  const load = (): LayeredConfig => loadLayeredConfig(options.config);
  const trial = new StartTrial(options.config);
  await trial.begin();
  const loaded = await loadOrUndo(load, trial);
  const { config } = loaded;
  const logMemory = new LogMemory();
  const lock = await acquireStateLock(config.paths.stateDir, 'run', { create: true });
  // The backbone and the rest of the program take equally long to load: they load side by side.
  let early: Promise<PerceptionThread> | undefined = PerceptionThread.start(
    perceptionSettings(config),
  );
  early.catch(() => undefined);
  const [{ Agent: RobotAgent }, { answerLocally }] = await Promise.all([
    import('../../agent/agent.js'),
    import('../../agent/lifetime/local-contact.js'),
  ]);
  const screen = await openView(config);
  const logOf = ({ log: { level, format }, robot }: Config): Log =>
    createLog({
      level,
      format,
      environment,
      bindings: { robot: robot.id },
      memory: logMemory,
      ...screen.sink,
    });
  const log = logOf(config);
  if (lock.unlocked !== null) {
    log.warn({ err: lock.unlocked }, 'the state folder cannot be locked for other containers');
  }
  const version = packageVersion();
  const writtenBytes = new WrittenBytes();
  const replace = processReplacer();
  let wantsAgain = false;
  let end: () => void = () => {};
  const again = (): void => {
    wantsAgain = true;
    end();
  };
  const settings: RobotSettings = new RobotSettings({
    configFile: options.config,
    running: () => daemon.config,
    reload: () => daemon.reload(pageLost),
    restart: replace && again,
    log,
  });
  const make = (now: Config): Agent => {
    const thread = early;
    early = undefined;
    const agent = new RobotAgent(now, {
      log: logOf(now),
      environment,
      version,
      writtenBytes,
      settings,
      logMemory,
      ...(thread ? { thread } : {}),
    });
    screen.follow(agent);
    return agent;
  };
  const notifier = new SystemdNotifier(environment);
  const daemon = new Daemon({ config: loaded, load, make, notifier, log });
  process.on('exit', () => daemon.outputsOff());
  answerLocally(lock, config.paths.stateDir, () => daemon.agent);
  const fail = (error: unknown): never => {
    try {
      log.fatal({ err: error }, `defect, exiting: ${messageOf(error)}`);
    } finally {
      process.exit(1);
    }
  };
  process.on('uncaughtException', fail);
  // Nobody waited for it: the rest goes on, and the watchdog sees whether something stands still.
  process.on('unhandledRejection', (error) => daemon.agent.reportDefect(error));
  const stopped = new Promise<void>((resolve) => {
    end = resolve;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'stopping');
        screen.line('stopping');
        resolve();
      });
    }
  });
  try {
    const started = daemon.start({ again: startedAgain });
    // A terminal that closes sends the same signal, which then ends the daemon.
    if (!process.stdout.isTTY) process.on('SIGHUP', () => void daemon.reload().catch(fail));
    const isReady = await Promise.race([started.then(() => true), stopped.then(() => false)]);
    if (isReady) {
      screen.ready();
      await tellUndone(await trial.pass(), daemon, settings);
    } else await trial.postpone();
    boundPictureMemory();
    releaseStartPages();
    await stopped;
  } catch (error) {
    if (!(await trial.undo(error))) throw error;
    log.error({ err: error }, 'the changed settings cannot run: starting with those before');
    again();
  } finally {
    screen.close();
    await daemon.stop();
    await lock.release();
  }
  log.info(wantsAgain ? 'starting again' : 'stopped');
  screen.line(wantsAgain ? 'starting again' : 'stopped');
  if (wantsAgain) replace?.({ ...process.env, [AGAIN]: '1' });
  // A start-up interrupted by the signal may still be opening parts that would keep the process alive.
  process.exit(wantsAgain ? 1 : undefined);
}

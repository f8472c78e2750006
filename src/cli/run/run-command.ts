import { Command } from 'commander';
import type { Agent } from '../../agent/agent.js';
import { Daemon } from '../../agent/lifetime/daemon.js';
import { perceptionSettings } from '../../agent/seeing/perception-settings.js';
import { messageOf } from '../../base/errors.js';
import { createLog, type Log } from '../../base/log.js';
import { loadConfigFile } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { acquireInstanceLock } from '../../host/instance-lock.js';
import { SystemdNotifier } from '../../host/notify.js';
import { boundPictureMemory } from '../../host/picture-memory.js';
import { releaseStartPages } from '../../host/start-pages.js';
import { WrittenBytes } from '../../host/written-bytes.js';
import { PerceptionThread } from '../../perception/perception-thread.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import { packageVersion } from '../support/version.js';
import type { RunScreen } from './run-screen.js';

/** Runs the daemon until SIGTERM or SIGINT, then shuts it down in order. */
export function runCommand(): Command {
  return new Command('run')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .action(async (options: { config: string }) => {
      const load = (): Config => loadConfigFile(options.config);
      const config = load();
      let screen: RunScreen | null = null;
      const logOf = ({ log: { level, format }, robot }: Config): Log =>
        createLog({
          level,
          format,
          environment: process.env,
          bindings: { robot: robot.id },
          ...(screen ? { sink: (line) => screen?.log(line) } : {}),
        });
      const lock = await acquireInstanceLock(config.paths.stateDir, 'run');
      // The backbone and the rest of the program take equally long to load: they load side by side.
      let early: Promise<PerceptionThread> | undefined = PerceptionThread.start(
        perceptionSettings(config),
      );
      early.catch(() => undefined);
      const [{ Agent: RobotAgent }, { answerLocally }] = await Promise.all([
        import('../../agent/agent.js'),
        import('../../agent/lifetime/local-contact.js'),
      ]);
      screen = await openScreen(config);
      const log = logOf(config);
      const version = packageVersion();
      const writtenBytes = new WrittenBytes();
      const make = (settings: Config): Agent => {
        const thread = early;
        early = undefined;
        const agent = new RobotAgent(settings, {
          log: logOf(settings),
          environment: process.env,
          version,
          writtenBytes,
          ...(thread ? { thread } : {}),
        });
        screen?.follow(agent);
        return agent;
      };
      const notifier = new SystemdNotifier(process.env);
      const daemon = new Daemon({ config, load, make, notifier, log });
      process.on('exit', () => daemon.outputsOff());
      answerLocally(lock, config.paths.stateDir, () => daemon.agent);
      const fail = (error: unknown): never => {
        log.fatal({ err: error }, `defect, exiting: ${messageOf(error)}`);
        process.exit(1);
      };
      for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
        process.on(event, fail);
      }
      const stopped = new Promise<void>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) {
          process.once(signal, () => {
            log.info({ signal }, 'stopping');
            screen?.line('stopping');
            resolve();
          });
        }
      });
      try {
        const started = daemon.start();
        // A terminal that closes sends the same signal, which then ends the daemon.
        if (!process.stdout.isTTY) process.on('SIGHUP', () => void daemon.reload().catch(fail));
        await Promise.race([started.then(() => screen?.ready()), stopped]);
        boundPictureMemory();
        releaseStartPages();
        await stopped;
      } finally {
        screen?.close();
        await daemon.stop();
        await lock.release();
      }
      log.info('stopped');
      screen?.line('stopped');
      // A start-up interrupted by the signal may still be opening parts that would keep the process alive.
      process.exit();
    });
}

/** At a terminal a person reads, unless the configuration names a format; else null. */
async function openScreen({ log: { format, level } }: Config): Promise<RunScreen | null> {
  if (!process.stdout.isTTY || format !== 'auto') return null;
  const { RunScreen: Screen } = await import('./run-screen.js');
  return new Screen(process.stdout, level === 'debug' || level === 'trace');
}

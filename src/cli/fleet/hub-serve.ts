import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import { SystemdNotifier } from '../../host/notify.js';
import { DEFAULT_HUB_CONFIG } from './hub-files.js';
import { HubProcess } from './hub-process.js';

/** Runs the hub until SIGTERM or SIGINT, then ends it in order; SIGHUP reads the configuration again. */
export function serveCommand(): Command {
  return new Command('serve')
    .option('--config <file>', 'configuration file', DEFAULT_HUB_CONFIG)
    .action(async ({ config: path }: { config: string }) => {
      const notifier = new SystemdNotifier(process.env);
      const stopped = new Promise<NodeJS.Signals>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
      });
      const hub = await HubProcess.start(path, (url) => notifier.status(`serving ${url}`));
      const fail = (error: unknown): never => {
        hub.log.fatal({ err: error }, `defect, exiting: ${messageOf(error)}`);
        process.exit(1);
      };
      process.on('uncaughtException', fail);
      process.on('unhandledRejection', fail);
      // A terminal that closes sends the same signal, which then ends the hub.
      if (!process.stdout.isTTY) process.on('SIGHUP', () => void hub.reload().catch(fail));
      notifier.ready();
      const { watchdogIntervalMs } = notifier;
      // A bare timer would hide work that stands still.
      const watchdog =
        watchdogIntervalMs === null
          ? null
          : setInterval(() => {
              if (hub.stuck().length === 0) notifier.watchdog();
            }, watchdogIntervalMs);
      const signal = await stopped;
      hub.log.info({ signal }, 'stopping');
      notifier.stopping();
      if (watchdog !== null) clearInterval(watchdog);
      await hub.stop();
      hub.log.info('stopped');
    });
}

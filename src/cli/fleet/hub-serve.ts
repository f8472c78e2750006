import { hostname } from 'node:os';
import { Command } from 'commander';
import { messageOf } from '../../base/errors.js';
import { createLog } from '../../base/log.js';
import { Hub } from '../../fleet/hub/hub.js';
import { loadHubConfig } from '../../fleet/hub/settings/load-hub-config.js';
import { SystemdNotifier } from '../../host/notify.js';
import { packageVersion } from '../support/version.js';
import { DEFAULT_HUB_CONFIG, openHubStore, readHubSecrets } from './hub-files.js';

/** Runs the hub until SIGTERM or SIGINT, then ends it in order. */
export function serveCommand(): Command {
  return new Command('serve')
    .option('--config <file>', 'configuration file', DEFAULT_HUB_CONFIG)
    .action(async ({ config: path }: { config: string }) => {
      const config = loadHubConfig(path);
      const replica = config.replica ?? hostname();
      const log = createLog({
        level: config.log.level,
        format: config.log.format,
        environment: process.env,
        bindings: { fleet: config.fleet, replica },
      });
      const secrets = readHubSecrets(config, process.env);
      const store = await openHubStore(config, process.env);
      const hub = new Hub({ config, secrets, store, replica, version: packageVersion(), log });
      const fail = (error: unknown): never => {
        log.fatal({ err: error }, `defect, exiting: ${messageOf(error)}`);
        process.exit(1);
      };
      process.on('uncaughtException', fail);
      process.on('unhandledRejection', fail);
      const stopped = new Promise<NodeJS.Signals>((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
      });
      const notifier = new SystemdNotifier(process.env);
      const { url } = await hub.start();
      notifier.ready();
      notifier.status(`serving ${url}`);
      const { watchdogIntervalMs } = notifier;
      // A bare timer would hide work that stands still.
      const watchdog =
        watchdogIntervalMs === null
          ? null
          : setInterval(() => {
              if (hub.stuck().length === 0) notifier.watchdog();
            }, watchdogIntervalMs);
      const signal = await stopped;
      log.info({ signal }, 'stopping');
      notifier.stopping();
      if (watchdog !== null) clearInterval(watchdog);
      await hub.stop();
      log.info('stopped');
    });
}

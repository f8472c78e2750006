import { readSecretText } from '../../config/secrets.js';
import { ConsoleServer } from '../../console/server/console-server.js';
import type { AgentView } from '../view.js';
import { consoleSources } from './console-sources.js';

export interface RunningConsole {
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the web page of a running daemon.
 * @throws HeadlandError HL_CONSOLE_…, HL_SECRET_…
 */
export async function startConsole(agent: AgentView): Promise<RunningConsole> {
  const { console: settings } = agent.config;
  const { environment, version, log } = agent.options;
  const server = new ConsoleServer({
    host: settings.host,
    port: settings.port,
    token: readSecretText(settings.token, environment),
    sources: consoleSources(agent),
    version,
    log,
  });
  const { url } = await server.start();
  return { url, close: () => server.stop() };
}

import { ConsoleServer, type TlsFiles } from '../../console/server/console-server.js';
import { type ConsoleCertificate, consoleCertificate } from '../access/console-certificate.js';
import { neededToken } from '../access/console-token.js';
import { type Listening, recordListening } from '../access/listening.js';
import { RobotAccess } from '../access/robot-access.js';
import { AuditTrail } from '../audit-trail.js';
import type { AgentView } from '../view.js';
import { consoleSources } from './console-sources.js';

/** Certificates are renewed by others, or by headland, while it runs. */
const CERTIFICATE_INTERVAL_MS = 3_600_000;

export interface RunningConsole {
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the web page of a running daemon.
 * @throws HeadlandError HL_CONSOLE_…, HL_SECRET_…
 */
export async function startConsole(agent: AgentView): Promise<RunningConsole> {
  const { config, state } = agent;
  const { host, port, sessionDays } = config.console;
  const { environment, version, log } = agent.options;
  const { token, madeFile } = await neededToken(config, environment);
  let certificate = await consoleCertificate(config, environment);
  let listening: Listening | null = null;
  const server = new ConsoleServer({
    host,
    port,
    token,
    sources: consoleSources(agent),
    access: new RobotAccess({
      table: state.access,
      meta: state.meta,
      audit: new AuditTrail(state.audit, log),
      sessionDays,
      listening: () => listening,
    }),
    tls: certificate && tlsFiles(certificate),
    allowedHosts: certificate?.isSelfSigned === false ? certificate.names : [],
    tokenFile: madeFile,
    version,
    repeats: agent.scheduler,
    log,
  });
  const { url } = await server.start();
  const record = (): void => {
    listening = {
      scheme: certificate === null ? 'http' : 'https',
      host,
      port: Number(new URL(url).port) || (certificate === null ? 80 : 443),
      names: certificate?.isSelfSigned === false ? certificate.names : [],
      fingerprintSha256: certificate?.isSelfSigned ? certificate.fingerprintSha256 : null,
      tokenFile: madeFile,
    };
    recordListening(state.meta, listening);
  };
  record();
  const renew = async (): Promise<void> => {
    const next = await consoleCertificate(config, environment);
    if (next === null || next.certificatePem === certificate?.certificatePem) return;
    certificate = next;
    server.renew(tlsFiles(next));
    record();
    log.info('console: the certificate has been renewed');
  };
  const renewal = agent.scheduler.every({
    name: 'certificate',
    what: 'renew the certificate of the page',
    intervalMs: CERTIFICATE_INTERVAL_MS,
    run: renew,
  });
  return {
    url,
    async close() {
      await renewal.stop();
      await server.stop();
    },
  };
}

function tlsFiles({ certificatePem, keyPem, isSelfSigned }: ConsoleCertificate): TlsFiles {
  return { certificatePem, keyPem, isTrusted: !isSelfSigned };
}

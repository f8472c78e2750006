import { createServer } from 'node:net';
import { codeOf, HeadlandError, messageOf } from '../../../base/errors.js';

/**
 * Listens on a port for a moment.
 * @param setting that holds the port
 * @throws HeadlandError HL_DOCTOR_PORT_TAKEN
 */
export async function requireFreePort(host: string, port: number, setting: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, resolve);
    });
  } catch (cause) {
    throw new HeadlandError(
      'HL_DOCTOR_PORT_TAKEN',
      `the daemon could not listen on ${host} port ${port}: ${whyNot(cause)}`,
      {
        remedy: `End the program that uses it (\`ss -ltnp\` lists it), or set ${setting} to another port.`,
        cause,
      },
    );
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function whyNot(error: unknown): string {
  const code = codeOf(error);
  if (code === 'EADDRINUSE') return 'another program uses it';
  if (code === 'EACCES') return 'ports below 1024 are for root';
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have this address';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'no name server knows this name';
  return messageOf(error);
}

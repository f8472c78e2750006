import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Config } from '../../config/schema.js';
import { madeCertificateFile } from './console-certificate.js';

const MAX_ANSWER_BYTES = 67_108_864;

export interface ConsoleQuestion {
  /** Address of the page of a daemon on this machine, with the path. */
  url: string;
  headers?: Record<string, string>;
  timeoutMs: number;
}

/**
 * Asks the page of a daemon on this machine. A page that is encrypted must have the certificate that the
 * configuration names: a token in the headers goes to nobody else.
 * @returns the body of a response with status 200, and null for every other
 * @throws Error when nobody answers, or somebody with another certificate
 */
export async function askConsole(
  { url, headers = {}, timeoutMs }: ConsoleQuestion,
  config: Config,
): Promise<Uint8Array | null> {
  const signal = AbortSignal.timeout(timeoutMs);
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const socket =
    protocol === 'https:' ? await encrypted({ host, port: Number(port) }, config, signal) : null;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // The scheme of a connection that exists says nothing any more.
    const target = new URL(url.replace(/^https:/, 'http:'));
    const options = socket === null ? { agent: false } : { createConnection: () => socket };
    const outgoing = httpRequest(target, { ...options, headers, signal }, resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  socket?.destroy();
  return response.statusCode === 200 ? new Uint8Array(Buffer.concat(chunks)) : null;
}

async function encrypted(
  where: { host: string; port: number },
  config: Config,
  signal: AbortSignal,
): Promise<TLSSocket> {
  // On demand: most pages on this machine are asked without encryption.
  const { connect } = await import('node:tls');
  const { mode, certFile } = config.console.tls;
  const file = mode === 'files' && certFile !== null ? certFile : madeCertificateFile(config);
  const expected = new X509Certificate(readFileSync(file)).fingerprint256;
  return new Promise((resolve, reject) => {
    // Compared with the one certificate that is expected, instead of by name and issuer.
    const socket = connect({ ...where, rejectUnauthorized: false }, () => {
      if (socket.getPeerX509Certificate()?.fingerprint256 === expected) return resolve(socket);
      socket.destroy();
      reject(new Error('the page has another certificate'));
    });
    socket.on('error', reject);
    signal.addEventListener('abort', () => socket.destroy(new Error('no answer in time')));
  });
}

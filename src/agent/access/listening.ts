import { z } from 'zod';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { isLoopback } from '../../console/server/security.js';
import type { Meta } from '../../storage/meta-table.js';
import { lanAddresses } from './lan-addresses.js';

const KEY = 'console.listening';

const listening = z.object({
  scheme: z.enum(['http', 'https']),
  /** As configured. */
  host: z.string(),
  port: z.number(),
  /** Names of a certificate that others have issued, under which a browser trusts it. */
  names: z.array(z.string()),
  /** Of the certificate, in hex with colons; null: not encrypted, or issued by others. */
  fingerprintSha256: z.string().nullable(),
  /** The file with the token that headland has made; null: it has made none. */
  tokenFile: z.string().nullable(),
});

/** Where the page of a daemon listens, for other processes of the machine. */
export type Listening = z.infer<typeof listening>;

/** Writes nothing if it is known. A disk that cannot be written only leaves the old entry. */
export function recordListening(meta: Pick<Meta, 'get' | 'set'>, where: Listening): void {
  const text = JSON.stringify(where);
  if (meta.get(KEY) === text) return;
  try {
    meta.set(KEY, text);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
  }
}

/** Where the page listened last; null: nowhere yet. */
export function recordedListening(meta: Pick<Meta, 'get'>): Listening | null {
  const text = meta.get(KEY);
  return text === null ? null : listening.parse(JSON.parse(text));
}

/** Address of the page for programs on this machine, without a final "/". */
export function ownAddress({ scheme, host, port }: Pick<Listening, 'scheme' | 'host' | 'port'>) {
  const bare = bareHost(host);
  return addressOf(scheme, isAny(bare) ? '127.0.0.1' : bare, port);
}

/**
 * Links with which another device on the network opens the page and is paired, the best one first.
 * @throws HeadlandError HL_PAIR_LOOPBACK, HL_PAIR_NO_ADDRESS
 */
export function pairingLinks(
  { scheme, host, port, names }: Listening,
  secret: string,
  addresses: readonly string[] = lanAddresses(),
): string[] {
  checkReachable(host);
  const bare = bareHost(host);
  const reached = bare === '0.0.0.0' ? addresses.filter((each) => !each.includes(':')) : addresses;
  const hosts = [...names, ...(isAny(bare) ? reached : [bare])];
  if (hosts.length === 0) {
    throw new HeadlandError('HL_PAIR_NO_ADDRESS', 'this machine has no address in a network', {
      remedy: 'Connect it to the network of the phone, then try again. Its addresses: ip address.',
    });
  }
  return hosts.map((each) => `${addressOf(scheme, each, port)}/#pair=${secret}`);
}

/** @throws HeadlandError HL_PAIR_LOOPBACK */
export function checkReachable(host: string): void {
  if (!isLoopback(host)) return;
  throw new HeadlandError(
    'HL_PAIR_LOOPBACK',
    `the page listens on ${host} only, which no other device can reach`,
    {
      remedy:
        'Set console.host to 0.0.0.0 in the configuration, restart the daemon (systemctl restart headland), then run `headland pair` again.',
    },
  );
}

function addressOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function isAny(bareHost: string): boolean {
  return bareHost === '0.0.0.0' || bareHost === '::';
}

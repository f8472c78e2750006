import type { HeadlandError } from '../errors.js';

export interface RateLimit {
  /** What may come at once. */
  burst: number;
  perSecond: number;
}

/** Clients that are remembered at a time; those that have been quiet for longest are forgotten first. */
const MAX_CLIENTS = 1_000;

/** A token bucket for each client, in bounded memory. */
export class ClientBuckets {
  /** The client that was heard of last is the last one. */
  private readonly buckets = new Map<string, { left: number; atMs: number }>();

  constructor(
    private readonly limit: RateLimit,
    private readonly nowMs: () => number,
    private readonly maxClients = MAX_CLIENTS,
  ) {}

  get size(): number {
    return this.buckets.size;
  }

  /** Takes one. @returns false: there is none */
  take(client: string): boolean {
    const left = this.left(client);
    this.buckets.delete(client);
    this.buckets.set(client, { left: left < 1 ? left : left - 1, atMs: this.nowMs() });
    for (const oldest of this.buckets.keys()) {
      if (this.buckets.size <= this.maxClients) break;
      this.buckets.delete(oldest);
    }
    return left >= 1;
  }

  /** Until there is one again, at least one. */
  waitSeconds(client: string): number {
    return Math.max(1, Math.ceil((1 - this.left(client)) / this.limit.perSecond));
  }

  has(client: string): boolean {
    return this.left(client) >= 1;
  }

  private left(client: string): number {
    const { burst, perSecond } = this.limit;
    const bucket = this.buckets.get(client);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.left + ((this.nowMs() - bucket.atMs) / 1_000) * perSecond);
  }
}

export interface AttemptLimits {
  /** Of one client. */
  client: RateLimit;
  /** Of all clients that have never known the token. */
  overall: RateLimit;
}

/** Enough for people who mistype; far too few to guess a token. */
export const USUAL_ATTEMPTS: AttemptLimits = {
  client: { burst: 20, perSecond: 0.2 },
  overall: { burst: 200, perSecond: 2 },
};

const ALL = 'all';

/**
 * Bounds how often a secret can be guessed. A client that has given the right one before is bounded on its
 * own only: what others try does not shut it out.
 */
export class AttemptLimiter {
  private readonly clients: ClientBuckets;
  private readonly overall: ClientBuckets;
  private readonly known = new Set<string>();

  /** @param refusal what is thrown at a client that has to wait so many seconds */
  constructor(
    limits: AttemptLimits,
    private readonly refusal: (waitSeconds: number) => HeadlandError,
    nowMs: () => number = () => performance.now(),
  ) {
    this.clients = new ClientBuckets(limits.client, nowMs);
    this.overall = new ClientBuckets(limits.overall, nowMs);
  }

  /** To be called before a secret is compared. @throws HeadlandError the refusal */
  check(client: string): void {
    if (!this.clients.has(client)) throw this.refusal(this.clients.waitSeconds(client));
    if (this.overall.has(ALL) || this.known.has(client)) return;
    throw this.refusal(this.overall.waitSeconds(ALL));
  }

  /** To be called when it was wrong. */
  failed(client: string): void {
    this.clients.take(client);
    this.overall.take(ALL);
  }

  /** To be called when it was right. */
  succeeded(client: string): void {
    this.known.delete(client);
    this.known.add(client);
    for (const oldest of this.known) {
      if (this.known.size <= MAX_CLIENTS) break;
      this.known.delete(oldest);
    }
  }
}

/**
 * Whom an address stands for: IPv4 also as an IPv6 socket gives it, and of an IPv6 address the network,
 * since a device chooses the rest at will.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [bare = ''] = address.split('%', 1);
  const [head = '', tail] = bare.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  // A loopback address is that of one machine.
  if (groups.slice(0, 7).every((group) => Number.parseInt(group, 16) === 0)) return bare;
  return `${groups.slice(0, 4).join(':')}::/64`;
}

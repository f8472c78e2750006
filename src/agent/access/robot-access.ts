import { randomBytes, timingSafeEqual } from 'node:crypto';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';
import { type KernelMoment, kernelClock } from '../../base/time/kernel-clock.js';
import type {
  ConsoleAccess,
  ConsoleSession,
  NewSession,
  PairingOffer,
} from '../../console/console-access.js';
import type { AccessTable, StoredPairing, StoredSession } from '../../storage/access-table.js';
import type { Meta } from '../../storage/meta-table.js';
import type { AuditTrail, Requester } from '../audit-trail.js';
import { type Listening, pairingLinks } from './listening.js';

/** More than the table keeps: then those of removed sessions are forgotten. */
const MAX_USES = 200;
/** 48 bits: it only finds the row. */
const ID_BYTES = 6;
const ID_CHARACTERS = 8;
const PAIRING_SECRET_BYTES = 16;
const SESSION_SECRET_BYTES = 32;
/** Unless the person who pairs says another time. */
export const DEFAULT_PAIRING_MINUTES = 10;
const DAY_MS = 86_400_000;
/** A use is written at most once in this time, to spare the card. */
const RECORD_INTERVAL_MS = 3_600_000;
const COOKIE = 'headland_session';
const COOKIE_KEY = 'console.cookie';

const CONSOLE: Requester = { source: 'console' };

export interface AccessClocks {
  /** Wall clock, Unix milliseconds: it may be wrong, and may be set at any time. */
  wallMs(): number;
  /** Monotonic clock of this process, milliseconds. */
  processMs(): number;
  /** Monotonic clock that all processes of the machine share. */
  kernel(): KernelMoment;
}

const CLOCKS: AccessClocks = {
  wallMs: () => Date.now(),
  processMs: () => performance.now(),
  kernel: kernelClock,
};

export interface AccessParts {
  table: AccessTable;
  /** Null: the page does not listen. */
  listening(): Listening | null;
  meta: Pick<Meta, 'get' | 'set'>;
  audit: Pick<AuditTrail, 'around'>;
  /** Time without use after which a session expires. */
  sessionDays: number;
  clocks?: AccessClocks;
}

interface Use {
  atMs: number;
  recordedAtMs: number;
}

/**
 * Pairings and sessions of the console, in the database of the robot: what one process offers or revokes
 * holds at once for the daemon. A secret is random; its first characters find the row, and the digest of
 * the rest is compared in constant time.
 */
export class RobotAccess implements ConsoleAccess {
  readonly #table: AccessTable;
  readonly #listening: () => Listening | null;
  readonly #meta: Pick<Meta, 'get' | 'set'>;
  readonly #audit: Pick<AuditTrail, 'around'>;
  readonly #clocks: AccessClocks;
  readonly #sessionMs: number;
  /** Uses by this process, by session: a session in use stays valid when the wall clock is set. */
  readonly #uses = new Map<string, Use>();
  #cookieName: string | null = null;

  constructor({ table, listening, meta, audit, sessionDays, clocks = CLOCKS }: AccessParts) {
    this.#table = table;
    this.#listening = listening;
    this.#meta = meta;
    this.#audit = audit;
    this.#clocks = clocks;
    this.#sessionMs = sessionDays * DAY_MS;
  }

  /** Of this robot, for as long as its database lives. */
  get cookieName(): string {
    this.#cookieName ??= this.#meta.get(COOKIE_KEY) ?? this.#newCookieName();
    return this.#cookieName ?? COOKIE;
  }

  async offerLinks(
    minutes: number = DEFAULT_PAIRING_MINUTES,
    by: Requester = CONSOLE,
  ): Promise<PairingOffer> {
    const { id, secret, digest } = newSecret(PAIRING_SECRET_BYTES);
    const listening = this.#listening();
    if (listening === null) throw new Error('the page does not listen');
    const links = pairingLinks(listening, secret);
    const { boot, uptimeMs } = this.#clocks.kernel();
    const createdAtMs = this.#clocks.wallMs();
    const validMs = minutes * 60_000;
    await this.#audit.around('pair', { minutes }, by, () =>
      this.#table.addPairing({
        id,
        digest,
        createdAtMs,
        kernelBoot: boot,
        expiresUptimeMs: Math.round(uptimeMs + validMs),
      }),
    );
    return { links, expiresAtMs: createdAtMs + validMs };
  }

  async pair(secret: string, device: string): Promise<NewSession> {
    const pairing = this.#pairing(secret);
    const { session, stored } = this.#newSession(device);
    return this.#audit.around('log-in', { device, session: session.id }, CONSOLE, () => {
      if (!this.#table.redeem(pairing.id, stored)) throw used();
      return this.#began(session);
    });
  }

  logIn(device: string): Promise<NewSession> {
    const { session, stored } = this.#newSession(device);
    return this.#audit.around('log-in', { device, session: session.id }, CONSOLE, () => {
      this.#table.addSession(stored);
      return this.#began(session);
    });
  }

  session(secret: string): (ConsoleSession & { renewed: boolean; maxAgeSeconds: number }) | null {
    const row = this.#table.session(secret.slice(0, ID_CHARACTERS));
    if (!belongs(secret, row?.digest) || row === null || this.#hasExpired(row)) return null;
    const renewed = this.#use(row.id);
    return { ...this.#shown(row), renewed, maxAgeSeconds: this.#sessionMs / 1_000 };
  }

  sessions(): ConsoleSession[] {
    return this.#table
      .sessions()
      .filter((row) => !this.#hasExpired(row))
      .map((row) => this.#shown(row));
  }

  async revoke(id: string, by: Requester = CONSOLE): Promise<void> {
    await this.#audit.around('revoke-session', { session: id.slice(0, 64) }, by, () => {
      if (!this.#table.removeSession(id)) throw unknownSession(id);
      this.#uses.delete(id);
    });
  }

  /** Revokes all sessions, and all pairings that are not yet used. @returns number of sessions */
  async revokeAll(by: Requester): Promise<number> {
    this.#table.usePairings();
    const sessions = this.#table.sessions();
    for (const { id } of sessions) await this.revoke(id, by);
    return sessions.length;
  }

  #pairing(secret: string): StoredPairing {
    const row = this.#table.pairing(secret.slice(0, ID_CHARACTERS));
    if (!belongs(secret, row?.digest) || row === null) {
      throw new HeadlandError('HL_CONSOLE_PAIRING_REFUSED', 'there is no such pairing', {
        remedy: MAKE_ANOTHER,
      });
    }
    const { boot, uptimeMs } = this.#clocks.kernel();
    if (row.kernelBoot !== boot || uptimeMs >= row.expiresUptimeMs) {
      throw new HeadlandError('HL_CONSOLE_PAIRING_EXPIRED', 'this pairing has expired', {
        remedy: MAKE_ANOTHER,
      });
    }
    return row;
  }

  #newSession(device: string): { session: NewSession; stored: StoredSession } {
    const { id, secret, digest } = newSecret(SESSION_SECRET_BYTES);
    const nowMs = this.#clocks.wallMs();
    const stored = { id, digest, device, createdAtMs: nowMs, lastSeenAtMs: nowMs };
    const maxAgeSeconds = this.#sessionMs / 1_000;
    return { stored, session: { ...this.#shown(stored), secret, maxAgeSeconds } };
  }

  #began(session: NewSession): NewSession {
    const nowMs = this.#clocks.processMs();
    this.#uses.set(session.id, { atMs: nowMs, recordedAtMs: nowMs });
    return session;
  }

  #shown({ id, device, createdAtMs, lastSeenAtMs }: StoredSession): ConsoleSession {
    return { id, device, createdAtMs, lastSeenAtMs, expiresAtMs: lastSeenAtMs + this.#sessionMs };
  }

  #hasExpired({ id, lastSeenAtMs }: StoredSession): boolean {
    const use = this.#uses.get(id);
    if (use && this.#clocks.processMs() - use.atMs < this.#sessionMs) return false;
    return this.#clocks.wallMs() - lastSeenAtMs >= this.#sessionMs;
  }

  /** @returns whether the use was recorded */
  #use(id: string): boolean {
    const nowMs = this.#clocks.processMs();
    const before = this.#uses.get(id);
    const isDue = before === undefined || nowMs - before.recordedAtMs >= RECORD_INTERVAL_MS;
    this.#uses.set(id, { atMs: nowMs, recordedAtMs: isDue ? nowMs : before.recordedAtMs });
    if (!isDue) return false;
    this.#forgetRemoved();
    try {
      this.#table.seen(id, this.#clocks.wallMs());
      return true;
    } catch (error) {
      // A full or read-only disk: the device goes on.
      if (!isHeadlandError(error)) throw error;
      return false;
    }
  }

  /** Null: a stand-in replaces the database, in which there are no sessions either. */
  #newCookieName(): string | null {
    const name = `${COOKIE}_${randomBytes(4).toString('hex')}`;
    try {
      this.#meta.set(COOKIE_KEY, name);
      return name;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      return null;
    }
  }

  #forgetRemoved(): void {
    if (this.#uses.size <= MAX_USES) return;
    const present = new Set(this.#table.sessions().map(({ id }) => id));
    for (const id of this.#uses.keys()) if (!present.has(id)) this.#uses.delete(id);
  }
}

const MAKE_ANOTHER = 'Run `headland pair` on the robot, and open the new link.';

function used(): HeadlandError {
  return new HeadlandError('HL_CONSOLE_PAIRING_USED', 'this pairing was used before', {
    remedy: MAKE_ANOTHER,
  });
}

function unknownSession(id: string): HeadlandError {
  return new HeadlandError(
    'HL_CONSOLE_SESSION_UNKNOWN',
    `there is no session ${JSON.stringify(id.slice(0, 64))}`,
    { remedy: 'List the sessions: `headland pair list`, or GET /api/sessions.' },
  );
}

function newSecret(bytes: number): { id: string; secret: string; digest: Buffer } {
  const id = randomBytes(ID_BYTES).toString('base64url');
  const rest = randomBytes(bytes).toString('base64url');
  return { id, secret: id + rest, digest: sha256(rest) };
}

/** Takes the same time whether or not there is such a row. */
function belongs(secret: string, digest: Uint8Array | undefined): boolean {
  const equal = timingSafeEqual(
    sha256(secret.slice(ID_CHARACTERS)),
    digest ?? Buffer.alloc(32, 0xff),
  );
  return equal && digest !== undefined;
}

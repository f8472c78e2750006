import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/base/hash.js';
import { AccessTable } from '../../src/storage/access-table.js';
import { openDatabase } from '../../src/storage/database.js';
import { type Daemon, headland, Rig } from '../../test/agent/daemon.js';
import { ATTACKS, type Attack, type Loot, WRONG_TOKEN } from './attacks.js';
import { type Asked, ask, Drip, type Got } from './requests.js';
import { type Target, targets } from './targets.js';

const AT_ONCE = 8;
const DRIPS = 80;
/** Headers have 10 s, bodies 20 s. */
const DRIP_END_MS = 40_000;
const DRIP_INTERVAL_MS = 2_000;

export interface HttpOutcome extends Record<string, unknown> {
  routes: number;
  attacks: number;
  violations: string[];
}

/** Attacks every route of the console of a real daemon: `chaos -- http`. */
export async function run(_options: readonly string[] = []): Promise<HttpOutcome> {
  return attackDaemon(targets(), { waitsForDrips: true });
}

/**
 * @param how.waitsForDrips until the robot has ended all connections that only drip: 40 s
 */
export async function attackDaemon(
  routes: readonly Target[],
  how: { waitsForDrips: boolean },
): Promise<HttpOutcome> {
  const ends: (() => unknown)[] = [];
  try {
    const victim = await Victim.start((end) => void ends.push(end));
    await victim.attack(routes);
    await victim.drip(routes, how.waitsForDrips);
    await victim.use(routes);
    await victim.guess(routes);
    await victim.conclude();
    return { routes: routes.length, attacks: victim.attacks, violations: victim.violations };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A robot with secrets that must appear nowhere. */
class Victim {
  attacks = 0;
  readonly violations: string[] = [];
  readonly #daemon: Daemon;
  readonly #canaries: readonly string[];
  readonly #loot: Loot;
  readonly #pairing: string;
  readonly #url: string;

  private constructor(parts: {
    daemon: Daemon;
    canaries: readonly string[];
    loot: Loot;
    pairing: string;
  }) {
    this.#daemon = parts.daemon;
    this.#url = parts.daemon.consoleUrl.replace(/\/$/, '');
    this.#canaries = parts.canaries;
    this.#loot = parts.loot;
    this.#pairing = parts.pairing;
  }

  static async start(after: (end: () => unknown) => void): Promise<Victim> {
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    const rig = await Rig.create({ after } as Parameters<typeof Rig.create>[0]);
    const secrets = join(rig.dir, 'secrets');
    mkdirSync(secrets, { mode: 0o700 });
    const secret = (name: string): { file: string } => {
      const file = join(secrets, name);
      writeFileSync(file, `${canary}-${name}\n`, { mode: 0o600 });
      return { file };
    };
    rig.configure({
      cameras: [
        { name: 'near', driver: 'replay', path: rig.photosDir, intervalMs: 20 },
        // An address with a password, which the robot tries and reports again and again.
        { name: 'far', driver: 'ffmpeg', input: `rtsp://robot:${canary}@127.0.0.1:9/field` },
      ],
      // Nobody answers there: the robot also logs that.
      mqtt: { url: 'mqtt://127.0.0.1:9', username: 'robot', password: secret('mqtt') },
      console: { host: '0.0.0.0', port: 0, token: secret('token') },
      log: { level: 'trace' },
    });
    const daemon = await rig.start();
    const url = daemon.consoleUrl.replace(/\/$/, '');
    const pair = (): string => {
      const { stdout } = headland('pair', '--config', rig.configFile, '--json');
      const { link } = JSON.parse(stdout) as { link: string };
      return new URL(link).hash.replace('#pair=', '');
    };
    const answer = await openSession(url, pair());
    const cookie = String(answer.headers['set-cookie']).split(';', 1)[0] ?? '';
    const [cookieName = '', session = ''] = cookie.split('=', 2);
    const pairing = pair();
    return new Victim({
      daemon,
      pairing,
      canaries: [canary, session, pairing],
      loot: {
        host: new URL(url).host,
        cookie,
        expiredCookie: `${cookieName}=${expiredSession(rig.stateDir)}`,
      },
    });
  }

  /** Every attack on every route. */
  async attack(routes: readonly Target[]): Promise<void> {
    const all = routes.flatMap((target) => ATTACKS.map((attack) => ({ target, attack })));
    await this.#inParallel(all, ({ target, attack }) => this.#one(target, attack));
  }

  /** Connections that send only a part of a request: the robot serves others, and ends these. */
  async drip(routes: readonly Target[], waits: boolean): Promise<void> {
    const { host } = this.#loot;
    const slow = routes.flatMap(({ method, path, isOpen }) => {
      const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
      const cookie = isOpen ? '' : `Cookie: ${this.#loot.cookie}\r\n`;
      const body = `${head}${cookie}X-Headland: 1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
      return method === 'POST' ? [head, body] : [head];
    });
    while (slow.length < DRIPS) slow.push(...slow);
    const drips = slow.map((text) => new Drip(this.#url, text));
    this.attacks += drips.length;
    const timer = setInterval(() => {
      for (const drip of drips) drip.more('X');
    }, DRIP_INTERVAL_MS);
    await this.#mustServe(`while ${drips.length} connections drip`);
    if (waits) {
      const late = new Promise<'late'>((resolve) => {
        setTimeout(() => resolve('late'), DRIP_END_MS).unref();
      });
      const ended = await Promise.race([Promise.all(drips.map((drip) => drip.ended)), late]);
      if (ended === 'late') this.violations.push('a connection that drips is never ended');
    }
    clearInterval(timer);
    for (const drip of drips) {
      drip.close();
      this.#mustHide('a dripping request', drip.answer);
    }
    await this.#mustServe('after connections have dripped');
  }

  /** What a paired device reads: without a secret, too. */
  async use(routes: readonly Target[]): Promise<void> {
    const { host, cookie } = this.#loot;
    const reads = routes.filter(({ method }) => method === 'GET');
    await this.#inParallel(reads, async ({ method, path }) => {
      const got = await this.#ask({ method, path, headers: { host, cookie } }, `GET ${path}`);
      if (got !== null && got.status >= 500 && got.status !== 503) {
        this.violations.push(`GET ${path} with a session: ${got.status}`);
      }
    });
  }

  /** Wrong tokens: refused, then bounded; a paired device goes on. */
  async guess(routes: readonly Target[]): Promise<void> {
    await this.#inParallel(routes, (target) => this.#one(target, WRONG_TOKEN));
    for (let index = 0; index < 100; index += 1) {
      this.attacks += 1;
      const got = await openSession(this.#url, randomBytes(22).toString('base64url'));
      if (got.status !== 401 && got.status !== 429) {
        this.violations.push(`an invented pairing: ${got.status}`);
      }
      if (index === 99 && got.status !== 429)
        this.violations.push('pairings may be guessed at will');
      if (got.status === 429 && !/^\d+$/.test(got.headers['retry-after'] ?? '')) {
        this.violations.push('a refusal with 429 does not say when to try again');
      }
    }
    await this.#mustServe('after a flood of wrong tokens');
  }

  /** The robot lives; a pairing works once in spite of all; no secret is in the log. */
  async conclude(): Promise<void> {
    const first = await openSession(this.#url, this.#pairing);
    if (first.status !== 200) this.violations.push(`a right pairing is refused: ${first.status}`);
    const again = await openSession(this.#url, this.#pairing);
    if (again.status === 200) this.violations.push('a pairing works twice');
    const health = await this.#ask(
      { method: 'GET', path: '/healthz', headers: { host: this.#loot.host } },
      'GET /healthz',
    );
    if (!this.#daemon.alive || health?.status !== 200) this.violations.push('the robot is dead');
    for (const line of this.#daemon.lines) this.#mustHide('the log', JSON.stringify(line));
  }

  async #one(target: Target, attack: Attack): Promise<void> {
    const asked = attack.on(target, this.#loot);
    if (asked === null) return;
    this.attacks += 1;
    const what = `${attack.name} on ${target.method} ${target.path}`;
    const got = await this.#ask(asked, what, attack.mayHangUp);
    if (got === null) return;
    if (!attack.statuses.includes(got.status)) {
      this.violations.push(`${what}: ${got.status} ${got.text.slice(0, 120)}`);
    }
    if (got.headers['access-control-allow-origin'] !== undefined) {
      this.violations.push(`${what}: allows other origins`);
    }
    if (/root:.*:0:0:/.test(got.text)) this.violations.push(`${what}: a file of the system`);
  }

  async #ask(asked: Asked, what: string, mayHangUp = false): Promise<Got | null> {
    try {
      const got = await ask(this.#url, asked);
      this.#mustHide(what, JSON.stringify(got.headers) + got.text);
      return got;
    } catch (error) {
      if (!mayHangUp)
        this.violations.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  async #mustServe(when: string): Promise<void> {
    const { host, cookie } = this.#loot;
    const asked = { method: 'GET', path: '/api/status', headers: { host, cookie } };
    const got = await this.#ask(asked, `GET /api/status ${when}`);
    if (got !== null && got.status !== 200) {
      this.violations.push(`a paired device is refused ${when}: ${got.status}`);
    }
  }

  #mustHide(where: string, text: string): void {
    if (this.#canaries.some((canary) => text.includes(canary))) {
      this.violations.push(`a secret appears in ${where}`);
    }
  }

  async #inParallel<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
    const waiting = [...all];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await each(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }
}

function openSession(url: string, pairing: string): Promise<Got> {
  return ask(url, {
    method: 'POST',
    path: '/api/session',
    headers: { 'content-type': 'application/json', 'x-headland': '1' },
    body: JSON.stringify({ pairing }),
  });
}

/** Adds a session that nobody has used for a century. @returns its secret */
function expiredSession(stateDir: string): string {
  const id = randomBytes(6).toString('base64url');
  const rest = randomBytes(32).toString('base64url');
  const database = openDatabase(join(stateDir, 'headland.db'));
  try {
    const atMs = Date.now() - 100 * 365 * 86_400_000;
    new AccessTable(database).addSession({
      id,
      digest: sha256(rest),
      device: 'an old phone',
      createdAtMs: atMs,
      lastSeenAtMs: atMs,
    });
  } finally {
    database.close();
  }
  return id + rest;
}

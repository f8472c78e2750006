import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { AccessClocks } from '../../../src/agent/access/robot-access.js';
import { type Database, openDatabase } from '../../../src/storage/database.js';
import { accessIn, offered } from '../../console/test-access.js';
import { temporaryFolder } from '../../temporary-folder.js';

const DAY_MS = 86_400_000;

/** Clocks that the test sets. */
class Clocks implements AccessClocks {
  wall = Date.UTC(2026, 5, 1);
  passedMs = 0;
  boot = 'first';

  wallMs(): number {
    return this.wall;
  }

  processMs(): number {
    return this.passedMs;
  }

  kernel(): { boot: string; uptimeMs: number } {
    return { boot: this.boot, uptimeMs: 50_000 + this.passedMs };
  }

  /** Time passes for all of them. */
  pass(ms: number): void {
    this.wall += ms;
    this.passedMs += ms;
  }
}

function robot(t: TestContext, sessionDays = 90) {
  const path = join(temporaryFolder(t), 'headland.db');
  const clocks = new Clocks();
  const databases: Database[] = [];
  const open = () => {
    const database = openDatabase(path);
    databases.push(database);
    return accessIn(database, { sessionDays, clocks });
  };
  t.after(() => {
    for (const database of databases) database.close();
  });
  return { path, clocks, open, access: open() };
}

describe('a pairing', () => {
  test('is used once, also when two devices use it at a time', async (t) => {
    const { access } = robot(t);
    const secret = await offered(access);
    const results = await Promise.allSettled([
      access.pair(secret, 'phone'),
      access.pair(secret, 'tablet'),
    ]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await assert.rejects(access.pair(secret, 'phone'), { code: 'HL_CONSOLE_PAIRING_USED' });
    assert.equal(access.sessions().length, 1);
  });

  test('expires by a clock that nobody sets', async (t) => {
    const { access, clocks } = robot(t);
    const [first, second, third] = [
      await offered(access, 10),
      await offered(access, 10),
      await offered(access, 10),
    ];
    clocks.wall += 3_650 * DAY_MS;
    clocks.passedMs += 10 * 60_000 - 1;
    await access.pair(first, 'phone');
    clocks.wall -= 2 * 3_650 * DAY_MS;
    clocks.passedMs += 1;
    await assert.rejects(access.pair(second, 'phone'), { code: 'HL_CONSOLE_PAIRING_EXPIRED' });
    clocks.boot = 'second';
    clocks.passedMs = 0;
    await assert.rejects(access.pair(third, 'phone'), { code: 'HL_CONSOLE_PAIRING_EXPIRED' });
  });

  test('needs the whole secret', async (t) => {
    const { access } = robot(t);
    const secret = await offered(access);
    const wrong = [
      '',
      secret.slice(0, 8),
      secret.slice(0, -1),
      `${secret}A`,
      secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A'),
      `AAAAAAAA${secret.slice(8)}`,
    ];
    for (const text of wrong) {
      await assert.rejects(access.pair(text, 'phone'), { code: 'HL_CONSOLE_PAIRING_REFUSED' });
    }
    await access.pair(secret, 'phone');
  });
});

describe('a session', () => {
  test('outlives a restart, and only its digest is stored', async (t) => {
    const { path, access, open } = robot(t);
    const pairing = await offered(access);
    const { secret, id } = await access.pair(pairing, 'Chrome on Android');
    const restarted = open();
    assert.equal(restarted.session(secret)?.id, id);
    assert.equal(restarted.cookieName, access.cookieName);
    const stored = readFileSync(path, 'latin1') + readFileSync(`${path}-wal`, 'latin1');
    assert.ok(stored.includes('Chrome on Android'));
    for (const kept of [secret, secret.slice(8), pairing.slice(8)]) {
      assert.ok(!stored.includes(kept));
    }
  });

  test('expires when it has not been used for its days, counted from the last use', async (t) => {
    const { access, clocks } = robot(t, 10);
    const { secret } = await access.logIn('phone');
    clocks.pass(9 * DAY_MS);
    assert.ok(access.session(secret));
    clocks.pass(10 * DAY_MS - 1);
    assert.ok(access.session(secret));
    clocks.pass(10 * DAY_MS);
    assert.equal(access.session(secret), null);
    assert.deepEqual(access.sessions(), []);
  });

  test('in use stays when the clock of the robot is set', async (t) => {
    const { access, clocks, open } = robot(t);
    clocks.wall = 0;
    const { secret } = await access.logIn('phone');
    clocks.wall = Date.UTC(2026, 5, 1);
    clocks.pass(3_600_000);
    assert.ok(access.session(secret), 'the robot started in 1970');
    clocks.wall = Date.UTC(2000, 0, 1);
    clocks.pass(3_600_000);
    assert.ok(access.session(secret));
    clocks.wall = Date.UTC(2026, 5, 2);
    assert.ok(open().session(secret), 'a use while the clock was behind counted for nothing');
  });

  test('is written down once an hour, and its cookie renewed then', async (t) => {
    const { access, clocks } = robot(t);
    const { secret } = await access.logIn('phone');
    const [before] = access.sessions();
    clocks.pass(3_599_999);
    assert.equal(access.session(secret)?.renewed, false);
    assert.equal(access.sessions()[0]?.lastSeenAtMs, before?.lastSeenAtMs);
    clocks.pass(1);
    assert.equal(access.session(secret)?.renewed, true);
    assert.equal(access.sessions()[0]?.lastSeenAtMs, clocks.wall);
    assert.equal(access.session(secret)?.renewed, false);
  });

  test('is revoked by another process, at once; all of them together with open pairings', async (t) => {
    const { access, open } = robot(t);
    const beside = open();
    const first = await access.logIn('phone');
    const second = await access.logIn('tablet');
    assert.ok(access.session(first.secret));
    await beside.revoke(first.id, { source: 'cli' });
    assert.equal(access.session(first.secret), null);
    assert.ok(access.session(second.secret));
    await assert.rejects(beside.revoke(first.id), { code: 'HL_CONSOLE_SESSION_UNKNOWN' });
    const pairing = await offered(access);
    assert.equal(await beside.revokeAll({ source: 'cli' }), 1);
    assert.equal(access.session(second.secret), null);
    await assert.rejects(access.pair(pairing, 'phone'), { code: 'HL_CONSOLE_PAIRING_USED' });
  });

  test('beyond a hundred the one that was unused for longest ends', async (t) => {
    const { access, clocks } = robot(t);
    const first = await access.logIn('first');
    const second = await access.logIn('second');
    clocks.pass(3_600_000);
    access.session(first.secret);
    for (let index = 0; index < 99; index += 1) await access.logIn(`device ${index}`);
    assert.equal(access.sessions().length, 100);
    assert.ok(access.session(first.secret));
    assert.equal(access.session(second.secret), null);
  });
});

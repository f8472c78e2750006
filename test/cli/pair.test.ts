import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { encode } from 'uqr';
import { qrLines } from '../../src/cli/pair/qr-text.js';
import { headland, Rig } from '../agent/daemon.js';
import { ask, cookieOf, logIn } from '../console/client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { freePort } from '../ports.js';

interface Offer {
  link: string;
  links: string[];
  expiresAt: string;
  fingerprintSha256: string | null;
  tokenFile: string | null;
}

describe('headland pair', { timeout: TEST_HANG_MS }, () => {
  test('pairs a phone with a running daemon, lists and revokes it', async (t) => {
    const rig = await Rig.create(t, { console: { host: '0.0.0.0', port: 0 } });
    const daemon = await rig.start();
    const pair = (...words: string[]) => headland('pair', ...words, '--config', rig.configFile);
    const offer = JSON.parse(pair('--json').stdout) as Offer;
    const { port } = new URL(daemon.consoleUrl);
    assert.match(offer.link, new RegExp(`^http://[^/]+:${port}/#pair=[A-Za-z0-9_-]{30}$`));
    assert.deepEqual(offer.links[0], offer.link);
    const file = join(rig.stateDir, 'console-token');
    assert.equal(offer.tokenFile, file);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(daemon.lines.some((line) => line.tokenFile === file));

    const pairing = new URL(offer.link).hash.replace('#pair=', '');
    const phone = await logIn(daemon.consoleUrl, { pairing }, { 'user-agent': 'Kiosk/1.0' });
    const cookie = cookieOf(phone);
    const status = () => ask(`${daemon.consoleUrl}api/status`, 'GET', { cookie });
    assert.equal((await status()).status, 200);
    assert.match(pair('list').stdout, /^\S+ +Kiosk +2\d{3}-/m);
    const { sessions } = JSON.parse(pair('list', '--json').stdout) as {
      sessions: { id: string; device: string; expiresAt: string }[];
    };
    assert.deepEqual(
      sessions.map(({ device }) => device),
      ['Kiosk'],
    );
    assert.equal(pair('revoke', 'nobody').status, 1);
    assert.equal(pair('revoke', sessions[0]!.id).status, 0);
    assert.equal((await status()).status, 401);
    assert.match(pair('list').stdout, /no device is paired/);
    const log = JSON.stringify(daemon.lines);
    for (const secret of [pairing, cookie.split('=')[1]!]) assert.ok(!log.includes(secret));
  });

  test('shows the link as text and as a code, and that the page is not encrypted', async (t) => {
    const rig = await Rig.create(t, { console: { host: '0.0.0.0', port: 0 } });
    await rig.start();
    const { status, stdout } = headland('pair', '--minutes', '2', '--config', rig.configFile);
    assert.equal(status, 0);
    const link = /http:\S+#pair=\S+/.exec(stdout)?.[0] ?? '';
    assert.ok(stdout.includes(qrLines(link, false).join('\n')));
    assert.match(stdout, /within 2 minutes/);
    assert.match(stdout, /not encrypted/);
  });

  test('says how to open a page that is on loopback, which then works', async (t) => {
    const rig = await Rig.create(t);
    const daemon = await rig.start();
    const pair = () => headland('pair', '--config', rig.configFile);
    const refused = pair();
    assert.equal(refused.status, 3);
    assert.match(refused.stderr, /HL_PAIR_LOOPBACK/);
    assert.match(refused.stderr, /console\.host to 0\.0\.0\.0/);
    await daemon.stop();
    rig.configure({ console: { host: '0.0.0.0', port: 0 } });
    const stopped = pair();
    assert.equal(stopped.status, 3, 'it listened on loopback last');
    await rig.start();
    assert.equal(pair().status, 0);
  });

  test('makes no link to a daemon that does not run, and no state where there is none', async (t) => {
    const rig = await Rig.create(t, { console: { host: '0.0.0.0', port: 0 } });
    const pair = () => headland('pair', '--config', rig.configFile);
    assert.equal(pair().status, 1);
    assert.throws(() => statSync(rig.stateDir), { code: 'ENOENT' });
    const daemon = await rig.start();
    await daemon.stop();
    const { status, stderr } = pair();
    assert.equal(status, 1);
    assert.match(stderr, /HL_PAIR_NO_CONSOLE/);
  });

  test('shows the fingerprint of a certificate that the robot has made', async (t) => {
    const rig = await Rig.create(t, {
      console: { host: '0.0.0.0', port: await freePort(), tls: { mode: 'self-signed' } },
    });
    await rig.start();
    const { stdout } = headland('pair', '--json', '--config', rig.configFile);
    const { link, fingerprintSha256 } = JSON.parse(stdout) as Offer;
    assert.match(link, /^https:/);
    assert.match(String(fingerprintSha256), /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const { checks } = JSON.parse(
      headland('doctor', '--json', '--config', rig.configFile).stdout,
    ) as { checks: { findings: { state: string; reason: string }[] }[] };
    const findings = checks.flatMap((check) => check.findings);
    const page = findings.find(({ reason }) => reason.includes('https://127.0.0.1'));
    assert.equal(page?.state, 'ok');
  });
});

/** The modules that a terminal shows: true is dark. */
function shown(lines: readonly string[], drawn: boolean): boolean[][] {
  return lines.flatMap((line) => {
    const cells = [...line.replaceAll(/[^▀▄█ ]/g, '')];
    return ['▀█', '▄█'].map((full) => cells.map((cell) => full.includes(cell) === drawn));
  });
}

test('the code on the terminal is that of the link, on dark and on coloured backgrounds', () => {
  const link =
    'https://[2001:db8:1234:5678:9abc:def0:1234:5678]:65535/#pair=AAAAAAAABBBBBBBBBBBBBBBBBBBBBB';
  const { data } = encode(link, { ecc: 'M', border: 4 });
  for (const coloured of [true, false]) {
    const lines = qrLines(link, coloured);
    assert.deepEqual(shown(lines, coloured).slice(0, data.length), data);
    assert.ok(lines.length <= 27);
  }
});

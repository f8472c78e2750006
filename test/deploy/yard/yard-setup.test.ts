import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { headland } from '../../agent/daemon.js';
import { withoutOpenssl } from '../../telemetry/certificates.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { IS_ROOT, YardCopy } from './yard-copy.js';

const BROKER_UID = 1883;
const HUB_UID = 980;
const PROGRAMS = 'awk bash cat chmod cp cut dirname grep head id mkdir mv openssl rm sed'.split(
  ' ',
);
/** Nobody, who is not root. */
const OTHER_UID = 65_534;

function certificate(path: string): X509Certificate {
  return new X509Certificate(readFileSync(path));
}

/** Everything that is in a folder, with its bytes. */
function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder).sort();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'base64')]));
}

/** All programs that the script needs, and a stand-in that writes down with which words it was called. */
function programs(t: TestContext, standIn: 'podman' | 'docker'): { path: string; said(): string } {
  const folder = mkdtempSync(join(tmpdir(), 'headland-bin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o777);
  for (const name of PROGRAMS) {
    const { stdout } = spawnSync('bash', ['-c', `type -P ${name}`], { encoding: 'utf8' });
    symlinkSync(stdout.trim(), join(folder, name));
  }
  const log = join(folder, 'said');
  writeFileSync(join(folder, standIn), `#!/bin/sh\necho "$@" >>'${log}'\n`);
  chmodSync(join(folder, standIn), 0o755);
  return { path: folder, said: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

/** Runs setup.sh as somebody who is not root, with these programs alone. */
function asOther(yard: YardCopy, path: string, ...args: string[]) {
  if (IS_ROOT) execFileSync('chown', ['-R', String(OTHER_UID), yard.folder]);
  return yard.run(args, { env: { PATH: path }, ...(IS_ROOT ? { uid: OTHER_UID } : {}) });
}

describe('setup.sh of a yard', { skip: withoutOpenssl }, () => {
  test('makes what compose.yaml mounts; the second time it changes nothing', (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '192.168.1.10', 'farm.lan', 'fd00::7');
    const [broker, hub] = [yard.path('broker'), yard.path('hub')];
    assert.deepEqual(readdirSync(broker).sort(), [
      'access',
      'broker.crt',
      'broker.key',
      'ca.crt',
      'revoked.crl',
    ]);
    assert.deepEqual(readdirSync(hub).sort(), ['ca.crt', 'hub.crt', 'hub.key']);
    const names = certificate(join(broker, 'broker.crt')).subjectAltName;
    assert.match(
      names ?? '',
      /^DNS:broker, IP Address:192\.168\.1\.10, DNS:farm\.lan, IP Address:FD00:/,
    );
    assert.equal(certificate(join(hub, 'hub.crt')).subject, 'CN=hub');
    const before = [contents(broker), contents(hub)];
    for (const hosts of [[], ['192.168.1.10', 'farm.lan', 'fd00::7']]) {
      yard.mustSetup('init', ...hosts);
      assert.deepEqual([contents(broker), contents(hub)], before);
    }
  });

  test('gives each key to the user of its container alone', {
    skip: IS_ROOT ? false : 'needs root',
  }, (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '127.0.0.1');
    const reads = (uid: number, file: string): boolean =>
      spawnSync('cat', [yard.path(file)], { uid, gid: uid }).status === 0;
    for (const [file, uid] of [
      ['broker/broker.key', BROKER_UID],
      ['broker/access', BROKER_UID],
      ['hub/hub.key', HUB_UID],
    ] as const) {
      const { mode, uid: owner } = statSync(yard.path(file));
      assert.deepEqual([mode & 0o777, owner], [0o400, uid], file);
      assert.ok(reads(uid, file), file);
      assert.ok(!reads(OTHER_UID, file), file);
    }
    assert.ok(reads(BROKER_UID, 'broker/revoked.crl') && reads(HUB_UID, 'hub/ca.crt'));
  });

  test('lets the containers read configurations that were copied with a strict umask', (t) => {
    const yard = new YardCopy(t);
    const files = ['mosquitto.conf', 'hub.yaml', '../../mosquitto/headland.conf'];
    for (const file of files) chmodSync(yard.path(file), 0o600);
    yard.mustSetup('init', '127.0.0.1');
    for (const file of files) assert.equal(statSync(yard.path(file)).mode & 0o777, 0o644, file);
  });

  test('makes another certificate of the broker for other names, and the old one is refused', (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '127.0.0.1');
    const old = certificate(yard.path('broker/broker.crt'));
    yard.mustSetup('init', 'broker', 'farm.lan');
    const { subjectAltName, serialNumber } = certificate(yard.path('broker/broker.crt'));
    assert.equal(subjectAltName, 'DNS:broker, DNS:farm.lan');
    assert.notEqual(serialNumber, old.serialNumber);
    assert.deepEqual(revoked(yard), [old.serialNumber]);
  });

  test('adds robots, and prints lines that headland.yaml takes', (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', 'fd00::7', 'farm.lan');
    const printed = yard.mustSetup('add-robot', 'r1', '007');
    const again = yard.mustSetup('add-robot', 'r1', '007');
    assert.equal(again, printed, 'a robot keeps its certificate');
    const documents = parseAllDocuments(printed);
    assert.equal(documents.length, 2);
    const folder = temporaryFolder(t);
    for (const [i, robot] of ['r1', '007'].entries()) {
      const text = String(documents[i]);
      assert.deepEqual(documents[i]?.toJS(), {
        robot: { id: robot },
        mqtt: {
          url: 'mqtts://[fd00::7]:8883',
          caFile: '/etc/headland/ca.crt',
          certFile: `/etc/headland/${robot}.crt`,
          key: { credential: 'mqtt-key' },
        },
        fleet: { enabled: true },
      });
      const config = join(folder, `${robot}.yaml`);
      writeFileSync(config, text);
      const { status, stdout, stderr } = headland('config', 'check', config);
      assert.equal(status, 0, `${stdout}${stderr}`);
      const issued = certificate(yard.path(`headland-ca/${robot}.crt`));
      assert.equal(issued.subject, `CN=${robot}`);
    }
  });

  test('revokes a robot where the broker reads it, and gives it a new certificate afterwards', (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '127.0.0.1');
    yard.mustSetup('add-robot', 'r1', 'r2');
    const { serialNumber } = certificate(yard.path('headland-ca/r1.crt'));
    yard.mustSetup('revoke-robot', 'r1');
    assert.deepEqual(revoked(yard), [serialNumber]);
    yard.mustSetup('add-robot', 'r1');
    assert.notEqual(certificate(yard.path('headland-ca/r1.crt')).serialNumber, serialNumber);
  });

  test('refuses what it cannot do, and changes nothing', (t) => {
    const yard = new YardCopy(t);
    const refused = (why: RegExp, ...args: string[]) => {
      const { status, stdout, stderr } = yard.setup(...args);
      assert.equal(status, 1, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, why);
      assert.equal(stdout, '');
    };
    refused(/name the hosts/, 'init');
    refused(/run '.*setup\.sh init HOST…' first/, 'add-robot', 'r1');
    assert.ok(!existsSync(yard.path('headland-ca')));
    yard.mustSetup('init', '127.0.0.1');
    for (const name of ['hub', 'operator']) {
      refused(/a robot would get its rights/, 'add-robot', 'r1', name);
      refused(/a robot would get its rights/, 'revoke-robot', name);
    }
    refused(/certificate of a server/, 'add-robot', 'broker');
    refused(/certificate of a server/, 'revoke-robot', 'broker');
    refused(/is no name/, 'add-robot', 'a b');
    refused(/no valid certificate/, 'revoke-robot', 'r1');
    assert.ok(!existsSync(yard.path('headland-ca/r1.crt')));
    for (const args of [[], ['everything'], ['add-robot'], ['--owners', 'me', 'init', 'x']]) {
      const { status, stderr } = yard.run(args);
      assert.equal(status, 2, args.join(' '));
      assert.match(stderr, /setup\.sh \[OPTION…\] init HOST…/);
    }
  });

  test('keeps the authority where it is told', (t) => {
    const yard = new YardCopy(t);
    const authority = join(temporaryFolder(t), 'stick');
    yard.mustSetup('--authority', authority, 'init', '127.0.0.1');
    yard.mustSetup('--authority', authority, 'add-robot', 'r1');
    assert.ok(existsSync(join(authority, 'r1.key')));
    assert.ok(!existsSync(yard.path('headland-ca')));
  });

  test('without root gives the keys away by podman unshare', (t) => {
    const yard = new YardCopy(t);
    const { path, said } = programs(t, 'podman');
    const { status, stderr } = asOther(yard, path, 'init', '127.0.0.1');
    assert.equal(status, 0, stderr);
    const { folder } = yard;
    assert.deepEqual(said().split('\n'), [
      `unshare chown 1883:1883 ${folder}/broker/access.new ${folder}/broker/broker.key.new`,
      `unshare chown 980 ${folder}/hub/hub.key.new`,
      '',
    ]);
    assert.deepEqual(readdirSync(yard.path('hub')).sort(), ['ca.crt', 'hub.crt', 'hub.key']);
  });

  test('with Docker and without root says which command gives the keys away', (t) => {
    const yard = new YardCopy(t);
    const { path, said } = programs(t, 'docker');
    const { status, stderr } = asOther(yard, path, 'init', '127.0.0.1');
    assert.equal(status, 0, stderr);
    assert.equal(said(), '', 'it starts no container');
    // The command as a shell reads it: this docker prints its words.
    const inside = mkdtempSync(join(tmpdir(), 'headland-bin-'));
    t.after(() => rmSync(inside, { recursive: true, force: true }));
    mkdirSync(join(inside, 'bin'));
    const docker = join(inside, 'bin/docker');
    writeFileSync(docker, '#!/bin/sh\nfor word; do :; done\nprintf "%s\\n" "$6" "$7" "$word"\n');
    chmodSync(docker, 0o755);
    const command = stderr.slice(stderr.indexOf('  docker run'));
    const printed = execFileSync('bash', ['-c', command], {
      encoding: 'utf8',
      env: { PATH: `${join(inside, 'bin')}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.deepEqual(printed.trimEnd().split('\n'), [
      `${yard.folder}:/yard`,
      yard.compose().services.broker.image,
      'chown 1883:1883 /yard/broker/access /yard/broker/broker.key && chown 980 /yard/hub/hub.key',
    ]);
  });
});

/** Numbers of the certificates that the broker refuses. */
function revoked(yard: YardCopy): string[] {
  const args = ['crl', '-in', yard.path('broker/revoked.crl'), '-noout', '-text'];
  const text = execFileSync('openssl', args, { encoding: 'utf8' });
  return [...text.matchAll(/Serial Number: (\w+)/g)].map(([, serial]) => serial ?? '');
}

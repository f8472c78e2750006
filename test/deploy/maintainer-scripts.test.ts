import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfigFile } from '../../src/config/load.js';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const lacks = ['systemd-sysusers', 'systemd-tmpfiles'].find(
  (name) => spawnSync(name, ['--version']).error,
);
const skip =
  process.getuid?.() !== 0
    ? 'the scripts run as root'
    : lacks
      ? `${lacks} is not installed`
      : false;

/** A root as dpkg gives it to maintainer scripts (DPKG_ROOT), with the files of the package. */
function machine(t: TestContext, hostname: string, machineId: string | null) {
  const root = temporaryFolder(t);
  const put = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const copy = (from: string, to: string) => put(to, readFileSync(join(project, from), 'utf8'));
  put('etc/hostname', `${hostname}\n`);
  if (machineId !== null) put('etc/machine-id', `${machineId}\n`);
  copy('systemd/headland.sysusers', 'usr/lib/sysusers.d/headland.conf');
  copy('deploy/deb/debian/headland.tmpfiles', 'usr/lib/tmpfiles.d/headland.conf');
  copy('deploy/headland.yaml', 'usr/share/headland/headland.yaml');
  const config = join(root, 'etc/headland/headland.yaml');
  const script = (name: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      'sh',
      [join(project, 'deploy/deb/debian', name), ...args],
      { env: { PATH: process.env.PATH, DPKG_ROOT: root }, encoding: 'utf8', timeout: HANG_MS },
    );
    assert.equal(status, 0, `${name} ${args.join(' ')}: ${stdout}${stderr}`);
  };
  return { root, config, script, id: () => loadConfigFile(config).robot.id, put };
}

const ID = '0123456789abcdef0123456789abcdef';

describe('maintainer scripts of the package', { skip }, () => {
  it('write a configuration with an id that other boards of that name do not have', (t) => {
    const one = machine(t, 'raspberrypi.local', ID);
    const other = machine(t, 'raspberrypi', ID.replace('0', '1'));
    for (const each of [one, other]) each.script('postinst', 'configure', '');
    assert.match(one.id(), /^raspberrypi-[0-9a-f]{6}$/);
    assert.match(other.id(), /^raspberrypi-[0-9a-f]{6}$/);
    assert.notEqual(one.id(), other.id());
    assert.doesNotMatch(one.id(), new RegExp(ID.slice(0, 6)), 'the machine id is confidential');
    assert.match(readFileSync(join(one.root, 'etc/group'), 'utf8'), /^gpio:/m);
  });

  for (const [hostname, machineId] of [
    ['', null],
    ['--Feld_Roboter.ÄÖ', 'uninitialized'],
    ['x'.repeat(200), ''],
  ] as const) {
    it(`find a valid id for the host name "${hostname.slice(0, 20)}"`, (t) => {
      const { script, id } = machine(t, hostname, machineId);
      script('postinst', 'configure', '');
      assert.match(id(), /^[a-z0-9][a-z0-9-]{0,39}-[0-9a-f]{6}$/);
    });
  }

  it('never touch a configuration that is there, and none is made on an upgrade', (t) => {
    const { config, script, put } = machine(t, 'robot', ID);
    put('etc/headland/headland.yaml', 'robot: { id: mine }\n');
    script('postinst', 'configure', '');
    script('prerm', 'upgrade', '0.2.0');
    script('postinst', 'configure', '0.1.0');
    assert.equal(readFileSync(config, 'utf8'), 'robot: { id: mine }\n');
    rmSync(config);
    script('postinst', 'configure', '0.1.0');
    assert.equal(existsSync(config), false);
  });

  it('keep data and configuration on removal and upgrade; a purge removes them', (t) => {
    const { root, config, script, put } = machine(t, 'robot', ID);
    script('postinst', 'configure', '');
    const data = ['var/lib/private/headland/headland.db', 'var/cache/private/headland/x'];
    for (const path of data) put(path, 'data');
    put('var/lib/private/other/x', 'not ours');
    const dropIn = 'etc/systemd/system/headland.service.d/credentials.conf';
    put(dropIn, '[Service]\nLoadCredential=mqtt-password:/etc/headland/mqtt-password\n');
    for (const [name, ...args] of [
      ['prerm', 'upgrade', '0.2.0'],
      ['postrm', 'upgrade', '0.2.0'],
      ['prerm', 'remove'],
      ['postrm', 'remove'],
    ] as const) {
      script(name, ...args);
    }
    for (const path of data) assert.ok(existsSync(join(root, path)), path);
    assert.ok(existsSync(config));
    assert.ok(existsSync(join(root, dropIn)));
    script('postrm', 'purge');
    assert.equal(existsSync(dirname(join(root, dropIn))), false, 'it names files that are gone');
    for (const path of data) assert.equal(existsSync(join(root, path)), false, path);
    assert.equal(existsSync(dirname(config)), false);
    assert.ok(existsSync(join(root, 'var/lib/private/other/x')));
  });

  it('take only lines with purged files out of a drop-in', (t) => {
    const { root, script, put } = machine(t, 'robot', ID);
    const dropIn = 'etc/systemd/system/headland.service.d/credentials.conf';
    const kept = '[Service]\nLoadCredential=key:/srv/etc/headland/key\nNice=5\n';
    put(dropIn, kept.replace('Nice', 'LoadCredential=a:/etc/headland/a\nNice'));
    script('postrm', 'purge');
    assert.equal(readFileSync(join(root, dropIn), 'utf8'), kept);
  });
});

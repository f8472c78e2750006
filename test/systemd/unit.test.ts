import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = fileURLToPath(new URL('../../../systemd/', import.meta.url));
const unit = readFileSync(join(folder, 'headland.service'), 'utf8');
const skip = spawnSync('systemd-analyze', ['--version']).error
  ? 'systemd-analyze is not installed (apt package systemd)'
  : false;

/** The unit in a folder of its own, with a program that exists here as its ExecStart. */
function installed(t: TestContext, change: (text: string) => string, dropIns: string[] = []) {
  const root = temporaryFolder(t);
  const path = join(root, 'headland.service');
  writeFileSync(path, change(unit.replaceAll('/usr/bin/headland', process.execPath)));
  for (const name of dropIns) {
    mkdirSync(`${path}.d`, { recursive: true });
    cpSync(join(folder, 'drop-ins', name), join(`${path}.d`, name));
  }
  return path;
}

function analyze(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    timeout: HANG_MS,
  });
  return { status, output: stdout + stderr };
}

/** The unit that starts when headland.service has given up. */
function failureUnit(t: TestContext) {
  const text = readFileSync(join(folder, 'headland-failure.service'), 'utf8');
  const root = temporaryFolder(t);
  const path = join(root, 'headland-failure.service');
  writeFileSync(path, text.replaceAll('/usr/bin/headland', process.execPath));
  return { text, path };
}

const asItIs = (text: string): string => text;

describe('headland.service', () => {
  it('is accepted by systemd without a word', { skip }, (t) => {
    const { status, output } = analyze('verify', installed(t, asItIs));
    assert.equal(output, '');
    assert.equal(status, 0);
  });

  it('is accepted with its drop-ins too', { skip }, (t) => {
    const path = installed(t, asItIs, ['sysfs-gpio.conf', 'broker-only.conf']);
    assert.equal(analyze('verify', path).output, '');
  });

  it('is followed by a unit that starts it again when it has given up', { skip }, (t) => {
    const { text, path } = failureUnit(t);
    assert.match(unit, /^OnFailure=headland-failure\.service$/m);
    assert.match(text, /exec systemctl --no-block start headland\.service'$/m);
    assert.match(text, /^ExecCondition=.*is-failed -q headland\.service'$/m);
    const { status, output } = analyze('verify', path);
    assert.equal(output, '');
    assert.equal(status, 0);
  });

  it('is checked by a check that can fail', { skip }, (t) => {
    const misspelt = installed(t, (text) => text.replace('ProtectHome=', 'ProtectHomes='));
    assert.match(analyze('verify', misspelt).output, /ProtectHomes/);
  });

  it('leaves little exposed: 1.3 at most on a scale to 10', { skip }, (t) => {
    const path = installed(t, asItIs);
    const { status, output } = analyze('security', '--offline=true', '--threshold=13', path);
    if (status !== 0 && /offline|unrecognized/i.test(output) && !/exposure/i.test(output)) {
      t.skip('this systemd-analyze knows no --offline (before v250)');
      return;
    }
    assert.equal(status, 0, output);
    const open = installed(t, (text) => text.replace('SystemCallFilter=@system-service', ''));
    assert.notEqual(
      analyze('security', '--offline=true', '--threshold=13', open).status,
      0,
      'the threshold can be exceeded',
    );
  });

  it('keeps what the daemon relies on', () => {
    const settings = unit.split('\n').filter((line) => !line.startsWith('#'));
    for (const line of [
      'Type=notify',
      'NotifyAccess=main',
      'WatchdogSec=30',
      'Restart=always',
      'ExecStart=/usr/bin/headland run --config /etc/headland/headland.yaml',
      'ExecStopPost=-/usr/bin/headland outputs off --config /etc/headland/headland.yaml',
      'StateDirectory=headland',
      'CacheDirectory=headland',
      'Environment=ORT_DISABLE_TELEMETRY=1',
    ]) {
      assert.ok(settings.includes(line), line);
    }
    // V8 writes the code that it runs; with this the daemon dies before its first line.
    assert.ok(!settings.some((line) => line.startsWith('MemoryDenyWriteExecute')));
    // With this the daemon could not read memory pressure and load.
    assert.ok(!settings.some((line) => line.startsWith('ProcSubset')));
  });

  it('names documentation that the package installs', () => {
    const files = [...unit.matchAll(/file:\/\/\/usr\/share\/doc\/headland\/(\S+)/g)].map(
      ([, file]) => file!,
    );
    assert.ok(files.length > 0);
    for (const file of files) assert.ok(existsSync(join(folder, '..', file)), file);
  });
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { headland } from '../agent/daemon.js';
import { folderWith } from '../temporary-folder.js';

const project = fileURLToPath(new URL('../../../', import.meta.url));

interface Files {
  filesBelow(folder: string): string[];
  packageFolders(modules: string): string[];
  platformOf(path: string): string | null;
  prune(modules: string, arch: string): number;
  removeHollowPackages(modules: string): void;
  sharedFiles(deploy: string): { path: string; mode: number }[];
}
const files: Files = await import(pathToFileURL(join(project, 'deploy/deb/files.mjs')).href);

function elf(machine: number): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 'latin1');
  head.writeUInt16LE(machine, 18);
  return head;
}

describe('files of the Debian package', () => {
  it('are those of one architecture, without sources, types, maps and tests', (t) => {
    const native = Buffer.from('MZ'.padEnd(64));
    const macho = Buffer.from('cffaedfe'.padEnd(128, '0'), 'hex');
    const root = folderWith(t, {
      'a/index.js': 'x',
      'a/index.js.map': 'x',
      'a/index.d.ts': 'x',
      'a/README.md': 'x',
      'a/LICENSE.md': 'x',
      'a/package.json': '{}',
      'a/test/x.js': 'x',
      'a/lib/test/x.js': 'x',
      'a/node_modules/b/index.js': 'x',
      'a/node_modules/b/docs/x.js': 'x',
      'a/build/arm64.node': elf(183),
      'a/build/amd64.node': elf(62),
      'a/build/arm.node': elf(40),
      'a/build/win.node': native,
      'a/build/darwin.node': macho,
      'a/build/libonnxruntime_providers_cuda.so': elf(183),
      '@x/linux-arm64-musl/x.node': elf(183),
      '@x/linux-arm64-musl/package.json': '{}',
      '@types/node/index.js': 'x',
      '.bin/a': 'x',
      '.package-lock.json': '{}',
    });
    assert.equal(files.prune(root, 'arm64'), 6);
    files.removeHollowPackages(root);
    assert.deepEqual(files.filesBelow(root), [
      'a/LICENSE.md',
      'a/build/arm64.node',
      'a/index.js',
      'a/lib/test/x.js',
      'a/node_modules/b/index.js',
      'a/package.json',
    ]);
  });

  it('of TensorFlow.js are those of packages that headland does not have', (t) => {
    const root = folderWith(t, {
      'a/index.js': 'x',
      'a/node_modules/b/index.js': 'x',
      '@x/c/index.js': 'x',
      '.bin/a': 'x',
      '.package-lock.json': '{}',
    });
    assert.deepEqual(files.packageFolders(root), ['@x/c', 'a']);
  });

  it('are also examples, with scripts that can be run and without keys', (t) => {
    const modeOf = new Map(
      files.sharedFiles(join(project, 'deploy')).map(({ path, mode }) => [path, mode]),
    );
    for (const path of ['fleet/yard/setup.sh', 'mosquitto/certificates.sh']) {
      assert.equal(modeOf.get(path), 0o755, path);
    }
    // compose.yaml finds deploy/mosquitto from its own folder, there as here.
    for (const name of ['compose.yaml', 'hub.yaml', 'mosquitto.conf']) {
      assert.equal(modeOf.get(`fleet/yard/${name}`), 0o644, name);
    }
    assert.equal(modeOf.get('mosquitto/headland.conf'), 0o644);
    const tried = folderWith(t, {
      'fleet/yard/compose.yaml': 'x',
      'fleet/yard/headland-ca/ca.key': 'x',
      'fleet/yard/headland-ca/issued/1.pem': 'x',
      'fleet/yard/broker/broker.key': 'x',
      'fleet/yard/hub/hub.key': 'x',
      'fleet/fleet/mq1/node.crt': 'x',
      'fleet/fleet/db/db.key': 'x',
      'fleet/fleet/hub/postgres-password': 'x',
      'fleet/fleet/erlang-cookie': 'x',
      'mosquitto/headland-ca/ca.key': 'x',
      'mosquitto/access': 'x',
      'prometheus/x': 'x',
      'grafana/x': 'x',
      'ros2/x': 'x',
    });
    const kept = files.sharedFiles(tried).map(({ path }) => path);
    assert.deepEqual(kept.slice(0, 2), ['fleet/yard/compose.yaml', 'mosquitto/access']);
    assert.equal(kept.length, 5);
  });

  it('are told apart by what is in them', () => {
    assert.match(files.platformOf(process.execPath) ?? '', /^(amd64|arm64)$/);
    assert.equal(files.platformOf(join(project, 'package.json')), null);
  });

  it('are where the unit expects them', () => {
    const unit = readFileSync(join(project, 'systemd/headland.service'), 'utf8');
    const stage = readFileSync(join(project, 'deploy/deb/stage.mjs'), 'utf8');
    const programs = [...unit.matchAll(/^(?:ExecStart|EnvironmentFile)=-?\/(\S+)/gm)];
    assert.equal(programs.length, 2);
    for (const [, path] of programs) assert.ok(stage.includes(`'${path}'`), path);
    const documents = [...unit.matchAll(/file:\/\/\/usr\/share\/doc\/headland\/(\S+)/g)];
    assert.equal(documents.length, 2);
    // The package has README.md and docs/ of the checkout.
    for (const [, path] of documents) {
      assert.match(path!, /^(README\.md$|docs\/)/);
      assert.ok(existsSync(join(project, path!)), path);
    }
  });
});

it('cloud-init writes a configuration that is valid', (t) => {
  const userData = parse(readFileSync(join(project, 'deploy/cloud-init/user-data'), 'utf8'));
  const [file] = userData.write_files;
  assert.equal(file.path, '/etc/headland/headland.yaml');
  const config = join(folderWith(t, { 'headland.yaml': file.content }), 'headland.yaml');
  const { status, stdout, stderr } = headland('config', 'check', config);
  assert.equal(status, 0, `${stdout}${stderr}`);
});

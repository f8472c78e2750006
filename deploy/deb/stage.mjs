// Lays out the files of the package headland: `stage.mjs ROOT ARCH NPM NODE VERSION`, where ROOT is
// the tree of the package, NPM a folder with package.json and node_modules of that architecture, and
// NODE the npm package of Node.js for it. Writes the bill of materials and the licences too.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { billOfMaterials, licenceTable } from './bill-of-materials.mjs';
import { filesBelow, prune, removeHollowPackages, sharedFiles } from './files.mjs';

const project = fileURLToPath(new URL('../../', import.meta.url));
const debian = fileURLToPath(new URL('debian/', import.meta.url));
const [root, arch, npm, node, version] = process.argv.slice(2);
const lib = join(root, 'usr/lib/headland');
const doc = join(root, 'usr/share/doc/headland');

/** Text that is the same in every build: gzip would write the time. */
const zipped = (text) => gzipSync(text, { level: 9 });

function put(path, content, mode = 0o644) {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
  chmodSync(target, mode);
}

const copy = (from, to, mode) => put(to, readFileSync(from), mode);

/** dist/ may hold files of earlier builds: the sources say which are of today. */
function copyProgram() {
  for (const file of filesBelow(join(project, 'dist/src'))) {
    const source = join(project, 'src', file.replace(/\.js$/, '.ts'));
    if (!file.endsWith('.js') || !existsSync(source)) continue;
    const code = readFileSync(join(project, 'dist/src', file), 'utf8')
      // Not run as a program of its own; the maps are left out.
      .replace(/^#!.*\n/, '')
      .replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    put(`usr/lib/headland/dist/src/${file}`, code);
  }
  for (const folder of ['dist/commands', 'dist/page', 'dist/fleet-page', 'models']) {
    for (const file of filesBelow(join(project, folder))) {
      if (!file.endsWith('.map'))
        copy(join(project, folder, file), `usr/lib/headland/${folder}/${file}`);
    }
  }
  const { name, description, license, type, engines, dependencies, optionalDependencies } =
    JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8'));
  const facts = { name, version, description, license, type, engines };
  const manifest = { ...facts, dependencies, optionalDependencies };
  put('usr/lib/headland/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  copy(join(project, 'LICENSE'), 'usr/lib/headland/LICENSE');
}

function copyModules() {
  const modules = join(lib, 'node_modules');
  cpSync(join(npm, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  const foreign = prune(modules, arch);
  removeHollowPackages(modules);
  for (const file of filesBelow(modules)) chmodSync(join(modules, file), 0o644);
  return foreign;
}

function copySystemFiles() {
  put(
    'usr/bin/headland',
    '#!/bin/sh\nexec /usr/lib/headland/bin/node /usr/lib/headland/dist/src/cli/headland.js "$@"\n',
    0o755,
  );
  copy(join(project, 'systemd/headland.service'), 'usr/lib/systemd/system/headland.service');
  copy(
    join(project, 'systemd/headland-failure.service'),
    'usr/lib/systemd/system/headland-failure.service',
  );
  copy(join(project, 'systemd/headland.sysusers'), 'usr/lib/sysusers.d/headland.conf');
  copy(join(project, 'systemd/headland.udev'), 'usr/lib/udev/rules.d/60-headland.rules');
  copy(join(debian, 'headland.tmpfiles'), 'usr/lib/tmpfiles.d/headland.conf');
  copy(join(debian, 'headland.default'), 'etc/default/headland');
  copy(join(project, 'deploy/headland.yaml'), 'usr/share/headland/headland.yaml');
  for (const file of filesBelow(join(project, 'systemd/drop-ins'))) {
    copy(join(project, 'systemd/drop-ins', file), `usr/share/headland/drop-ins/${file}`);
  }
  const deploy = join(project, 'deploy');
  for (const { path, mode } of sharedFiles(deploy)) {
    copy(join(deploy, path), `usr/share/headland/${path}`, mode);
  }
  copy(join(debian, 'lintian-overrides'), 'usr/share/lintian/overrides/headland');
  put('usr/share/man/man1/headland.1.gz', zipped(readFileSync(join(debian, 'headland.1'))));
}

function copyDocuments() {
  copy(join(project, 'README.md'), 'usr/share/doc/headland/README.md');
  for (const file of filesBelow(join(project, 'docs'))) {
    copy(join(project, 'docs', file), `usr/share/doc/headland/docs/${file}`);
  }
  put(
    'usr/share/doc/headland/CHANGELOG.md.gz',
    zipped(readFileSync(join(project, 'CHANGELOG.md'))),
  );
  const bill = billOfMaterials({ npm, lib, arch, version, node });
  put('usr/share/doc/headland/sbom.cdx.json', `${JSON.stringify(bill, null, 2)}\n`);
  const header = readFileSync(join(debian, 'copyright'), 'utf8');
  put('usr/share/doc/headland/copyright', `${header}\n${licenceTable(bill)}`);
  put('usr/share/doc/headland/node.LICENSE.gz', zipped(readFileSync(join(node, 'LICENSE'))));
}

copyProgram();
const foreign = copyModules();
mkdirSync(join(lib, 'bin'), { recursive: true });
copyFileSync(join(node, 'bin/node'), join(lib, 'bin/node'));
chmodSync(join(lib, 'bin/node'), 0o755);
copySystemFiles();
mkdirSync(doc, { recursive: true });
copyDocuments();
const size = spawnSync('du', ['-sk', '--apparent-size', root], { encoding: 'utf8' });
process.stderr.write(
  `${arch}: ${size.stdout.split('\t')[0]} kB, ${foreign} files for other platforms left out\n`,
);

// Lays out the files of the package headland-tfjs: `stage-tfjs.mjs ROOT WITH WITHOUT VERSION`, where
// ROOT is the tree of the package, and WITH and WITHOUT are folders with package.json and
// node_modules, with TensorFlow.js and without it. Writes the bill of materials and the licences too.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { billOfMaterials, licenceTable } from './bill-of-materials.mjs';
import { filesBelow, packageFolders, prune, removeHollowPackages } from './files.mjs';

const debian = fileURLToPath(new URL('debian/', import.meta.url));
const [root, withTfjs, without, version] = process.argv.slice(2);
const lib = join(root, 'usr/lib/headland');
const modules = join(lib, 'node_modules');
const doc = join(root, 'usr/share/doc/headland-tfjs');

/** Of the builds for Node.js, browsers and bundlers that each package brings, Node.js loads this one. */
const LOADED = /^(?:package\.json|LICENSE|dist\/[^/]+\.(?:node\.js|wasm))$/;

const versionOf = (npm, folder) =>
  JSON.parse(readFileSync(join(npm, 'node_modules', folder, 'package.json'), 'utf8')).version;

function copyPackage(folder) {
  const from = join(withTfjs, 'node_modules', folder);
  const isTfjs = folder.startsWith('@tensorflow/');
  for (const file of filesBelow(from)) {
    if (isTfjs && !LOADED.test(file)) continue;
    mkdirSync(dirname(join(modules, folder, file)), { recursive: true });
    cpSync(join(from, file), join(modules, folder, file));
  }
}

for (const folder of packageFolders(join(withTfjs, 'node_modules'))) {
  const isShared = existsSync(join(without, 'node_modules', folder));
  if (!isShared) copyPackage(folder);
  else if (versionOf(withTfjs, folder) !== versionOf(without, folder)) {
    throw new Error(`TensorFlow.js needs another version of ${folder} than headland`);
  }
}
prune(modules, 'all');
removeHollowPackages(modules);
for (const file of filesBelow(modules)) chmodSync(join(modules, file), 0o644);
mkdirSync(doc, { recursive: true });
const bill = billOfMaterials({ npm: withTfjs, lib, version, name: 'headland-tfjs' });
writeFileSync(join(doc, 'sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
const header = readFileSync(join(debian, 'copyright-tfjs'), 'utf8');
writeFileSync(join(doc, 'copyright'), `${header}\n${licenceTable(bill)}`);

// The bill of materials (CycloneDX) of what a package really holds, and the table of its licences.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesBelow } from './files.mjs';

/**
 * `npm sbom` of the tree that was installed, without what has been left out and what changes each time.
 * @param node the npm package of Node.js, if the Debian package brings it
 */
export function billOfMaterials({ npm, lib, arch, version, node = null, name: own = 'headland' }) {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'],
    { cwd: npm, encoding: 'utf8', maxBuffer: 64_000_000 },
  );
  if (status !== 0) throw new Error(`npm sbom: ${stderr}`);
  const { bomFormat, specVersion, metadata, components, dependencies } = JSON.parse(stdout);
  const present = packagesIn(join(lib, 'node_modules'));
  const held = components.filter(({ name, version: of }) => present.has(`${name}@${of}`));
  const runtimes = node === null ? [] : [nodeComponent(node, arch)];
  const ofRuntimes = runtimes.map((one) => one['bom-ref']);
  const root = metadata.component['bom-ref'];
  const known = new Set([...held.map((one) => one['bom-ref']), ...ofRuntimes, root]);
  const edges = dependencies
    .filter(({ ref }) => known.has(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: [
        ...dependsOn.filter((one) => known.has(one)),
        ...(ref === root ? ofRuntimes : []),
      ],
    }));
  const bill = {
    bomFormat,
    specVersion,
    version: 1,
    metadata: {
      timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1_000).toISOString(),
      component: { ...metadata.component, name: own, version },
    },
    components: [...held, ...runtimes],
    dependencies: edges,
  };
  const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
  const parts = [0, 8, 12, 16, 20].map((at, i) => digest.slice(at, [8, 12, 16, 20, 32][i]));
  return { ...bill, serialNumber: `urn:uuid:${parts.join('-')}` };
}

/** `name@version` of every package in a tree. */
function packagesIn(modules) {
  const manifests = filesBelow(modules).filter((file) => basename(file) === 'package.json');
  return new Set(
    manifests.map((file) => {
      const { name, version } = JSON.parse(readFileSync(join(modules, file), 'utf8'));
      return `${name}@${version}`;
    }),
  );
}

function nodeComponent(node, arch) {
  const { name, version } = JSON.parse(readFileSync(join(node, 'package.json'), 'utf8'));
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    purl: `pkg:npm/${name}@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:${arch}:*`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}

/** One line a component, for the file `copyright`. */
export function licenceTable({ components }) {
  const lines = components.map(({ name, version, licenses = [] }) => {
    const names = licenses.map(
      ({ license, expression }) => expression ?? license?.id ?? license?.name,
    );
    return ` ${name} ${version}: ${names.join(', ') || 'see its folder'}`;
  });
  return `${[...new Set(lines)].sort().join('\n')}\n`;
}

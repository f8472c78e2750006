// Which files of the npm packages a Debian package holds, and what the native ones among them are.
import { closeSync, openSync, readdirSync, readSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

/** Never read when headland runs. Licences and notices stay, whatever their names end with. */
const UNUSED =
  /\.(?:map|[cm]?tsx?|tsbuildinfo|flow|cc|cpp|c|h|hpp|hh|S|gyp|gypi|markdown|md|html|ya?ml|lock|opts|sh|bat|ps1)$|^(?:\..+|Makefile|Gruntfile\.js|gulpfile\.js|karma\.conf\.js)$/i;
const NOTICE = /licen[cs]e|copying|notice|third-?party|authors/i;
/** Folders at the root of a package. */
const UNUSED_FOLDER =
  /^(?:tests?|__tests__|examples?|benchmarks?|docs?|coverage|man|\.github|\.nyc_output)$/;
/** Packages with nothing but types of TypeScript. */
const TYPES = /^(?:@types\/.*|undici-types)$/;

export function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** What people and deploy/fleet/yard/setup.sh make where they try a deployment: it belongs into no package. */
const SECRET =
  /(?:^|\/)headland-ca\/|^fleet\/(?:yard\/(?:broker|hub)|fleet\/(?:mq\d+|db|hub))\/|(?:\.key|\/erlang-cookie|\/postgres-password)$/;

/**
 * What /usr/share/headland has of the folder `deploy`: files that people copy and change.
 * @returns paths in `deploy`, and their modes
 */
export function sharedFiles(deploy) {
  return ['fleet', 'mosquitto', 'prometheus', 'grafana', 'ros2']
    .flatMap((folder) => filesBelow(join(deploy, folder)).map((file) => join(folder, file)))
    .filter((path) => !SECRET.test(path))
    .map((path) => ({ path, mode: path.endsWith('.sh') ? 0o755 : 0o644 }));
}

/** The packages directly in node_modules, as paths in it: "yaml", "@x/y". */
export function packageFolders(modules) {
  const folders = readdirSync(modules, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
  const inScope = (scope) => readdirSync(join(modules, scope)).map((name) => `${scope}/${name}`);
  return folders.flatMap((name) => (name.startsWith('@') ? inScope(name) : [name])).sort();
}

/** Of a path in node_modules: the package, and the path in it. */
function split(path) {
  const at = path.lastIndexOf('node_modules/');
  const parts = path.slice(at === -1 ? 0 : at + 'node_modules/'.length).split('/');
  const count = parts[0].startsWith('@') ? 2 : 1;
  return { name: parts.slice(0, count).join('/'), inside: parts.slice(count) };
}

function isUnused(path) {
  const { name, inside } = split(path);
  // npm's own bookkeeping: `.bin`, `.package-lock.json`.
  if (inside.length === 0 || name.startsWith('.')) return true;
  if (TYPES.test(name)) return true;
  const file = inside.at(-1);
  if (NOTICE.test(file) && !/\.[cm]?[jt]s$/.test(file)) return false;
  return (inside.length > 1 && UNUSED_FOLDER.test(inside[0])) || UNUSED.test(file);
}

const MACHINES = new Map([
  [62, 'amd64'],
  [183, 'arm64'],
]);

/**
 * What a native file is for: `amd64`, `arm64`, another system, or null when it is not native.
 * @param path of any file
 */
export function platformOf(path) {
  const head = Buffer.alloc(4_096);
  const handle = openSync(path, 'r');
  const length = readSync(handle, head, 0, head.length, 0);
  closeSync(handle);
  if (length < 20) return null;
  if (head.subarray(0, 4).equals(Buffer.from('\x7fELF'))) {
    if (/(?:cuda|cudnn|tensorrt)/i.test(basename(path))) return 'CUDA';
    // musl is no part of the file's header: packages keep such files in folders of that name.
    if (/musl/.test(path)) return 'linux with musl';
    return MACHINES.get(head.readUInt16LE(18)) ?? `ELF machine ${head.readUInt16LE(18)}`;
  }
  if ([0xfeedface, 0xfeedfacf, 0xcafebabe].includes(head.readUInt32BE(0))) return 'darwin';
  if ([0xfeedface, 0xfeedfacf].includes(head.readUInt32LE(0))) return 'darwin';
  if (head.toString('latin1', 0, 2) === 'MZ' || /\.(?:dll|exe|lib)$/i.test(path)) return 'win32';
  return null;
}

/** Removes what a package for `arch` does not need. @returns how many files for other platforms went */
export function prune(modules, arch) {
  let foreign = 0;
  for (const file of filesBelow(modules)) {
    const path = join(modules, file);
    const platform = isUnused(file) ? null : platformOf(path);
    const isForeign = platform !== null && platform !== arch;
    if (isForeign) foreign += 1;
    if (isForeign || isUnused(file)) rmSync(path);
  }
  removeEmptyFolders(modules);
  return foreign;
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** A package of which nothing but notices is left was for another platform, or had types alone. */
export function removeHollowPackages(modules) {
  const names = new Map();
  for (const file of filesBelow(modules)) {
    const at = file.lastIndexOf('node_modules/');
    const { name, inside } = split(file);
    const prefix = at === -1 ? '' : file.slice(0, at + 'node_modules/'.length);
    const folder = join(prefix, name);
    const isContent = !(
      inside.length === 1 &&
      (inside[0] === 'package.json' || NOTICE.test(inside[0]))
    );
    names.set(folder, names.get(folder) || isContent);
  }
  for (const [folder, hasContent] of names) {
    if (!hasContent) rmSync(join(modules, folder), { recursive: true });
  }
  removeEmptyFolders(modules);
}

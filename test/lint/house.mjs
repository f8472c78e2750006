// Rules of the house that no other lint knows: how many files a folder may hold, file names that
// occur once, styles that stand in one sheet, object literals that are not packed by spreading other literals, and
// files that are written through the durable layer, and repeated work that survives its failures.
// `node test/lint/house.mjs`
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { MAY_WRITE, undurableWrites } from './durable-writes.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MAX_FILES = 15;
/** What writes files for good: it flushes. */
const DURABLE_LAYER = 'src/base/files/';
/** A section of the configuration bears the name of the room that it configures. */
const MAY_SHARE_NAMES = /^src\/config\/sections\//;

function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}

function crowdedFolders(files) {
  const counts = new Map();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > MAX_FILES)
    .map(([folder, count]) => `${folder}: ${count} files, at most ${MAX_FILES}`);
}

function sharedNames(files) {
  const places = new Map();
  for (const file of files) {
    if (!file.endsWith('.ts') || MAY_SHARE_NAMES.test(file)) continue;
    places.set(basename(file), [...(places.get(basename(file)) ?? []), file]);
  }
  return [...places.values()]
    .filter((those) => those.length > 1)
    .map((those) => `${those.join(' and ')}: the same file name`);
}

function packedLiterals(file) {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const found = [];
  const visit = (node) => {
    const packed =
      (ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression)) ||
      (ts.isSpreadElement(node) && ts.isArrayLiteralExpression(node.expression));
    if (packed) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1}: a literal is spread into a literal; write its parts`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Repeated work of the daemon belongs to the scheduler, which survives its failures. */
const MAY_SET_INTERVALS =
  /^src\/(base\/timers\/scheduler\.ts|training\/job\/parent-watch-worker\.ts|page\/|console\/page\/|fleet\/hub\/page\/|cli\/)/;

function bareIntervals(file) {
  if (MAY_SET_INTERVALS.test(file)) return [];
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    /\bsetInterval\b/.test(line)
      ? [`${file}:${index + 1}: a bare setInterval; give the work to the Scheduler`]
      : [],
  );
}

/** A class or an id whose plain style stands in two sheets: the later one changes the other's place. */
function sharedStyles(files) {
  const sheets = new Map();
  for (const file of files.filter((each) => each.endsWith('.css'))) {
    const rules = readFileSync(join(root, file), 'utf8')
      .replaceAll(/\/\*.*?\*\//gs, '')
      .matchAll(/[^{};]+(?=\{)/g);
    const plain = [...rules]
      .flatMap(([selectors]) => selectors.split(','))
      .map((selector) => selector.trim())
      .filter((selector) => /^[.#][\w-]+$/.test(selector));
    for (const selector of new Set(plain)) {
      sheets.set(selector, [...(sheets.get(selector) ?? []), file]);
    }
  }
  return [...sheets]
    .filter(([, those]) => those.length > 1)
    .map(([selector, those]) => `${those.join(' and ')}: both style ${selector}`);
}

/** Files that are written past the durable layer, and permissions that nobody needs. */
function undurable(files) {
  const faults = [];
  for (const file of files) {
    if (!file.endsWith('.ts') || file.startsWith(DURABLE_LAYER)) continue;
    const writes = undurableWrites(readFileSync(join(root, file), 'utf8'));
    if (writes.length > 0 && !MAY_WRITE.has(file)) {
      faults.push(`${file}: ${writes.join(', ')}: use src/base/files/durable-files.ts`);
    }
    if (writes.length === 0 && MAY_WRITE.has(file)) {
      faults.push(`test/lint/house.mjs: ${file} writes nothing by itself any more`);
    }
  }
  return faults;
}

const source = filesBelow('src');
const code = ['src', 'test', 'bench', 'chaos']
  .flatMap(filesBelow)
  .filter((file) => file.endsWith('.ts'));
const faults = [
  ...crowdedFolders(source),
  ...sharedNames(source),
  ...sharedStyles(source),
  ...undurable(source),
  ...code.flatMap(packedLiterals),
  ...source.filter((file) => file.endsWith('.ts')).flatMap(bareIntervals),
];
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;

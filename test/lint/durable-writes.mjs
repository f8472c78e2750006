// Which source files write past the durable layer, where a power cut may take what they wrote.
import ts from 'typescript';

/** Writes with functions of node, and why a power cut may take it. */
export const MAY_WRITE = new Map([
  ['src/agent/lifetime/local-contact.ts', 'a key that is new at each start'],
  ['src/agent/pictures/picture-import.ts', 'an upload, in a folder that goes with it'],
  ['src/agent/safekeeping/repair-store.ts', 'a database that is moved, and flushes the folder'],
  ['src/agent/safekeeping/restore-state.ts', 'a whole state that is moved, and flushes itself'],
  ['src/alerts/gpio/kernel.ts', 'a device'],
  ['src/cli/demo/photos/photo-links.ts', 'a demonstration'],
  ['src/cli/setup/try-answers.ts', 'a trial, in a folder that goes with it'],
  ['src/models/sources/fetch-url.ts', 'a download, in a folder that goes with it'],
  ['src/registry/heads-folder.ts', 'a move that the next start finishes'],
  ['src/registry/whole-files.ts', 'a damaged file set aside, which the next start does again'],
  ['src/registry/registry.ts', 'a head set aside or removed, which the next start does again'],
  ['src/samples/archive/unpack-archive.ts', 'an archive, in a folder that goes with it'],
  [
    'src/samples/folder/export-folder.ts',
    'flushes itself: one flush of a folder for all its files',
  ],
  ['src/storage/backup/write-backup.ts', 'a backup that is moved, and flushes itself'],
  ['src/storage/folder-lock.ts', 'an empty file whose lock counts'],
  ['src/storage/salvage/set-aside.ts', 'a database that is moved, and flushes the folder'],
  ['src/storage/inspect-database.ts', 'a copy to look at'],
  ['src/storage/sqlite-connection.ts', 'an empty file, which SQLite flushes'],
  ['src/sync/rsync/rsync-target.ts', 'copies for rsync, made again'],
  ['src/training/job/job-main.ts', 'a file of the kernel'],
]);
const WRITES =
  /^(?:appendFile|copyFile|cp|createWriteStream|f?truncate|link|rename|symlink|writeFile|writev?)(?:Sync)?$/;
const OPENS = /^open(?:Sync)?$/;

/** Whether a call of `open` is one that can only read. */
function onlyReads({ arguments: [, flags] }) {
  if (flags === undefined) return true;
  if (ts.isStringLiteral(flags)) return flags.text === 'r';
  const text = flags.getText();
  return /O_RDONLY/.test(text) && !/O_(?:WRONLY|RDWR|CREAT|APPEND|TRUNC)/.test(text);
}

/** Names that a file imports from node:fs, with those that it gives them; '*' is all of them. */
function importedFromFs(source) {
  const names = new Map();
  for (const statement of source.statements.filter(ts.isImportDeclaration)) {
    const { moduleSpecifier, importClause } = statement;
    if (!/^(?:node:)?fs(?:\/promises)?$/.test(moduleSpecifier.text)) continue;
    const { name, namedBindings, isTypeOnly } = importClause ?? {};
    if (isTypeOnly) continue;
    if (name !== undefined || !namedBindings || !ts.isNamedImports(namedBindings)) {
      names.set('*', '*');
      continue;
    }
    for (const element of namedBindings.elements) {
      names.set(element.name.text, (element.propertyName ?? element.name).text);
    }
  }
  return names;
}

/**
 * Names of functions by which a file writes past the durable layer.
 * @param {string} text of a source file
 */
export function undurableWrites(text) {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.ES2022, true);
  const imported = importedFromFs(source);
  const found = new Set([...imported.values()].filter((name) => name === '*' || WRITES.test(name)));
  const visit = (node) => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const name = imported.get(node.expression.text) ?? '';
      if (OPENS.test(name) && !onlyReads(node)) found.add(name);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found];
}

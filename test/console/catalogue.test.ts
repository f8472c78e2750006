import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

type Entry = string | Record<string, string>;

let root = dirname(fileURLToPath(import.meta.url));
while (!existsSync(join(root, 'package.json'))) root = dirname(root);
const CONSOLE = join(root, 'src', 'console', 'page');
const HUB = join(root, 'src', 'fleet', 'hub', 'page');
const SHARED = join(root, 'src', 'page');

/** The texts of a page and those that all pages share. */
function filesOf(page: string, language: string): string[] {
  return [page, SHARED]
    .map((folder) => join(folder, 'words'))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((each) => each.endsWith(`.${language}.ts`))
        .map((each) => join(folder, each)),
    );
}

/** A page is no part of the compiled program: its catalogues are compiled here. */
async function catalogueOf(page: string, language: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const file of filesOf(page, language)) {
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    const url = `data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`;
    for (const part of Object.values<Record<string, Entry>>(await import(url))) {
      for (const [key, entry] of Object.entries(part)) {
        assert.ok(!entries.has(key), `${language}: ${key} occurs twice`);
        entries.set(key, entry);
      }
    }
  }
  return entries;
}

function forms(entry: Entry): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry);
}

function placeholders(entry: Entry): string[] {
  const names = forms(entry).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, n]) => n!));
  return [...new Set(names)].sort();
}

for (const [of, page] of [
  ['console', CONSOLE],
  ['fleet hub', HUB],
] as const) {
  const catalogue = (language: string) => catalogueOf(page, language);

  describe(`the catalogues of the page of the ${of}`, () => {
    it('have the same keys and placeholders in every language', async () => {
      const english = await catalogue('en');
      assert.ok(english.size > 30);
      for (const language of ['de', 'zh']) {
        const other = await catalogue(language);
        assert.deepEqual([...other.keys()].sort(), [...english.keys()].sort(), language);
        for (const [key, entry] of other) {
          assert.deepEqual(
            placeholders(entry),
            placeholders(english.get(key)!),
            `${language} ${key}`,
          );
        }
      }
    });

    it('have a text for every plural form that the language needs, and no empty text', async () => {
      for (const language of ['en', 'de', 'zh']) {
        const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
        for (const [key, entry] of await catalogue(language)) {
          for (const text of forms(entry)) assert.notEqual(text.trim(), '', `${language} ${key}`);
          if (typeof entry === 'string') continue;
          for (const form of needed)
            assert.ok(entry[form], `${language} ${key}: no form "${form}"`);
        }
      }
    });

    it('translates: a Chinese text has Chinese characters, and a German one differs from the English', async () => {
      const english = await catalogue('en');
      const [german, chinese] = [await catalogue('de'), await catalogue('zh')];
      for (const [key, entry] of english) {
        const hasWords = forms(entry).some((text) =>
          /\p{L}{2}/u.test(text.replaceAll(/\{\w+\}/g, '')),
        );
        if (!hasWords || SAME_EVERYWHERE.has(key)) continue;
        assert.match(forms(chinese.get(key)!).join(), /\p{Script=Han}/u, `zh ${key}`);
        if (!SAME_IN_GERMAN.has(key)) assert.notDeepEqual(german.get(key), entry, `de ${key}`);
      }
    });

    it('hold every text: no view has words of its own', () => {
      for (const folder of [page, SHARED].map((each) => join(each, 'views'))) {
        for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
          if (!file.endsWith('.tsx')) continue;
          const path = join(folder, file);
          const source = ts.createSourceFile(
            path,
            readFileSync(path, 'utf8'),
            ts.ScriptTarget.ES2022,
            true,
          );
          const visit = (node: ts.Node): void => {
            assert.equal(
              wordsOf(node),
              null,
              `${pathToFileURL(path)}: a text outside the catalogue`,
            );
            ts.forEachChild(node, visit);
          };
          visit(source);
        }
      }
    });
  });
}

describe('the catalogues of the console', () => {
  it('have a text for every message of the robot', async () => {
    const english = await catalogueOf(CONSOLE, 'en');
    const keys = messageKeys();
    assert.ok(keys.size > 30);
    const missing = [...keys].filter((key) => !english.has(key) && !WRITTEN_EARLIER.has(key));
    assert.deepEqual(missing, []);
  });
});

/** Keys of sentences that an earlier headland stored in English alone. */
const WRITTEN_EARLIER: ReadonlySet<string> = new Set(['verdict.earlier']);

/** The key in an object with `key`, `values` and `text`. */
function keyOfMessage(node: ts.Node): ts.Expression | null {
  if (!ts.isObjectLiteralExpression(node)) return null;
  const named = (name: string): ts.ObjectLiteralElementLike | undefined =>
    node.properties.find((each) => each.name?.getText() === name);
  const key = named('key');
  return key && named('values') && named('text') && ts.isPropertyAssignment(key)
    ? key.initializer
    : null;
}

/** A text, or those that a condition chooses from. */
function textsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteral(node)) return [node.text];
  if (!ts.isConditionalExpression(node)) return [];
  return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
}

function keysIn(source: ts.SourceFile): string[] {
  const keys: string[] = [];
  const prefixes: string[] = [];
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    const key = keyOfMessage(node);
    if (key) keys.push(...textsOf(key));
    if (key && ts.isTemplateExpression(key)) prefixes.push(key.head.text);
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'key' && node.initializer) {
      keys.push(...textsOf(node.initializer).filter((text) => text.includes('.')));
    }
    if (ts.isCallExpression(node) && /^(message|say)$/.test(node.expression.getText())) {
      names.push(...textsOf(node.arguments[0]!));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...keys, ...prefixes.flatMap((prefix) => names.map((name) => prefix + name))];
}

/** The keys that the sources of the robot give to messages: objects with `key`, `values` and `text`. */
function messageKeys(): Set<string> {
  const keys = new Set<string>();
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.startsWith(join('console', 'page'))) continue;
    const path = join(root, 'src', file);
    const source = ts.createSourceFile(
      path,
      readFileSync(path, 'utf8'),
      ts.ScriptTarget.ES2022,
      true,
    );
    for (const key of keysIn(source)) keys.add(key);
  }
  return keys;
}

/** Keys whose text is a name or a term of the field in all languages. */
const SAME_EVERYWHERE: ReadonlySet<string> = new Set<string>();
/** Keys whose German text is the English one. */
const SAME_IN_GERMAN: ReadonlySet<string> = new Set([
  'brain.version',
  'brain.versionName',
  'brain.macroF1',
  'pictures.import',
  'pictures.side.training',
  'shell.live',
  'shell.connected',
  'shell.token',
  'robot.backbone',
  'robot.position',
  'robot.kind_training',
  'robot.ruleName',
  'fleet.name',
  'fleet.broker',
  'fleet.online',
  'fleet.position',
  'fleet.software',
  'fleet.state.offline',
  'fleet.version',
  'fleet.headState',
]);

const SPOKEN_ATTRIBUTES = new Set([
  'aria-label',
  'alt',
  'title',
  'placeholder',
  'aria-description',
]);

/** Words that a node of a view shows to people; null: none. */
function wordsOf(node: ts.Node): string | null {
  const text = ts.isJsxText(node)
    ? node.text
    : ts.isJsxAttribute(node) &&
        SPOKEN_ATTRIBUTES.has(node.name.getText()) &&
        node.initializer !== undefined &&
        ts.isStringLiteral(node.initializer)
      ? node.initializer.text
      : '';
  return /\p{L}{2}/u.test(text) ? text : null;
}

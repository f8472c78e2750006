import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { hubConfigJsonSchema } from '../../src/fleet/hub/settings/hub-schema.js';
import { CLI } from '../agent/daemon.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Every remedy: the strings after `remedy:` in the source, and the table of the documentation. */
function remedies(): string[] {
  const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .join('\n');
  const inSource = [
    ...source.matchAll(/remedy:\s*(?:[^'"`;{}]*?)((?:'[^'\n]*'|"[^"\n]*"|`[^`]*`)[^;{}]{0,300})/g),
  ].flatMap(([, text]) =>
    [...text!.matchAll(/'([^'\n]*)'|"([^"\n]*)"|`([^`]*)`/g)].map(([quoted]) =>
      quoted.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, 'VALUE'),
    ),
  );
  const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');
  return [
    ...inSource,
    ...[...page.matchAll(/^\| `HL_\w+`\s*\|(.*)\|$/gm)].map(([, text]) => text!),
  ];
}

function help(words: readonly string[]): string | null {
  const { status, stdout } = spawnSync(process.execPath, [CLI, ...words, '--help'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout : null;
}

/** Names of all settings, of robots and of the hub: full paths and last parts. */
function settings(): { paths: Set<string>; names: Set<string> } {
  const [paths, names] = [new Set<string>(), new Set<string>()];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'properties') {
        visit(value, path);
        continue;
      }
      for (const [name, inner] of Object.entries(value as Record<string, unknown>)) {
        const own = path === '' ? name : `${path}.${name}`;
        paths.add(own);
        names.add(name);
        visit(inner, own);
      }
    }
  };
  visit(configJsonSchema(), '');
  visit(hubConfigJsonSchema(), '');
  return { paths, names };
}

describe('remedies', () => {
  const all = remedies();

  it('are found', () => {
    assert.ok(all.length > 200, String(all.length));
  });

  it('name commands and options that exist', () => {
    const cache = new Map<string, string | null>();
    let named = 0;
    for (const remedy of all) {
      for (const [, words, rest] of remedy.matchAll(
        /`headland ((?:[a-z]+(?:-[a-z]+)*)(?: [a-z]+(?:-[a-z]+)*)?)([^`]*)/g,
      )) {
        named += 1;
        const key = words!;
        if (!cache.has(key)) cache.set(key, help(key.split(' ')));
        const text = cache.get(key);
        assert.ok(text, `headland ${key} does not exist: ${remedy}`);
        assert.match(text, new RegExp(`Usage: headland ${key}\\b`), remedy);
        for (const [option] of rest!.matchAll(/--[a-z-]+/g)) {
          assert.ok(text.includes(option), `headland ${key} has no ${option}: ${remedy}`);
        }
      }
    }
    assert.ok(named > 20, String(named));
  });

  it('name settings that exist', () => {
    const { paths, names } = settings();
    const sections = [...paths].filter((path) => !path.includes('.')).join('|');
    let named = 0;
    for (const remedy of all) {
      for (const [path] of remedy.matchAll(
        new RegExp(`(?<![\\w./-])(?:${sections})\\.[a-z][A-Za-z.]*[A-Za-z]`, 'g'),
      )) {
        if (path === 'samples.jsonl' || path!.endsWith('.md')) continue;
        named += 1;
        assert.ok(paths.has(path), `there is no setting ${path}: ${remedy}`);
      }
      for (const [, name] of remedy.matchAll(
        /\b(?:[Rr]aise|[Ll]ower|[Ss]et|[Cc]orrect) ([a-z]+(?:[A-Z][a-z]+)+)\b/g,
      )) {
        assert.ok(names.has(name!), `there is no setting ${name}: ${remedy}`);
      }
    }
    assert.ok(named > 20, String(named));
  });
});

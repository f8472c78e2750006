import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('every error code of the source is documented, and every documented one exists', () => {
  const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .join('\n');
  const used = new Set(
    [...source.matchAll(/['"`](HL_[A-Z0-9_]*[A-Z0-9])['"`]/g)].map(([, code]) => code!),
  );
  const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8');
  const documented = new Set(
    [...page.matchAll(/^\| `(HL_[A-Z0-9_]+)`\s*\|/gm)].map(([, code]) => code!),
  );
  assert.deepEqual(
    [...used].filter((code) => !documented.has(code)),
    [],
    'not documented',
  );
  assert.deepEqual(
    [...documented].filter((code) => !source.includes(code)),
    [],
    'documented, but not in the source',
  );
});

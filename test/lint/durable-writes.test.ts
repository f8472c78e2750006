import assert from 'node:assert/strict';
import { test } from 'node:test';

interface Rule {
  undurableWrites(text: string): string[];
}

test('a source file that writes past the durable layer is refused', async () => {
  const rule = new URL('../../../test/lint/durable-writes.mjs', import.meta.url).href;
  const { undurableWrites } = (await import(rule)) as Rule;
  const writes: [string, string[]][] = [
    ["import { writeFile } from 'node:fs/promises';", ['writeFile']],
    ["import { appendFileSync as add } from 'fs';", ['appendFileSync']],
    ["import fs from 'node:fs';", ['*']],
    ["import { open } from 'node:fs/promises';\nawait open(path, 'a');", ['open']],
    ["import { openSync } from 'node:fs';\nopenSync(path, O_RDONLY | O_CREAT);", ['openSync']],
    ["import { openSync } from 'node:fs';\nopenSync(path, O_RDONLY | O_NOFOLLOW);", []],
    ["import { open } from 'node:fs/promises';\nawait open(path, 'r');", []],
    ["import type fs from 'node:fs';\nimport { readFile } from 'node:fs/promises';", []],
    ["import { writeFile } from './elsewhere.js';", []],
  ];
  for (const [text, expected] of writes) assert.deepEqual(undurableWrites(text), expected, text);
});

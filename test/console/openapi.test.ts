import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { CONTRACT } from '../../src/console/contract/contract.js';
import { openApiDocument } from '../../src/console/server/openapi.js';
import { TEST_HANG_MS } from '../liveness.js';
import { ask, open } from './client.js';

function reference(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'docs', 'reference', name);
}

const document = JSON.parse(JSON.stringify(openApiDocument('0.0.0')));

describe('the OpenAPI document', { timeout: TEST_HANG_MS }, () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.ok(valid, JSON.stringify(errors));
  });

  it('is in the reference as the code makes it', () => {
    const path = reference('openapi.json');
    const stored = { ...document, info: { ...document.info, version: '' } };
    if (process.env.UPDATE_OPENAPI) writeFileSync(path, `${JSON.stringify(stored, null, 2)}\n`);
    assert.deepEqual(
      JSON.parse(readFileSync(path, 'utf8')),
      stored,
      'run: UPDATE_OPENAPI=1 node test/run.mjs console/openapi; ' +
        'npx biome format --write docs/reference/openapi.json',
    );
  });

  it('is what the server answers, and needs a token there', async (t) => {
    const { url } = await open(t);
    assert.deepEqual((await ask(`${url}/api/openapi.json`)).json, document);
  });

  it('has every route, and console.md lists them all with their summaries', () => {
    const keys = Object.keys(CONTRACT);
    const documented = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(documented.sort(), keys.toSorted());
    const path = reference('console.md');
    const [before, , after] = readFileSync(path, 'utf8').split(/<!-- \/?routes -->\n/);
    const rows = Object.entries(CONTRACT).map(
      ([key, { summary }]) => `| \`${key}\` | ${summary} |`,
    );
    const table = ['', '| Route | What it does |', '| --- | --- |', ...rows, '', ''].join('\n');
    const whole = `${before}<!-- routes -->\n${table}<!-- /routes -->\n${after}`;
    if (process.env.UPDATE_OPENAPI) writeFileSync(path, whole);
    assert.equal(
      readFileSync(path, 'utf8'),
      whole,
      'run: UPDATE_OPENAPI=1 node test/run.mjs console/openapi',
    );
  });
});

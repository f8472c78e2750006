import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { COMMANDS } from '../../src/telemetry/contract/command-contract.js';
import { MESSAGES } from '../../src/telemetry/contract/messages.js';
import { CONTRACT } from '../../src/telemetry/contract/topics.js';
import { asyncApiDocument } from './asyncapi-document.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/reference/asyncapi.json');
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const PARSER = join(CACHE, 'headland-test-tools/asyncapi-parser');

const said = z.object({
  version: z.string().nullable(),
  channels: z.array(z.string()),
  operations: z.number(),
  diagnostics: z.array(
    z.object({ code: z.string(), message: z.string(), path: z.string(), severity: z.number() }),
  ),
});

test('docs/reference/asyncapi.json says what the code says', () => {
  const current = JSON.parse(JSON.stringify(asyncApiDocument()));
  if (process.env.UPDATE_MQTT_SCHEMA) {
    writeFileSync(DOCUMENT, `${JSON.stringify(current, null, 2)}\n`);
  }
  assert.deepEqual(
    JSON.parse(readFileSync(DOCUMENT, 'utf8')),
    current,
    'run: UPDATE_MQTT_SCHEMA=1 node test/run.mjs telemetry/contract; ' +
      'npx biome format --write docs/reference/asyncapi.json',
  );
});

test('docs/reference/asyncapi.json pleases the parser of AsyncAPI, and has every topic', {
  skip:
    !existsSync(join(PARSER, 'node_modules')) &&
    'the parser is missing: bash deploy/install-test-tools.sh',
}, () => {
  const script = join(ROOT, 'test/asyncapi/check.mjs');
  const { stdout, stderr } = spawnSync(process.execPath, [script, PARSER, DOCUMENT], {
    encoding: 'utf8',
  });
  assert.notEqual(stdout, '', stderr);
  const { version, channels, operations, diagnostics } = said.parse(JSON.parse(stdout));
  assert.equal(version, '3.0.0');
  // That 3.1 of AsyncAPI exists is no fault of a document for 3.0.
  const faults = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
  assert.deepEqual(faults, []);
  const inTask = Object.values(CONTRACT).filter(({ topic }) => topic.startsWith('task/'));
  const [messages, commands] = [Object.keys(MESSAGES).length, Object.keys(COMMANDS).length];
  const pictures = 1;
  assert.equal(channels.length, messages + pictures + inTask.length + 2 * commands);
  assert.equal(operations, channels.length);
  for (const address of [
    'status',
    'prediction',
    'task/{task}/prediction',
    'picture/{camera}',
    'cmd/label/response',
  ]) {
    assert.ok(channels.includes(`headland/{robot}/${address}`), address);
  }
});

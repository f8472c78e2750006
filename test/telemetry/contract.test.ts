import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { COMMANDS, responseSchema } from '../../src/telemetry/contract/command-contract.js';
import { MESSAGES, type MessageName } from '../../src/telemetry/contract/messages.js';
import { CONTRACT } from '../../src/telemetry/contract/topics.js';
import { contractJsonSchema } from './contract-schema.js';

function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir);
  return dir;
}

const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[];
const REFERENCE = join(repositoryRoot(), 'docs', 'reference');

test('docs/reference/mqtt-schema.json says what the code says', () => {
  const path = join(REFERENCE, 'mqtt-schema.json');
  const current = JSON.parse(JSON.stringify(contractJsonSchema()));
  if (process.env.UPDATE_MQTT_SCHEMA) {
    writeFileSync(path, `${JSON.stringify(current, null, 2)}\n`);
  }
  assert.deepEqual(
    JSON.parse(readFileSync(path, 'utf8')),
    current,
    'run: UPDATE_MQTT_SCHEMA=1 node test/run.mjs telemetry/contract; ' +
      'npx biome format --write docs/reference/mqtt-schema.json',
  );
});

test('docs/reference/mqtt.md: every topic and command with an example that is valid', () => {
  const text = readFileSync(join(REFERENCE, 'mqtt.md'), 'utf8');
  // Each example is a JSON block right after a line `<!-- example: <name> -->`.
  const examples = new Map<string, unknown[]>();
  for (const [, name, json] of text.matchAll(/<!-- example: (\S+) -->\s*```json\n([\s\S]*?)```/g)) {
    examples.set(name!, [...(examples.get(name!) ?? []), JSON.parse(json!)]);
  }
  const schemas: Record<string, z.ZodType> = { response: responseSchema };
  for (const name of MESSAGE_NAMES) schemas[CONTRACT[name].topic] = MESSAGES[name];
  for (const [name, schema] of Object.entries(COMMANDS)) schemas[`cmd/${name}`] = schema;
  assert.deepEqual(
    [...examples.keys()].sort(),
    Object.keys(schemas).sort(),
    'write for each name a line `<!-- example: <name> -->` and a ```json block with an example',
  );
  for (const [name, values] of examples) {
    for (const value of values) {
      const result = schemas[name]!.safeParse(value);
      assert.ok(result.success, `${name}: ${result.success || z.prettifyError(result.error)}`);
    }
  }
});

test('docs/reference/mqtt.md: QoS, retain flag and expiry of every topic are those of the contract', () => {
  const text = readFileSync(join(REFERENCE, 'mqtt.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)`\s+\| ([01])\s+\| (yes|no)\s+\| ([^|]+?)\s+\|/gm)];
  const expiry = (said: string) => {
    if (said === 'never') return null;
    return said.endsWith(' s') ? Number(said.slice(0, -2)) : said.replaceAll('`', '');
  };
  const documented = rows.map(([, topic, qos, retained, expires]) => ({
    topic: topic!,
    qos: Number(qos),
    retain: retained === 'yes',
    expirySeconds: expiry(expires!),
  }));
  const byTopic = (a: { topic: string }, b: { topic: string }) => (a.topic < b.topic ? -1 : 1);
  assert.deepEqual(documented.sort(byTopic), Object.values(CONTRACT).sort(byTopic));
});

test('what goes through the outbox is never sent with QoS 0, and a will is retained', () => {
  const { event, metrics, camera_quality, training_report, response, status } = CONTRACT;
  for (const route of [event, metrics, camera_quality, training_report, response]) {
    assert.equal(route.qos, 1, route.topic);
  }
  assert.equal(status.retain, true);
});

test('no message takes a field that it does not know', () => {
  for (const schema of Object.values(MESSAGES)) {
    const result = schema.safeParse({ surprise: 1 });
    assert.ok(result.error?.issues.some(({ code }) => code === 'unrecognized_keys'));
  }
});

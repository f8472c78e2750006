import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { HUB_COMMAND_BODIES } from '../../src/fleet/hub/server/hub-commands.js';
import { hubConfigJsonSchema, hubConfigSchema } from '../../src/fleet/hub/settings/hub-schema.js';

const SCHEMA = new URL('../../../docs/reference/fleet-hub-schema.json', import.meta.url);
const PAGE = new URL('../../../docs/reference/fleet-hub.md', import.meta.url);

test('the JSON schema of the hub is the one in the documentation', () => {
  const schema = hubConfigJsonSchema();
  if (process.env.UPDATE_HUB_SCHEMA === '1') {
    writeFileSync(SCHEMA, `${JSON.stringify(schema, null, 2)}\n`);
  }
  assert.deepEqual(JSON.parse(readFileSync(SCHEMA, 'utf8')), JSON.parse(JSON.stringify(schema)));
});

/** Leaves of a schema: paths of settings. */
function settingsOf(node: unknown, path = ''): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { properties } = node as { properties?: Record<string, unknown> };
  if (properties === undefined) return path === '' ? [] : [path];
  return Object.entries(properties).flatMap(([name, inner]) =>
    settingsOf(inner, path === '' ? name : `${path}.${name}`),
  );
}

test('every setting and every path of the hub is documented', () => {
  const page = readFileSync(PAGE, 'utf8');
  const settings = settingsOf(hubConfigJsonSchema());
  assert.ok(settings.length > 40);
  assert.deepEqual(
    settings.filter((path) => !page.includes(`\`${path}\``)),
    [],
  );
  assert.deepEqual(
    Object.keys(HUB_COMMAND_BODIES).filter((path) => !page.includes(`\`POST ${path}\``)),
    [],
  );
});

test('a file needs a store and a broker only', () => {
  const config = hubConfigSchema.parse({ store: 'sqlite:/x', mqtt: { url: 'mqtt://b' } });
  assert.deepEqual(config.rollout.stages, [0, 0.1, 1]);
});

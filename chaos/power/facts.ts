import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { presentToken } from '../../src/agent/access/console-token.js';
import { openState, type State } from '../../src/agent/open-state.js';
import { SettingsTrial, textOf } from '../../src/agent/settings/settings-trial.js';
import { HeadlandError } from '../../src/base/errors.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { pageChangesPath } from '../../src/config/settings/page-changes.js';
import { encodeHead } from '../../src/head/codec.js';
import { headsFolder } from '../../src/registry/heads-folder.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { QUARANTINE_FILE } from '../../src/samples/folder/quarantine.js';
import { type Database, findDamage } from '../../src/storage/database.js';
import { Outbox } from '../../src/telemetry/outbox/outbox.js';

/** What a robot knows after a start, each thing by its name. */
export type Facts = Readonly<Record<string, string>>;

/** A part of the state that is read and recovered by itself. */
export interface Part {
  /** Whether a path below the root belongs to it, or is a folder above it. */
  selects(path: string): boolean;
  /** Starts as the daemon does. @throws when the state cannot be opened */
  recover(root: string): Promise<Facts>;
}

/** Served heads, and others, that are kept: so few that old ones are removed in between. */
const KEEP = 3;

export const CONFIG_NAME = 'headland.yaml';

export function configOf(root: string): Config {
  return configSchema.parse({
    paths: { stateDir: stateDirOf(root), cacheDir: join(root, 'cache') },
    console: { host: '0.0.0.0' },
  });
}

export function stateDirOf(root: string): string {
  return join(root, 'state');
}

export function quarantineIn(root: string): string {
  return join(stateDirOf(root), 'quarantine');
}

export function registryIn(root: string): HeadRegistry {
  return new HeadRegistry(headsFolder(stateDirOf(root), 'main'), { keep: KEEP });
}

export function openOutbox({ database }: State): Outbox {
  return new Outbox(database, { maxBytes: 1e7, maxAgeMs: 1e12, maxInFlight: 20 });
}

const isDatabase = (path: string): boolean => path.startsWith('state/headland.db');
const isHeads = (path: string): boolean =>
  path === 'state/heads' || path.startsWith('state/heads/');

export const PARTS = {
  database: {
    // The index of the log is no file that lasts: SQLite makes it again.
    selects: (path) => path === 'state' || (isDatabase(path) && !path.endsWith('-shm')),
    recover: async (root) => {
      const state = openState(configOf(root));
      try {
        openOutbox(state);
        return databaseFacts(state.database);
      } finally {
        state.close();
      }
    },
  },
  heads: {
    selects: (path) => path === 'state' || isHeads(path),
    recover: (root) => headFacts(root),
  },
  files: {
    selects: (path) => path.startsWith('state') && !isDatabase(path) && !isHeads(path),
    recover: (root) => fileFacts(root),
  },
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

export function isPartName(name: string): name is PartName {
  return Object.hasOwn(PARTS, name);
}

/** Every row of every table. */
export function databaseFacts(database: Database): Facts {
  const tables = database
    .prepare<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%' ORDER BY name",
    )
    .all();
  const facts: Record<string, string> = { damage: findDamage(database).join('; ') };
  for (const { name } of tables) {
    const rows = database.prepare<Record<string, unknown>>(`SELECT * FROM "${name}"`).all();
    const hash = createHash('sha256');
    for (const row of rows) {
      for (const value of Object.values(row)) {
        if (value instanceof Uint8Array) hash.update(value);
        else hash.update(`${typeof value} ${String(value)}\n`);
      }
    }
    facts[`table ${name}`] = `${rows.length} rows ${hash.digest('hex')}`;
  }
  return facts;
}

async function headFacts(root: string): Promise<Facts> {
  mkdirSync(stateDirOf(root), { recursive: true });
  const registry = registryIn(root);
  await registry.recover();
  const serving = await registry.openServing();
  const facts: Record<string, string> = {
    current: String(await registry.current()),
    serving: String(serving?.card.version ?? null),
    pinned: String(await registry.pinned()),
  };
  for (const { version } of await registry.list()) {
    const { head, card, trainingGroups } = await registry.load(version);
    const hash = createHash('sha256').update(encodeHead(head));
    hash.update(JSON.stringify([card, trainingGroups, await registry.gateRecord(version)]));
    facts[`version ${version}`] = hash.digest('hex');
    facts[`trial ${version}`] = JSON.stringify(await registry.shadowTrial(version));
  }
  const { switches, pins } = await registry.history();
  for (const [index, { at, ...record }] of switches.entries()) {
    // What the start finds out by itself is dated by that start.
    const isOfTheStart = record.event === 'found' || record.event === 'fell-back';
    facts[`switch ${index}`] = JSON.stringify(isOfTheStart ? record : { at, ...record });
  }
  for (const [index, record] of pins.entries()) facts[`pin ${index}`] = JSON.stringify(record);
  return facts;
}

async function fileFacts(root: string): Promise<Facts> {
  const stateDir = stateDirOf(root);
  mkdirSync(stateDir, { recursive: true });
  const changes = pageChangesPath(stateDir);
  const trial = new SettingsTrial(changes);
  if (await trial.begin()) {
    await trial.undo(new HeadlandError('HL_INTERNAL', 'a start failed', { remedy: 'None.' }));
  }
  const facts: Record<string, string> = {
    settings: String(textOf(changes)),
    token: String(presentToken(configOf(root), {}).token),
  };
  const refused = textOf(join(quarantineIn(root), QUARANTINE_FILE)) ?? '';
  // A line that a cut has left torn is none.
  for (const line of refused.split('\n').filter(isJson)) facts[`refused ${line}`] = 'listed';
  for (const { name } of entriesOf(stateDir)) {
    const text = textOf(join(stateDir, name));
    // A copy that a cut has left torn is none: the original is still there.
    if (name === CONFIG_NAME) facts.configuration = String(text);
    else if (name.startsWith(CONFIG_NAME) && /^round: \d+\n$/.test(text ?? ''))
      facts[`kept ${name}`] = String(text);
  }
  const backbones = join(stateDir, 'backbones');
  for (const entry of entriesOf(backbones)) {
    // What an interruption left of a write has such a name.
    if (entry.name.startsWith('.')) continue;
    const path = join(backbones, entry.name);
    if (entry.isSymbolicLink()) facts[`link ${entry.name}`] = readlinkSync(path);
    else if (entry.isDirectory()) {
      const files = readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'utf8')]);
      facts[`folder ${entry.name}`] = JSON.stringify(files);
    } else facts[`file ${entry.name}`] = readFileSync(path, 'utf8');
  }
  return facts;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/**
 * Compares what a robot knows after a cut with what it had acknowledged.
 * @param before what it knew after the last action that it acknowledged
 * @param after what it would know after the action in progress; null: none was
 * @returns the first difference; null: nothing acknowledged is lost and nothing is invented
 */
export function differenceOf(found: Facts, before: Facts, after: Facts | null): string | null {
  const then = after ?? before;
  for (const name of new Set([before, then, found].flatMap(Object.keys))) {
    const value = found[name];
    if (value === before[name] || value === then[name]) continue;
    if (after !== null && isHalfASwitch(name, value, before, after)) continue;
    const expected = new Set([before[name], then[name]]);
    return `${name} is ${brief(value)}, not ${[...expected].map(brief).join(' or ')}`;
  }
  return null;
}

function brief(value: string | undefined): string {
  return value === undefined || value.length <= 120 ? `${value}` : `${value.slice(0, 120)}…`;
}

/** A switch of the head has several steps; each by itself leaves the robot with a whole head. */
function isHalfASwitch(
  name: string,
  value: string | undefined,
  before: Facts,
  after: Facts,
): boolean {
  if (name === 'pinned') return before.current !== after.current && value === 'null';
  return name.startsWith('switch ') && /"event":"(?:found|fell-back)"/.test(value ?? '');
}

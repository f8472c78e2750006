import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { HeadlandError, messageOf } from '../base/errors.js';
import { issueText } from '../base/words/issue-text.js';
import { readYaml } from '../base/words/read-yaml.js';
import { decodeText } from '../base/words/text.js';
import { crossChecks, sectionChecks } from './cross-checks.js';
import { type KerasName, kerasName } from './keras-names.js';
import type { ConfigProblem } from './mistakes/config-problem.js';
import { type Locate, locator } from './mistakes/locate.js';
import { asWritten, meantValue } from './mistakes/meant-value.js';
import { nearestName } from './mistakes/nearest-name.js';
import { type Config, configSchema } from './schema.js';
import { pageChangesPath, readPageChanges, withPageChanges } from './settings/page-changes.js';
import { addedByHand } from './settings/schema-notes.js';
import { pathText, valueAt } from './settings/setting-path.js';

const MAX_CONFIG_BYTES = 262_144;
/** More are not described: the wrong file was named. */
const MAX_PROBLEMS = 50;

/** A configuration file, with the changes of the page on top where the daemon may not write the file. */
export interface LayeredConfig {
  config: Config;
  /** Why the changes of the page are not used, all or some of them; null: they are, or there are none. */
  refused: HeadlandError | null;
}

/**
 * Reads, validates and freezes a YAML configuration file, with the changes of the page on top.
 * @throws HeadlandError HL_CONFIG_NOT_FOUND, HL_CONFIG_UNREADABLE, HL_CONFIG_ENCODING,
 *   HL_CONFIG_SYNTAX, HL_CONFIG_INVALID (its details list every problem)
 */
export function loadConfigFile(path: string): Config {
  return loadLayeredConfig(path).config;
}

/**
 * As {@link loadConfigFile}. Changes of the page that cannot be used are left out: the file alone applies.
 * @throws HeadlandError as {@link loadConfigFile}
 */
export function loadLayeredConfig(path: string): LayeredConfig {
  const { value: written, locate } = parseYaml(readConfigFile(path), path);
  try {
    const { values, overtaken } = withChangesOfThePage(written);
    const config = validateConfig(values, path, { locate });
    return { config, refused: overtaken.length === 0 ? null : overtakenBy(path, overtaken) };
  } catch (error) {
    const config = validateConfig(written, path, { locate });
    if (!(error instanceof HeadlandError)) throw error;
    return { config, refused: changesRefused(error) };
  }
}

/** @throws HeadlandError HL_CONFIG_CHANGES */
function withChangesOfThePage(written: unknown): ReturnType<typeof withPageChanges> {
  const stateDir =
    valueAt(written, ['paths', 'stateDir']) ?? configSchema.shape.paths.parse({}).stateDir;
  const changes = typeof stateDir === 'string' ? readPageChanges(pageChangesPath(stateDir)) : [];
  if (changes.length === 0) return { values: written, overtaken: [] };
  const layered = withPageChanges(written, changes);
  // The user of the daemon may write them, and root reads them.
  const forbidden = addedByHand(written, layered.values);
  if (changes.some(({ path }) => /^paths(\.|$)/.test(path))) forbidden.push('paths');
  if (forbidden.length > 0) throw changesForbidden(forbidden);
  return layered;
}

function changesForbidden(places: readonly string[]): HeadlandError {
  return new HeadlandError(
    'HL_CONFIG_CHANGES',
    `the page may not change ${places.join(' and ')} of this robot`,
    {
      remedy:
        'Change it in the configuration file, as root, then reload: systemctl reload headland',
    },
  );
}

function overtakenBy(path: string, overtaken: readonly string[]): HeadlandError {
  const places = overtaken.join(' and ');
  return new HeadlandError(
    'HL_CONFIG_CHANGES',
    `${path} has been edited: the change of ${places} made on the page no longer applies`,
    { remedy: 'Nothing, if the file says what is wanted; else make the change again on the page.' },
  );
}

function changesRefused(error: HeadlandError): HeadlandError {
  if (error.code === 'HL_CONFIG_CHANGES') return error;
  return new HeadlandError(
    'HL_CONFIG_CHANGES',
    `the changes made on the page are not used: ${error.message}`,
    {
      remedy: 'Correct the settings named, on the page or in the configuration file.',
      details: error.details,
      cause: error,
    },
  );
}

/**
 * Reads one section of a configuration file, with its defaults, and ignores errors in all others. For
 * actions that must work although the daemon cannot start.
 * @throws HeadlandError as {@link loadConfigFile}, for this section alone
 */
export function loadSection<Name extends keyof Config>(path: string, name: Name): Config[Name] {
  const { value, locate } = parseYaml(readConfigFile(path), path);
  const given = valueAt(withUsableChanges(value), [name]);
  const section = given === undefined ? {} : { [name]: given };
  return validateConfig(section, path, { check: sectionChecks, locate })[name];
}

function withUsableChanges(written: unknown): unknown {
  try {
    return withChangesOfThePage(written).values;
  } catch {
    return written;
  }
}

function readConfigFile(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new HeadlandError(
      missing ? 'HL_CONFIG_NOT_FOUND' : 'HL_CONFIG_UNREADABLE',
      `cannot read the configuration file ${path}: ${messageOf(error)}`,
      {
        remedy: missing
          ? 'Create this file, or name another one: --config FILE. An empty file is valid: every setting has a default.'
          : 'Name a YAML file that this user may read: --config FILE.',
        cause: error,
      },
    );
  }
  const decoded = decodeText(bytes);
  if (decoded.encoding === 'UTF-8') return decoded.text;
  const fault =
    decoded.encoding === 'unknown'
      ? decoded.fault
      : `is encoded in ${decoded.encoding}; a configuration must be UTF-8`;
  throw new HeadlandError('HL_CONFIG_ENCODING', `${path} ${fault}`, {
    remedy:
      'Save the file as UTF-8: with Notepad "Save as", Encoding "UTF-8"; or iconv -f UTF-16 -t UTF-8 IN > OUT.',
    details: { path, encoding: decoded.encoding },
  });
}

/** Validates the text of a configuration file; throws as {@link loadConfigFile}. */
export function parseConfig(text: string, origin = 'configuration'): Config {
  const { value, locate } = parseYaml(text, origin);
  return validateConfig(value, origin, { locate });
}

function parseYaml(text: string, origin: string): { value: unknown; locate: Locate } {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) {
    throw new HeadlandError('HL_CONFIG_SYNTAX', `${origin} is larger than 256 KiB`, {
      remedy: 'Name the right file: a configuration has a few kilobytes.',
    });
  }
  const { document, value, lines, fault, isBomb } = readYaml(text);
  if (document !== null) return { value, locate: locator(document, lines) };
  throw new HeadlandError(
    'HL_CONFIG_SYNTAX',
    isBomb ? `${origin} cannot be read: ${fault}` : `${origin} is not YAML: ${fault?.trimEnd()}`,
    {
      remedy: isBomb
        ? 'Write the values out instead of using aliases (`*name`).'
        : 'Correct the line that the message shows. Indent with two spaces, not with tabs.',
    },
  );
}

export interface ValidateOptions {
  check?: (config: Config) => ConfigProblem[];
  /** Where the values stand in a file. */
  locate?: Locate;
}

/**
 * Validates plain values, fills in defaults and freezes the result.
 * @param origin name of the file in messages
 * @throws HeadlandError HL_CONFIG_INVALID: after a heading, one problem a line:
 *   `file:line: setting: what is wrong`
 */
export function validateConfig(
  value: unknown,
  origin = 'configuration',
  { check = crossChecks, locate = () => null }: ValidateOptions = {},
): Config {
  // To compile functions for each object takes longer than one file does without them.
  const result = configSchema.safeParse(value, { error: issueText, jitless: true });
  const issues = result.success ? [] : result.error.issues;
  const found = result.success
    ? check(result.data)
    : issues.slice(0, MAX_PROBLEMS).flatMap((issue) => describeIssue(issue, value));
  if (found.length === 0 && result.success) return deepFreeze(result.data);
  const total = Math.max(
    found.length,
    issues.map(problemsOf).reduce((sum, one) => sum + one, 0),
  );
  const problems = found
    .slice(0, MAX_PROBLEMS)
    .map((problem) => {
      const line = locate(problem.path);
      return line === null ? problem : { ...problem, line };
    })
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = problems.map(({ path, message, line }) => {
    const where = line === undefined ? origin : `${origin}:${line}`;
    return `${where}: ${path || 'the file'}: ${message}`;
  });
  const count = `${total} ${total === 1 ? 'problem' : 'problems'} in ${origin}`;
  const heading = total > lines.length ? `${count}; the first ${lines.length}:` : count;
  throw new HeadlandError('HL_CONFIG_INVALID', [heading, ...lines].join('\n'), {
    remedy: 'Correct the settings named. `headland config schema` lists every setting.',
    details: { problems },
  });
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue): number {
  return issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
}

function describeIssue(issue: Issue, root: unknown): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path, root);
    return issue.keys.slice(0, MAX_PROBLEMS).map((key) => {
      const path = pathText([...issue.path, key]);
      const keras = kerasName(key);
      if (keras) return { path, message: describeKerasName(keras, pathText(issue.path)) };
      const nearest = nearestName(key, known);
      return {
        path,
        message: nearest ? `unknown setting; did you mean "${nearest}"?` : 'unknown setting',
      };
    });
  }
  if (issue.code === 'invalid_union' && issue.errors[0]) {
    const shortest = issue.errors.reduce((best, errors) =>
      errors.length < best.length ? errors : best,
    );
    return shortest.flatMap((inner) =>
      describeIssue({ ...inner, path: [...issue.path, ...inner.path] } as Issue, root),
    );
  }
  return [{ path: pathText(issue.path), message: describeValue(issue, root) }];
}

/** What is wrong with a value, and what was probably meant. */
function describeValue(issue: Issue, root: unknown): string {
  const wrong = valueIn(root, issue.path);
  const allowed = issue.code === 'invalid_value' ? issue.values : [];
  const isText = typeof wrong === 'string' || typeof wrong === 'number';
  const names = issue.code === 'invalid_union' ? namesOfUnion(issue, root) : [];
  const message =
    names.length > 0
      ? `must be ${names.map((name) => JSON.stringify(name)).join(' or ')}`
      : issue.message;
  const told = issue.code === 'invalid_value' || names.length > 0;
  const but = isText && told ? `, not ${asWritten(wrong)}` : '';
  if (wrong === undefined) return message;
  const setting = String(issue.path.findLast((part) => typeof part === 'string') ?? '');
  const meant = meantValue(setting, wrong, [...allowed, ...names], (candidate) =>
    isAccepted(root, issue.path, candidate),
  );
  const proposal = meant === undefined ? '' : `; did you mean ${asWritten(meant)}?`;
  return `${message}${but}${proposal}`;
}

/** Whether the schema takes a value at a path; what else is wrong does not matter. */
function isAccepted(root: unknown, path: readonly PropertyKey[], value: unknown): boolean {
  if (path.length === 0) return false;
  const copy: unknown = structuredClone(root);
  const parent = valueIn(copy, path.slice(0, -1));
  if (typeof parent !== 'object' || parent === null) return false;
  Reflect.set(parent, path.at(-1)!, value);
  const result = configSchema.safeParse(copy);
  if (result.success) return true;
  return !result.error.issues.some(
    (issue) => path.every((part, i) => issue.path[i] === part) || isUnionAround(issue, path),
  );
}

/** A union whose members all fail reports at its own path. */
function isUnionAround(issue: Issue, path: readonly PropertyKey[]): boolean {
  return (
    issue.code === 'invalid_union' &&
    issue.path.every((part, i) => path[i] === part) &&
    issue.errors.every((errors) =>
      errors.some((inner) => path.every((part, i) => [...issue.path, ...inner.path][i] === part)),
    )
  );
}

/** Names of the members of a union that is told apart by a setting such as `driver`. */
function namesOfUnion(issue: Issue, root: unknown): string[] {
  const node = schemaAt(issue.path.slice(0, -1), root);
  const key = String(issue.path.at(-1));
  return (node?.def.options ?? []).flatMap((member) =>
    (unwrap(unwrap(member).def.shape?.[key] ?? node!).def.values ?? []).filter(
      (name) => typeof name === 'string',
    ),
  );
}

/** As {@link valueAt}, of a path of the schema library. */
function valueIn(root: unknown, path: readonly PropertyKey[]): unknown {
  return valueAt(
    root,
    path.filter((part) => typeof part !== 'symbol'),
  );
}

/** @param section where the name was used; the counterparts of Keras' names are in `augmentation` */
function describeKerasName({ setting, note }: KerasName, section: string): string {
  if (setting === null) return `unknown setting: a Keras name without a counterpart: ${note}`;
  const name = section === 'augmentation' ? setting : `augmentation.${setting}`;
  return `unknown setting: a Keras name; did you mean "${name}"?${note ? ` (${note})` : ''}`;
}

/** Valid names at a path of the document: walks zod's definition and the document in parallel. */
function knownKeys(path: readonly PropertyKey[], root: unknown): string[] {
  const schema = schemaAt(path, root);
  return schema === null
    ? []
    : Object.keys(pickMember(schema, valueIn(root, path)).def.shape ?? {});
}

/** The schema at a path, where that is a union with all its members; null: none is there. */
function schemaAt(path: readonly PropertyKey[], root: unknown): SchemaNode | null {
  let schema = unwrap(configSchema as unknown as SchemaNode);
  let value = root;
  for (const part of path) {
    schema = pickMember(schema, value);
    value = (value as Record<PropertyKey, unknown> | undefined)?.[part];
    const next =
      schema.def.type === 'array' ? schema.def.element : schema.def.shape?.[String(part)];
    if (!next) return null;
    schema = unwrap(next);
  }
  return schema;
}

interface SchemaNode {
  def: {
    type: string;
    innerType?: SchemaNode;
    /** The input schema of a transform. */
    in?: SchemaNode;
    /** Makes the schema of `z.lazy`. */
    getter?: () => SchemaNode;
    element?: SchemaNode;
    shape?: Record<string, SchemaNode>;
    options?: SchemaNode[];
    values?: unknown[];
  };
}

function unwrap(schema: SchemaNode): SchemaNode {
  let node = schema;
  for (;;) {
    const inner = node.def.innerType ?? node.def.in ?? node.def.getter?.();
    if (!inner) return node;
    node = inner;
  }
}

/** The member of a union that fits a value: by its driver, else by the number of shared keys. */
function pickMember(schema: SchemaNode, value: unknown): SchemaNode {
  const options = schema.def.options;
  if (!options) return schema;
  const keys = Object.keys((value as object | null) ?? {});
  const driver = (value as { driver?: unknown } | null)?.driver;
  const members = options.map(unwrap).filter((member) => member.def.shape);
  return (
    members.find((member) =>
      unwrap(member.def.shape!.driver ?? schema).def.values?.includes(driver),
    ) ??
    members.sort((a, b) => shared(b, keys) - shared(a, keys))[0] ??
    schema
  );
}

function shared(member: SchemaNode, keys: string[]): number {
  return keys.filter((key) => key in (member.def.shape ?? {})).length;
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}

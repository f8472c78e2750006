import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { HeadlandError, messageOf } from '../base/errors.js';
import { issueText } from '../base/words/issue-text.js';
import { decodeText } from '../base/words/text.js';
import { crossChecks, sectionChecks } from './cross-checks.js';
import { type KerasName, kerasName } from './keras-names.js';
import type { ConfigProblem } from './mistakes/config-problem.js';
import { type Locate, locator } from './mistakes/locate.js';
import { asWritten, meantValue } from './mistakes/meant-value.js';
import { nearestName } from './mistakes/nearest-name.js';
import { type Config, configSchema } from './schema.js';

const MAX_CONFIG_BYTES = 1_048_576;

/**
 * Reads, validates and freezes a YAML configuration file.
 * @throws HeadlandError HL_CONFIG_NOT_FOUND, HL_CONFIG_UNREADABLE, HL_CONFIG_ENCODING,
 *   HL_CONFIG_SYNTAX, HL_CONFIG_INVALID (its details list every problem)
 */
export function loadConfigFile(path: string): Config {
  return parseConfig(readConfigFile(path), path);
}

/**
 * Reads one section of a configuration file, with its defaults, and ignores errors in all others. For
 * actions that must work although the daemon cannot start.
 * @throws HeadlandError as {@link loadConfigFile}, for this section alone
 */
export function loadSection<Name extends keyof Config>(path: string, name: Name): Config[Name] {
  const { value, locate } = parseYaml(readConfigFile(path), path);
  const given = (value as Partial<Record<string, unknown>> | null)?.[name];
  const section = given === undefined ? {} : { [name]: given };
  return validateConfig(section, path, { check: sectionChecks, locate })[name];
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
    throw new HeadlandError('HL_CONFIG_SYNTAX', `${origin} is larger than 1 MiB`, {
      remedy: 'Name the right file: a configuration has a few kilobytes.',
    });
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, lineCounter });
  const [syntaxError] = document.errors;
  if (syntaxError) {
    throw new HeadlandError(
      'HL_CONFIG_SYNTAX',
      `${origin} is not YAML: ${syntaxError.message.trimEnd()}`,
      {
        remedy: 'Correct the line that the message shows. Indent with two spaces, not with tabs.',
        cause: syntaxError,
      },
    );
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    return { value, locate: locator(document, lineCounter) };
  } catch (error) {
    throw new HeadlandError('HL_CONFIG_SYNTAX', `${origin} cannot be read: ${messageOf(error)}`, {
      remedy: 'Write the values out instead of using aliases (`*name`).',
      cause: error,
    });
  }
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
  const result = configSchema.safeParse(value, { error: issueText });
  const found = result.success
    ? check(result.data)
    : result.error.issues.flatMap((issue) => describeIssue(issue, value));
  if (found.length === 0 && result.success) return deepFreeze(result.data);
  const problems = found
    .map((problem) => {
      const line = locate(problem.path);
      return line === null ? problem : { ...problem, line };
    })
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = problems.map(({ path, message, line }) => {
    const where = line === undefined ? origin : `${origin}:${line}`;
    return `${where}: ${path || 'the file'}: ${message}`;
  });
  const count = `${lines.length} ${lines.length === 1 ? 'problem' : 'problems'}`;
  throw new HeadlandError('HL_CONFIG_INVALID', [`${count} in ${origin}`, ...lines].join('\n'), {
    remedy: 'Correct the settings named. `headland config schema` lists every setting.',
    details: { problems },
  });
}

type Issue = z.core.$ZodIssue;

function describeIssue(issue: Issue, root: unknown): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = joinPath([...issue.path, key]);
      const keras = kerasName(key);
      if (keras) return { path, message: describeKerasName(keras, joinPath(issue.path)) };
      const nearest = nearestName(key, knownKeys(issue.path, root));
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
  return [{ path: joinPath(issue.path), message: describeValue(issue, root) }];
}

/** What is wrong with a value, and what was probably meant. */
function describeValue(issue: Issue, root: unknown): string {
  const wrong = valueAt(root, issue.path);
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
  const parent = valueAt(copy, path.slice(0, -1));
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

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown> | null | undefined)?.[part],
    root,
  );
}

/** @param section where the name was used; the counterparts of Keras' names are in `augmentation` */
function describeKerasName({ setting, note }: KerasName, section: string): string {
  if (setting === null) return `unknown setting: a Keras name without a counterpart: ${note}`;
  const name = section === 'augmentation' ? setting : `augmentation.${setting}`;
  return `unknown setting: a Keras name; did you mean "${name}"?${note ? ` (${note})` : ''}`;
}

function joinPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number'
        ? `${text}[${part}]`
        : text
          ? `${text}.${String(part)}`
          : `${String(part)}`,
    '',
  );
}

/** Valid names at a path of the document: walks zod's definition and the document in parallel. */
function knownKeys(path: readonly PropertyKey[], root: unknown): string[] {
  const schema = schemaAt(path, root);
  return schema === null
    ? []
    : Object.keys(pickMember(schema, valueAt(root, path)).def.shape ?? {});
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
    element?: SchemaNode;
    shape?: Record<string, SchemaNode>;
    options?: SchemaNode[];
    values?: unknown[];
  };
}

function unwrap(schema: SchemaNode): SchemaNode {
  let node = schema;
  for (;;) {
    const inner = node.def.innerType ?? node.def.in;
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

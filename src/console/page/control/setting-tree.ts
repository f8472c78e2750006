/** A part of the JSON Schema of the settings, as far as the page reads it. */
export interface SettingSchema {
  type?: string | readonly string[];
  description?: string;
  default?: unknown;
  enum?: readonly (string | number)[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  properties?: Readonly<Record<string, SettingSchema>>;
  items?: SettingSchema;
  anyOf?: readonly SettingSchema[];
  oneOf?: readonly SettingSchema[];
  requiresRestart?: boolean;
  onlyByHand?: boolean;
}

/** How a setting is edited. `text`: anything else, as JSON. */
export type SettingKind = 'switch' | 'number' | 'words' | 'choice' | 'list' | 'json';

/** One setting that can be edited by itself. */
export interface Setting {
  path: readonly string[];
  kind: SettingKind;
  schema: SettingSchema;
  nullable: boolean;
}

/** All settings of a section, in the order of the schema; sections inside it are opened. */
export function settingsOf(path: readonly string[], schema: SettingSchema): Setting[] {
  const { properties } = schema;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([name, part]) => settingsOf([...path, name], part));
  }
  const { kind, nullable, part } = kindOf(schema);
  return [{ path, kind, schema: { ...part, ...about(schema) }, nullable }];
}

function about({ description, default: usual, requiresRestart, onlyByHand }: SettingSchema) {
  return {
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
    ...(requiresRestart === undefined ? {} : { requiresRestart }),
    ...(onlyByHand === undefined ? {} : { onlyByHand }),
  };
}

function kindOf(schema: SettingSchema): {
  kind: SettingKind;
  nullable: boolean;
  part: SettingSchema;
} {
  const { anyOf = schema.oneOf } = schema;
  if (anyOf !== undefined) {
    const others = anyOf.filter(({ type }) => type !== 'null');
    const [only] = others;
    if (others.length === 1 && only !== undefined) {
      return { ...kindOf(only), nullable: others.length < anyOf.length };
    }
    return { kind: 'json', nullable: others.length < anyOf.length, part: schema };
  }
  const types = [schema.type ?? []].flat();
  const nullable = types.includes('null');
  const [type] = types.filter((each) => each !== 'null');
  return { kind: simpleKind(schema, type), nullable, part: schema };
}

function simpleKind(schema: SettingSchema, type: string | undefined): SettingKind {
  if (schema.enum !== undefined) return 'choice';
  if (type === 'boolean') return 'switch';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string') return 'words';
  const { items } = schema;
  return type === 'array' && items?.type === 'string' && !items.enum ? 'list' : 'json';
}

/** The value at a path of the settings; undefined: it is not given. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../base/values/is-record.js';
import { configJsonSchema } from '../json-schema.js';
import type { Config } from '../schema.js';

/**
 * What the schema notes about a setting. `requiresRestart`: a reload cannot change it. `onlyByHand`: it
 * names a program, a library or the file of a secret, so that only who may edit the file sets it.
 */
export type SchemaNote = 'requiresRestart' | 'onlyByHand';

/** A value at a noted place; entries of lists have the place of the list: `alerts.rules[].command`. */
interface Noted {
  place: string;
  value: unknown;
}

/**
 * Every value at a place with a note; a place without a value is left out.
 * @param schema of the value; undefined: it has none, and is in no known place
 */
function notedIn(note: SchemaNote, value: unknown, schema: unknown, place: string): Noted[] {
  if (!isRecord(schema) || value === undefined) return [];
  if (schema[note] === true) return [{ place, value }];
  const members = [schema.anyOf, schema.oneOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  const found = members.flatMap((member) => notedIn(note, value, member, place));
  if (Array.isArray(value)) {
    const { items } = schema;
    return [...found, ...value.flatMap((entry) => notedIn(note, entry, items, `${place}[]`))];
  }
  const { properties } = schema;
  if (!isRecord(value) || !isRecord(properties)) return found;
  const inner = Object.entries(value).flatMap(([key, each]) =>
    notedIn(note, each, properties[key], place === '' ? key : `${place}.${key}`),
  );
  return [...found, ...inner];
}

/**
 * The settings in which two configurations differ and that no reload can change.
 * @param schema that of {@link configJsonSchema}, for those who have it: it takes long to make
 */
export function needsRestart(before: Config, next: Config, schema = configJsonSchema()): string[] {
  const nextValues = notedIn('requiresRestart', next, schema, '');
  return notedIn('requiresRestart', before, schema, '')
    .filter(({ place, value }) =>
      nextValues.some((other) => other.place === place && other.value !== value),
    )
    .map(({ place }) => place);
}

/**
 * The places with the note `onlyByHand` that have values in `next` that they do not have in `before`.
 * Such values may move within lists, and they may go.
 * @param schema as in {@link needsRestart}
 */
export function addedByHand(before: unknown, next: unknown, schema = configJsonSchema()): string[] {
  const known = notedIn('onlyByHand', before, schema, '');
  const added = notedIn('onlyByHand', next, schema, '').filter(
    ({ place, value }) =>
      value !== null &&
      !known.some((each) => each.place === place && isDeepStrictEqual(each.value, value)),
  );
  return [...new Set(added.map(({ place }) => place))];
}

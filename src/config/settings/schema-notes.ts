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

/** Every value at a place with this note; a place without a value is left out. */
function notedValues(
  note: SchemaNote,
  value: unknown,
  schema: unknown = configJsonSchema(),
  place = '',
): Noted[] {
  if (!isRecord(schema) || value === undefined) return [];
  if (schema[note] === true) return [{ place, value }];
  const members = [schema.anyOf, schema.oneOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  const found = members.flatMap((member) => notedValues(note, value, member, place));
  if (Array.isArray(value)) {
    return [
      ...found,
      ...value.flatMap((entry) => notedValues(note, entry, schema.items, `${place}[]`)),
    ];
  }
  const { properties } = schema;
  if (!isRecord(value) || !isRecord(properties)) return found;
  const inner = Object.entries(value).flatMap(([key, each]) =>
    notedValues(note, each, properties[key], place === '' ? key : `${place}.${key}`),
  );
  return [...found, ...inner];
}

/** The settings in which two configurations differ and that no reload can change. */
export function needsRestart(before: Config, next: Config): string[] {
  const nextValues = notedValues('requiresRestart', next);
  return notedValues('requiresRestart', before)
    .filter(({ place, value }) =>
      nextValues.some((other) => other.place === place && other.value !== value),
    )
    .map(({ place }) => place);
}

/**
 * The places with the note `onlyByHand` that have values in `next` that they do not have in `before`.
 * Such values may move within lists, and they may go.
 */
export function addedByHand(before: unknown, next: unknown): string[] {
  const known = notedValues('onlyByHand', before);
  const added = notedValues('onlyByHand', next).filter(
    ({ place, value }) =>
      value !== null &&
      !known.some((each) => each.place === place && isDeepStrictEqual(each.value, value)),
  );
  return [...new Set(added.map(({ place }) => place))];
}

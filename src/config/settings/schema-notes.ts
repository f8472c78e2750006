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
function notedValues(note: SchemaNote, values: unknown): Noted[] {
  const found: Noted[] = [];
  const walk = (schema: unknown, value: unknown, place: string): void => {
    if (!isRecord(schema) || value === undefined) return;
    if (schema[note] === true) {
      found.push({ place, value });
      return;
    }
    for (const list of [schema.anyOf, schema.oneOf]) {
      if (Array.isArray(list)) for (const member of list) walk(member, value, place);
    }
    if (Array.isArray(value)) {
      for (const entry of value) walk(schema.items, entry, `${place}[]`);
    } else if (isRecord(value) && isRecord(schema.properties)) {
      for (const [key, inner] of Object.entries(value)) {
        walk(schema.properties[key], inner, place === '' ? key : `${place}.${key}`);
      }
    }
  };
  walk(configJsonSchema(), values, '');
  return found;
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

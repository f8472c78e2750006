import { type Document, isCollection, isMap, isNode, isSeq, parseDocument } from 'yaml';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { IMPLIED_CAMERAS } from '../sections/cameras.js';
import type { SettingChange } from './setting-change.js';
import { parsePath, pathText, type SettingPath } from './setting-path.js';

/** The text of a configuration file, which changes keep as it is: with its comments and its order. */
export class YamlSettings {
  /** @param text YAML without errors of syntax */
  constructor(readonly text: string) {}

  /** The settings as written, not validated. */
  get values(): unknown {
    return parseDocument(this.text).toJS() ?? {};
  }

  /**
   * The text with changes, one after another.
   * @throws HeadlandError HL_SETTINGS_PATH
   */
  with(changes: readonly SettingChange[]): YamlSettings {
    if (changes.length === 0) return this;
    const document = parseDocument(this.text);
    for (const change of changes) {
      const path = parsePath(change.path);
      try {
        if (change.value === undefined) remove(document, path);
        else put(document, path, change.value);
      } catch (cause) {
        if (cause instanceof HeadlandError) throw cause;
        throw unchangeable(change.path, messageOf(cause), cause);
      }
    }
    return new YamlSettings(document.toString({ lineWidth: 0 }));
  }
}

function put(document: Document, path: SettingPath, value: unknown): void {
  makeParents(document, path);
  const last = path.at(-1)!;
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isSeq(parent) && (typeof last !== 'number' || last > parent.items.length)) {
    throw unchangeable(pathText(path), `the list has ${parent.items.length} entries`);
  }
  const node = document.createNode(value);
  const present = document.getIn(path, true);
  // What is said about a setting stays true of its new value.
  if (isNode(present)) {
    node.comment = present.comment ?? null;
    node.commentBefore = present.commentBefore ?? null;
    if (present.spaceBefore !== undefined) node.spaceBefore = present.spaceBefore;
  }
  document.setIn(path, node);
}

/** Makes the sections and lists around a setting that are not written yet. */
function makeParents(document: Document, path: SettingPath): void {
  if (document.contents === null) document.contents = document.createNode({}) as never;
  for (let length = 1; length < path.length; length++) {
    const place = path.slice(0, length);
    const present = document.getIn(place, true);
    if (isCollection(present)) continue;
    if (document.getIn(place) !== undefined && document.getIn(place) !== null) {
      throw unchangeable(pathText(path), `${pathText(place)} is one value, or an alias`);
    }
    document.setIn(place, document.createNode(emptyFor(place, path[length]!)));
  }
}

/** What a section or a list holds that is not written yet. */
function emptyFor(place: SettingPath, next: string | number): object {
  if (place.length === 1 && place[0] === 'cameras') return IMPLIED_CAMERAS;
  return typeof next === 'number' ? [] : {};
}

/** Removes a setting, and the sections that it leaves empty. */
function remove(document: Document, path: SettingPath): void {
  if (document.getIn(path, true) === undefined) return;
  document.deleteIn(path);
  for (let length = path.length - 1; length > 0; length--) {
    const place = path.slice(0, length);
    const left = document.getIn(place, true);
    if (!isMap(left) || left.items.length > 0) return;
    const around = document.getIn(place.slice(0, -1), true);
    if (length > 1 && isSeq(around)) return;
    document.deleteIn(place);
  }
}

function unchangeable(path: string, why: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_SETTINGS_PATH', `cannot change ${path}: ${why}`, {
    remedy: 'Change it in the file with an editor, or change the part around it as a whole.',
    cause,
  });
}

import { HeadlandError } from '../errors.js';
import { visible } from './text.js';

/** The decision's word for "none of the classes": nobody can teach it as a class. */
export const UNKNOWN_LABEL = 'unknown';

/** Characters of a label at most, as people count them: an emoji is one. */
export const MAX_LABEL_CHARACTERS = 64;
/** A label also names a folder when samples are exported. */
const MAX_BYTES = 255;
/** No text that could become a label is longer: two UTF-16 units a character, twice for marks. */
export const MAX_LABEL_TEXT = 4 * MAX_LABEL_CHARACTERS;

/** In emoji such as a farmer (person, joiner, sheaf of rice), and after signs that it colours. */
const EMOJI_JOINTS =
  /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d(?=\p{Extended_Pictographic})|(?<=[\p{Extended_Pictographic}#*0-9])(?:\ufe0e|\ufe0f)/gu;
/** Scripts that are spelt with joiners. */
const SPELT_WITH_JOINERS =
  '\\p{Script=Arabic}\\p{Script=Bengali}\\p{Script=Devanagari}\\p{Script=Gujarati}\\p{Script=Gurmukhi}\\p{Script=Kannada}\\p{Script=Khmer}\\p{Script=Malayalam}\\p{Script=Mongolian}\\p{Script=Oriya}\\p{Script=Sinhala}\\p{Script=Tamil}\\p{Script=Telugu}';
const SCRIPT_JOINTS = new RegExp(
  `(?<=[${SPELT_WITH_JOINERS}]\\p{M}*)[\\u200c\\u200d](?=[${SPELT_WITH_JOINERS}])`,
  'gu',
);

/** Letters of other scripts that look like the Latin ones at the same place below. */
const LOOK_LATIN = 'авеёіјкмнорѕстухԁһαεικνορτυχ';
const LATIN_LOOKS = 'abeëijkmhopsctyxdhaeikvoptux';

/**
 * The one spelling of a label, at every door: Unicode NFC, no space around it, plain single spaces
 * inside; 1 to 64 characters that can be seen, without "/", not beginning with ".", not "unknown".
 * @throws HeadlandError HL_LABEL_INVALID
 */
export function normaliseLabel(text: string): string {
  const label = text
    .normalize('NFC')
    .replaceAll(/[\p{Zs}]+/gu, ' ')
    .trim();
  const reason = faultOf(label);
  if (reason === null) return label;
  throw new HeadlandError('HL_LABEL_INVALID', `label "${visible(text.slice(0, 100))}" ${reason}`, {
    remedy: `Use 1 to ${MAX_LABEL_CHARACTERS} visible characters without "/", not beginning with ".", and not "${UNKNOWN_LABEL}".`,
    details: { label: text.slice(0, 100) },
  });
}

/**
 * What is left of a label when all is taken away that people overlook: case, width, invisible
 * characters, the kind of space between words, letters of other scripts that look Latin. Two labels
 * with the same key are one class in most people's minds.
 */
export function labelKey(label: string): string {
  const plain = label
    .normalize('NFKC')
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
    .normalize('NFKC');
  return [...plain]
    .map((letter) => LATIN_LOOKS[LOOK_LATIN.indexOf(letter)] ?? letter)
    .join('')
    .replaceAll(/(?<=[\p{L}\p{M}\p{N}])[\s_-]+(?=[\p{L}\p{N}])/gu, ' ')
    .trim();
}

/** The label among `known` that looks like `label` without being it; null when there is none. */
export function alikeLabel(label: string, known: Iterable<string>): string | null {
  const key = labelKey(label);
  let alike: string | null = null;
  for (const other of known) {
    if (other === label) return null;
    if (alike === null && labelKey(other) === key) alike = other;
  }
  return alike;
}

/**
 * Which label each label becomes when those that look alike are one: the first of `known` among them,
 * else the one of most `counts`. Labels of `known` stay what they are.
 * @returns by label, only those that change
 */
export function joinAlike(
  counts: ReadonlyMap<string, number>,
  known: readonly string[] = [],
): Map<string, string> {
  const byKey = new Map<string, string[]>();
  for (const label of new Set([...known, ...counts.keys()])) {
    const key = labelKey(label);
    const labels = byKey.get(key);
    if (labels) labels.push(label);
    else byKey.set(key, [label]);
  }
  const joined = new Map<string, string>();
  const stored = new Set(known);
  for (const labels of byKey.values()) {
    const kept =
      labels.find((label) => stored.has(label)) ??
      labels.reduce((a, b) => ((counts.get(b) ?? 0) > (counts.get(a) ?? 0) ? b : a));
    for (const label of labels) if (label !== kept && !stored.has(label)) joined.set(label, kept);
  }
  return joined;
}

function faultOf(label: string): string | null {
  if (label === '') return 'is empty';
  if ([...label].length > MAX_LABEL_CHARACTERS)
    return `is longer than ${MAX_LABEL_CHARACTERS} characters`;
  if (Buffer.byteLength(label) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(label)) return 'has a control character';
  if (label.includes('\ufffd')) return 'has a character that was lost in a wrong encoding';
  const hidden = hiddenCharacter(label);
  if (hidden !== null) return hidden;
  if (label.includes('/')) return 'has a "/"';
  if (label.startsWith('.')) return 'begins with "."';
  if (labelKey(label) === UNKNOWN_LABEL) return 'is reserved for what no class fits';
  return null;
}

/** What cannot be seen, but for the joints that emoji and some scripts are spelt with. */
function hiddenCharacter(label: string): string | null {
  const rest = label.replaceAll(EMOJI_JOINTS, '').replaceAll(SCRIPT_JOINTS, '');
  const found = /[\p{Default_Ignorable_Code_Point}\u2800]/u.exec(rest);
  if (found === null) return null;
  const code = found[0].codePointAt(0) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return /\p{Bidi_Control}/u.test(found[0])
    ? `has a character that turns the direction of writing (${name})`
    : `has an invisible character (${name})`;
}

import { HeadlandError } from '../errors.js';
import { listIn } from '../values/list-in.js';
import { MAX_LABEL_CHARACTERS } from './label-limits.js';
import { visible } from './text.js';

/** The decision "none of the classes": reserved, so that no class can have this name. */
export const UNKNOWN_LABEL = 'unknown';

/** A label also names a folder when samples are exported. */
const MAX_BYTES = 255;
/**
 * Longest text that may become a label, UTF-16 units: two a character, doubled for combining marks.
 */
export const MAX_LABEL_TEXT = 4 * MAX_LABEL_CHARACTERS;

/**
 * Zero-width joiners in emoji such as a farmer (person, joiner, sheaf of rice), and variation
 * selectors.
 */
const EMOJI_JOINTS =
  /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d(?=\p{Extended_Pictographic})|(?<=[\p{Extended_Pictographic}#*0-9])(?:\ufe0e|\ufe0f)/gu;
/** Scripts whose spelling needs joiners. */
const SPELT_WITH_JOINERS =
  '\\p{Script=Arabic}\\p{Script=Bengali}\\p{Script=Devanagari}\\p{Script=Gujarati}\\p{Script=Gurmukhi}\\p{Script=Kannada}\\p{Script=Khmer}\\p{Script=Malayalam}\\p{Script=Mongolian}\\p{Script=Oriya}\\p{Script=Sinhala}\\p{Script=Tamil}\\p{Script=Telugu}';
const SCRIPT_JOINTS = new RegExp(
  `(?<=[${SPELT_WITH_JOINERS}]\\p{M}*)[\\u200c\\u200d](?=[${SPELT_WITH_JOINERS}])`,
  'gu',
);

/** Letters of other scripts that look like the Latin letter at the same index of LATIN_LOOKS. */
const LOOK_LATIN = 'авеёіјкмнорѕстухԁһαεικνορτυχ';
const LATIN_LOOKS = 'abeëijkmhopsctyxdhaeikvoptux';

/**
 * Normalises a label, wherever it comes from: Unicode NFC, no space around it, plain single spaces
 * inside. A valid label has 1 to 64 visible characters, no "/", no "." at the start, and is not
 * "unknown".
 * @throws HeadlandError HL_LABEL_INVALID
 */
export function normaliseLabel(text: string): string {
  const label = tidy(text);
  const reason = faultOf(label);
  if (reason === null) return label;
  throw new HeadlandError('HL_LABEL_INVALID', `label "${visible(text.slice(0, 100))}" ${reason}`, {
    remedy: `Use 1 to ${MAX_LABEL_CHARACTERS} visible characters without "/", not beginning with ".", and not "${UNKNOWN_LABEL}".`,
    details: { label: text.slice(0, 100) },
  });
}

/** Whether {@link normaliseLabel} takes it. */
export function isLabel(text: string): boolean {
  return faultOf(tidy(text)) === null;
}

function tidy(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(/[\p{Zs}]+/gu, ' ')
    .trim();
}

/**
 * A key that ignores differences people overlook: case, width, invisible characters, the separator
 * between words, letters of other scripts that look Latin. Two labels with the same key are
 * probably meant as one class.
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

/**
 * The label in `known` that looks like `label`; null when there is none or `known` has `label`
 * itself.
 */
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
 * Merges labels that look alike into one: the first of them in `known`, else the most frequent by
 * `counts`. Labels in `known` never change.
 * @returns new label by old label, only for those that change
 */
export function joinAlike(
  counts: ReadonlyMap<string, number>,
  known: readonly string[] = [],
): Map<string, string> {
  const byKey = new Map<string, string[]>();
  for (const label of new Set([...known, ...counts.keys()])) {
    listIn(byKey, labelKey(label)).push(label);
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
  if (label.includes('\ufffd')) return 'has a replacement character (U+FFFD) from a wrong encoding';
  const hidden = hiddenCharacter(label);
  if (hidden !== null) return hidden;
  if (label.includes('/')) return 'has a "/"';
  if (label.startsWith('.')) return 'begins with "."';
  if (labelKey(label) === UNKNOWN_LABEL) return 'is reserved for images that fit no class';
  return null;
}

/** Finds an invisible character, except the joiners that emoji and some scripts need. */
function hiddenCharacter(label: string): string | null {
  const rest = label.replaceAll(EMOJI_JOINTS, '').replaceAll(SCRIPT_JOINTS, '');
  const found = /[\p{Default_Ignorable_Code_Point}\u2800]/u.exec(rest);
  if (found === null) return null;
  const code = found[0].codePointAt(0) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return /\p{Bidi_Control}/u.test(found[0])
    ? `has a character that changes the writing direction (${name})`
    : `has an invisible character (${name})`;
}

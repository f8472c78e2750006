import { distance } from 'fastest-levenshtein';
import { alikeLabel, labelKey, normaliseLabel } from './label.js';

/** Known classes that a new class name may have been meant to name. */
export interface LabelSuggestion {
  /** The name given, normalised. */
  label: string;
  /** The class that it looks like: storing the name would be refused. Null: none. */
  alike: string | null;
  /** Classes of a similar spelling, nearest first: a person should be asked, and may say no. */
  near: string[];
}

/** Most classes to ask about. */
const MAX_NEAR = 3;
/** Letters of the shorter word from which one and two slips are taken for a typing error. */
const LETTERS_OF_ONE_SLIP = 4;
const LETTERS_OF_TWO_SLIPS = 8;
/** A word of fewer letters has no plural: "as" is none of "a". */
const LETTERS_OF_PLURAL = 3;

/**
 * Characters that are never a typing error of each other: one of them is a word or a number of its own.
 */
const EXACT = /[^\p{L}\p{M}\s_-]|[\p{Script=Han}\p{Script=Hangul}]/gu;
/** Scripts whose marks are accents; in others, a mark is a vowel. */
const ACCENTED = /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)\p{M}/gu;
const UMLAUTS: readonly [letter: string, spelling: string][] = [
  ['ä', 'ae'],
  ['ö', 'oe'],
  ['ü', 'ue'],
  ['ß', 'ss'],
];

/**
 * What a person may have meant who names a class that the task does not know yet.
 * @param known labels of the task; a known label gets no suggestion
 * @throws HeadlandError HL_LABEL_INVALID
 */
export function suggestLabels(text: string, known: readonly string[]): LabelSuggestion {
  const label = normaliseLabel(text);
  if (known.includes(label)) return { label, alike: null, near: [] };
  const alike = alikeLabel(label, known);
  const near = known
    .filter((other) => other !== alike)
    .flatMap((other) => {
      const slips = slipsBetween(label, other);
      return slips === null ? [] : [{ other, slips }];
    })
    .sort((a, b) => a.slips - b.slips)
    .slice(0, MAX_NEAR)
    .map(({ other }) => other);
  return { label, alike, near };
}

/**
 * Number of slips (letters added, left out, replaced or swapped with their neighbour; 0 for another
 * plural, accent, word order or division of words) between labels that a person may have confused; null: they
 * are two different names.
 */
function slipsBetween(a: string, b: string): number | null {
  const [keyA, keyB] = [labelKey(a), labelKey(b)];
  if (exactPart(keyA) !== exactPart(keyB)) return null;
  const found = spellings(keyA).flatMap((one) =>
    spellings(keyB).flatMap((other) => slipsOfWords(wordsOf(one), wordsOf(other)) ?? []),
  );
  return found.length === 0 ? null : Math.min(...found);
}

/** Digits, ideographs, symbols and words of one letter ("grade A"), in their order. */
function exactPart(key: string): string {
  const singles = wordsOf(key).filter((word) => [...word].length === 1);
  return JSON.stringify([key.match(EXACT) ?? [], singles]);
}

/** Without accents, and with umlauts spelt out. */
function spellings(key: string): string[] {
  const bare = key.replaceAll(EXACT, ' ');
  const plain = bare.normalize('NFD').replaceAll(ACCENTED, '').normalize('NFC');
  let spelt = bare;
  for (const [letter, spelling] of UMLAUTS) spelt = spelt.replaceAll(letter, spelling);
  return [...new Set([plain, spelt.normalize('NFD').replaceAll(ACCENTED, '').normalize('NFC')])];
}

function wordsOf(spelling: string): string[] {
  return spelling.split(/[\s_-]+/u).filter((word) => word !== '');
}

function slipsOfWords(a: readonly string[], b: readonly string[]): number | null {
  // Labels without letters: their exact parts say everything.
  if (a.length === 0 || b.length === 0) return null;
  if (a.join('') === b.join('') || [...a].sort().join(' ') === [...b].sort().join(' ')) return 0;
  if (a.length !== b.length) return null;
  let sum = 0;
  for (const [i, word] of a.entries()) {
    const slips = slipsOfWord(word, b[i]!);
    if (slips === null) return null;
    sum += slips;
  }
  return sum;
}

function slipsOfWord(a: string, b: string): number | null {
  if (a === b || isPlural(a, b) || isPlural(b, a)) return 0;
  const letters = Math.min([...a].length, [...b].length);
  if (letters < LETTERS_OF_ONE_SLIP) return null;
  const slips = isSwapped(a, b) ? 1 : distance(a, b);
  if (slips === 1) return 1;
  // Two letters in front make another word: "healthy" and "unhealthy".
  const sameStart = [...a][0] === [...b][0];
  return slips === 2 && letters >= LETTERS_OF_TWO_SLIPS && sameStart ? 2 : null;
}

/** "berries" of "berry", "radishes" of "radish", "oats" of "oat". */
function isPlural(many: string, one: string): boolean {
  if ([...one].length < LETTERS_OF_PLURAL) return false;
  return many === `${one}s` || many === `${one}es` || many === `${one.replace(/y$/u, '')}ies`;
}

/** The words differ in the order of two neighbouring letters. */
function isSwapped(a: string, b: string): boolean {
  const letters = [...a];
  const others = [...b];
  const first = letters.findIndex((letter, i) => letter !== others[i]);
  if (first < 0) return false;
  letters.splice(first, 2, ...letters.slice(first, first + 2).reverse());
  return letters.join('') === b;
}

/** A shorter part of a path is shown, whatever it is. */
const LEAST_CHARACTERS = 16;
/** So many characters of it must belong to no word and no number. */
const LEAST_ODD_CHARACTERS = 9;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const HEXADECIMAL = /(?:^|[^0-9a-z])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{16,}(?![0-9a-z])/i;
/** Names in which letters and digits mix, or without vowels, as they are usual in paths of cameras and models. */
const USUAL =
  /\d{2,4}x\d{2,4}|^\d{8}T\d{4,6}Z?$|h26[345]|mpeg[124]|mp[34]|m3u8|mjpe?g|rt[ms]p|https?|[ug]7(?:11|26)|x86|arm\d+|u?int\d+|b?f(?:loa)?(?:p|t)\d+/gi;
const MANY_DIGITS = 4;
/** Letters before or between numbers: fewer are no word. */
const LEAST_WORD = 4;
const SHORT_WORDS = /^(?:cam|ch|sub|ipc|nvr|dvr|out|img|vid|rtp|tcp|udp|lan|fps)$/i;
/** Behind a number: `1080p`, `imagenet1k`. */
const UNIT = /^[dghkmpswx]$/i;
/** `live`, `streamMain`, `StreamMain`, `PSIAStreaming`, `PSIA`; not `kJHgFd`. */
const WORDS = /^(?:[a-z]+(?:[A-Z][a-z]+)*|[A-Z]{0,5}(?:[A-Z][a-z]+)+|[A-Z]+)[A-Z]?$/;
/** Fewer letters from capital to capital on average are no words in one. */
const LETTERS_TO_A_WORD = 2.7;
const UNSPEAKABLE = /[^aeiouy]{7}/i;
const VOWEL = /[aeiouy]/i;

/**
 * Whether a part of a path of a URL is probably a secret: at least 16 characters, of which at least 9
 * are in pieces that are neither words nor numbers; or a UUID, or 16 hexadecimal digits and more. Pieces
 * are what stands between `-`, `_`, `.` and other signs.
 */
export function looksLikeToken(part: string): boolean {
  const text = part.replace(/%[0-9a-f]{2}/gi, '-');
  if (text.length < LEAST_CHARACTERS) return false;
  if (UUID.test(text) || HEXADECIMAL.test(text)) return true;
  const odd = text.split(/[^A-Za-z0-9]+/).filter((piece) => !isReadable(piece));
  return odd.join('').length >= LEAST_ODD_CHARACTERS;
}

function isReadable(whole: string): boolean {
  const piece = whole.replace(USUAL, '');
  const runs = piece.match(/[A-Za-z]+|\d+/g) ?? [];
  if (!runs.every((run) => isNumber(run) || isWords(run))) return false;
  // `lite0`, `1080p`: one change from letters to digits or back.
  if (runs.length <= 2) return true;
  return runs.every((run, index) => {
    if (isNumber(run)) return run.length <= MANY_DIGITS;
    const isUnit = index > 0 && index === runs.length - 1 && UNIT.test(run);
    return run.length >= LEAST_WORD || isUnit || SHORT_WORDS.test(run);
  });
}

function isNumber(run: string): boolean {
  return /^\d/.test(run);
}

function isWords(letters: string): boolean {
  if (letters.length < LEAST_WORD) return true;
  if (!WORDS.test(letters) || !VOWEL.test(letters) || UNSPEAKABLE.test(letters)) return false;
  const humps = letters.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  return letters.length / humps.length >= LETTERS_TO_A_WORD || letters.length <= LEAST_WORD + 1;
}

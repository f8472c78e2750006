import { distance } from 'fastest-levenshtein';

/** Shortest beginning that two words must share to be taken for each other. */
const LEAST_SHARED = 3;

/** The name that was probably meant; undefined: none resembles it. */
export function nearestName(wrong: string, names: readonly string[]): string | undefined {
  const lower = plain(wrong);
  const byEdits = names
    .map((name) => ({ name, edits: distance(lower, plain(name)) }))
    .sort((a, b) => a.edits - b.edits);
  const [first] = byEdits;
  // Half of the letters may not differ, or "a" would be taken for "to".
  if (
    first &&
    first.edits <= Math.min(Math.max(2, Math.ceil(first.name.length / 3)), first.name.length / 2)
  ) {
    return first.name;
  }
  return byEdits.find(({ name }) => sharesBeginning(lower, plain(name)))?.name;
}

/** "no camera is named "frnt"; did you mean "front"?" @param nobody such as "no camera" */
export function noneNamed(nobody: string, wrong: string, names: readonly string[]): string {
  const nearest = nearestName(wrong, names);
  const proposal = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return `${nobody} is named "${wrong}"${proposal}`;
}

function sharesBeginning(a: string, b: string): boolean {
  const shorter = a.length < b.length ? a : b;
  return shorter.length >= LEAST_SHARED && a.startsWith(shorter) && b.startsWith(shorter);
}

/** Without case, spaces, `_` and `-`. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[\s_-]/g, '');
}

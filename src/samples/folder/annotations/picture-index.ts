import { listIn } from '../../../base/values/list-in.js';

/** Finds the pictures that annotation files refer to, despite variations of their names. */
export class PictureIndex {
  readonly #names: ReadonlySet<string>;
  readonly #byFileName = new Map<string, string[]>();
  readonly #byStem = new Map<string, string[]>();

  /** @param names relative to the imported folder, with "/" */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    for (const name of this.#names) {
      const fileName = lastPart(name).toLowerCase();
      listIn(this.#byFileName, fileName).push(name);
      listIn(this.#byStem, stemOf(fileName)).push(name);
    }
  }

  /**
   * Finds a picture; null: none, or ambiguous.
   * @param base folder of the annotation file, "" or "a/b/"
   * @param given name or path in the annotation file
   */
  find(base: string, given: string): string | null {
    const path = plainPath(given);
    if (path === '') return null;
    if (this.#names.has(base + path)) return base + path;
    if (this.#names.has(path)) return path;
    const fileName = lastPart(path).toLowerCase();
    // Label Studio prefixes uploads with eight hex digits, which some of its exports omit.
    const withoutUpload = fileName.replace(/^[0-9a-f]{8}-/, '');
    for (const candidates of [
      this.#byFileName.get(fileName),
      this.#byStem.get(fileName),
      this.#byFileName.get(withoutUpload),
      this.#byStem.get(stemOf(fileName)),
    ]) {
      const found = nearest(candidates ?? [], base, path);
      if (found !== null) return found;
    }
    return null;
  }
}

/** Normalises a path, URL or Windows path to a relative path with "/". */
function plainPath(given: string): string {
  let path = given.trim().replaceAll('\\', '/');
  const local = /[?&]d=([^&]+)/.exec(path);
  if (local) path = local[1]!;
  else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) path = path.replace(/[?#].*$/, '');
  try {
    path = decodeURIComponent(path);
  } catch {
    // A name with a literal "%" stays unchanged.
  }
  return path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*\//i, '').replace(/^(?:\.\.?\/|\/)+/, '');
}

/** The candidate whose path shares the longest end with `path`, else the only one below `base`. */
function nearest(candidates: readonly string[], base: string, path: string): string | null {
  if (candidates.length <= 1) return candidates[0] ?? null;
  const scored = candidates
    .map((name) => ({ name, score: sharedEnd(name, base + path) }))
    .sort((a, b) => b.score - a.score);
  if (scored[0]!.score > scored[1]!.score) return scored[0]!.name;
  const inside = candidates.filter((name) => base !== '' && name.startsWith(base));
  return inside.length === 1 ? inside[0]! : null;
}

/** Number of trailing path components that two paths share. */
function sharedEnd(a: string, b: string): number {
  const [left, right] = [
    a.toLowerCase().split('/').reverse(),
    b.toLowerCase().split('/').reverse(),
  ];
  let shared = 1;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  return shared;
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The file name without its last ending. */
export function stemOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.');
  return dot > 0 ? fileName.slice(0, dot) : fileName;
}

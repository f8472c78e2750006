import { createRandom } from '../../src/base/random.js';

/** Photos of a class whose numbers stand so close were taken, or collected, one after the other. */
const RUN_LENGTH = 10;
/** Of its class, that one group may hold. */
const MAX_SHARE = 0.4;

export interface Groupable {
  path: string;
  label: string;
  group: string;
}

export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = createRandom(seed);
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/**
 * Which photos must stay on one side of a split: those of one group of the product and those whose
 * names differ only in a number of the same ten, joined transitively. Where that would chain a
 * large part of a class together, the numbers say nothing of time and the product's groups alone
 * count.
 * @returns for each photo the index of the first one that it belongs to
 */
export function groupRows(photos: readonly Groupable[]): number[] {
  const chained = joined(photos, (photo) => [`group ${photo.group}`, `run ${runOf(photo)}`]);
  const classes = counted(photos.map(({ label }) => label));
  const sizes = counted(chained);
  const isLarge = chained.some(
    (group, i) => sizes.get(group)! > MAX_SHARE * classes.get(photos[i]!.label)!,
  );
  return isLarge ? joined(photos, ({ group }) => [group]) : chained;
}

function joined(
  photos: readonly Groupable[],
  keysOf: (photo: Groupable) => readonly string[],
): number[] {
  const parent = photos.map((_, i) => i);
  const find = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at]!;
    return at;
  };
  const first = new Map<string, number>();
  photos.forEach((photo, i) => {
    for (const key of keysOf(photo)) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else {
        const [a, b] = [find(other), find(i)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
    }
  });
  return photos.map((_, i) => find(i));
}

function counted<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function runOf({ path, label }: Groupable): string {
  const numbered = /^(.*?)(\d+)\.[^.]*$/.exec(path);
  if (!numbered) return path;
  const [, stem, number] = numbered as unknown as [string, string, string];
  // Some names say their number twice.
  const common = stem.replaceAll(number, '#');
  return `${label} ${common} ${Math.floor(Number(number) / RUN_LENGTH)}`;
}

/**
 * Puts whole groups into the test until it holds about `share` of each class. Every class keeps at
 * least one group to learn from.
 * @param groups as {@link groupRows} returns them
 * @returns for each photo whether it is in the test
 */
export function splitGroups(
  photos: readonly Groupable[],
  groups: readonly number[],
  share: number,
  seed: number,
): boolean[] {
  const members = new Map<number, number[]>();
  groups.forEach((group, i) => {
    members.set(group, [...(members.get(group) ?? []), i]);
  });
  const total = counted(photos.map(({ label }) => label));
  const train = new Map<string, number>();
  const test = new Map<string, number>();
  const inTest = photos.map(() => false);
  for (const rows of shuffled([...members.values()], seed)) {
    const { label } = photos[rows[0]!]!;
    const tested = test.get(label) ?? 0;
    const wanted = share * (total.get(label) ?? 0);
    const fits = tested + rows.length / 2 <= wanted;
    if (fits && (train.get(label) ?? 0) > 0) {
      test.set(label, tested + rows.length);
      for (const row of rows) inTest[row] = true;
    } else train.set(label, (train.get(label) ?? 0) + rows.length);
  }
  return inTest;
}

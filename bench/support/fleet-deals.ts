import type { Random } from '../../src/base/random.js';

interface Dealt {
  labels: readonly string[];
  groups: readonly string[];
  train: readonly number[];
}

/** Rows of the training part by robot, each row to any robot. */
export function dealRandomly({ train }: Dealt, robots: number, random: Random): number[][] {
  return dealt(shuffled(train, random), robots);
}

/** Two classes a robot; robots with the same class share its rows. */
export function dealByClass({ train, labels }: Dealt, robots: number, random: Random): number[][] {
  const names = shuffled([...new Set(train.map((row) => labels[row]!))].sort(), random);
  const parts = Array.from({ length: robots }, (): number[] => []);
  for (const [c, name] of names.entries()) {
    const owners = parts.filter((_, robot) =>
      [2 * robot, 2 * robot + 1].some((slot) => slot % names.length === c),
    );
    const rows = shuffled(
      train.filter((row) => labels[row] === name),
      random,
    );
    const takers = owners.length > 0 ? owners : [parts[c % robots]!];
    for (const [i, row] of rows.entries()) takers[i % takers.length]!.push(row);
  }
  return parts;
}

/** Whole groups to a robot: photos of one shelf, or of one pass. */
export function dealByGroup({ train, groups }: Dealt, robots: number, random: Random): number[][] {
  const names = shuffled([...new Set(train.map((row) => groups[row]!))].sort(), random);
  const parts = Array.from({ length: robots }, (): number[] => []);
  for (const [i, name] of names.entries()) {
    parts[i % robots]!.push(...train.filter((row) => groups[row] === name));
  }
  return parts;
}

function dealt(rows: readonly number[], robots: number): number[][] {
  return Array.from({ length: robots }, (_, robot) => rows.filter((_, i) => i % robots === robot));
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

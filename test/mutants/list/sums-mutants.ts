import type { Mutant } from '../mutant.js';

const SUMS_TESTS = 'test/head/sums/sums.test.ts';
const RECIPE_TESTS = 'test/training/fleet-recipe.test.ts';
const PRIVACY_TESTS = 'test/head/sums/privacy.test.ts';

export const SUMS_MUTANTS: readonly Mutant[] = [
  {
    promise: 'sums do not depend on the order, and a subtraction leaves no trace',
    file: 'src/head/sums/exact-sums.ts',
    text: 'const rest = Math.round((value - whole) * FINE) / FINE;',
    replacement: 'const rest = value - whole + 0 * FINE;',
    tests: [{ file: SUMS_TESTS, names: 'exact sums do not depend' }],
  },
  {
    promise: 'a damaged object of the fleet is refused',
    file: 'src/head/sums/sealed.ts',
    text: 'if (!buffer.subarray(-HASH_BYTES).equals(sha256(body)))',
    replacement: 'if (buffer.subarray(-HASH_BYTES).length !== sha256(body).length)',
    tests: [{ file: SUMS_TESTS, names: 'a damaged byte is refused' }],
  },
  {
    promise: 'values that cannot be sums of features are refused',
    file: 'src/head/sums/task-sums.ts',
    text: 'if (fault !== null) throw invalidObject(fault);',
    replacement: 'if (fault === "") throw invalidObject(fault);',
    tests: [{ file: SUMS_TESTS, names: 'cannot be sums of features' }],
  },
  {
    promise: 'a ridge from sums is the ridge of all samples',
    file: 'src/head/sums/ridge-sums.ts',
    text: 'gram[i * k + j] = gram[i * k + j]! - total * mean[i]! * mean[j]!;',
    replacement: 'gram[i * k + j] = gram[i * k + j]! - mean[i]! * mean[j]!;',
    tests: [{ file: SUMS_TESTS, names: 'ridge from the sums of three robots' }],
  },
  {
    promise: 'several releases need more noise each',
    file: 'src/head/sums/privacy.ts',
    text: 'Math.sqrt(releases) * SENSITIVITY',
    replacement: 'Math.sqrt(Math.min(1, releases)) * SENSITIVITY',
    tests: [{ file: PRIVACY_TESTS, names: 'several releases' }],
  },
  {
    promise: 'one sample moves count, sum and Gram matrix',
    file: 'src/head/sums/privacy.ts',
    text: 'SENSITIVITY = Math.sqrt(3)',
    replacement: 'SENSITIVITY = Math.sqrt(2)',
    tests: [{ file: PRIVACY_TESTS, names: 'one sample moves' }],
  },
  {
    promise: 'the Gaussians of sums are centred on their class',
    file: 'src/head/sums/gaussian-sums.ts',
    text: 'scatter[i * r + j] = scatter[i * r + j]! - samples * mean[i]! * mean[j]!;',
    replacement: 'scatter[i * r + j] = scatter[i * r + j]! - mean[i]! * mean[j]!;',
    tests: [{ file: SUMS_TESTS, names: 'Gaussians of sums score' }],
  },
  {
    promise: 'candidates are judged by all their samples',
    file: 'src/head/sums/candidates.ts',
    text: 'tally.right[lambda] = tally.right[lambda]! + share;',
    replacement: 'tally.right[lambda] = tally.right[lambda]! + 1;',
    tests: [{ file: SUMS_TESTS, names: 'candidates are judged' }],
  },
  {
    promise: 'own samples are answered by heads that saw none of their group',
    file: 'src/training/fit/fleet-recipe.ts',
    text: 'const rest = sumsOf(own, labels, (i) => !part.has(i));',
    replacement: 'const rest = sumsOf(own, labels, (i) => i >= 0 || !part.has(i));',
    tests: [{ file: RECIPE_TESTS, names: 'saw none of their group' }],
  },
  {
    promise: 'a robot weighs its fleet by its own samples',
    file: 'src/head/sums/blend.ts',
    text: 'others ? Math.min(1, samples / others.samples) : 0',
    replacement: 'others ? Math.min(1, others.samples / others.samples) : 0',
    tests: [{ file: RECIPE_TESTS, names: 'counts its own samples more' }],
  },
  {
    promise: 'noise keeps no fleet from heads',
    file: 'src/head/sums/gaussian-sums.ts',
    text: 'if (!isScatter(scatter, r, samples))',
    replacement: 'if (!isScatter(new Float64Array(r * r), r, samples))',
    tests: [{ file: SUMS_TESTS, names: 'mostly noise' }],
  },
];

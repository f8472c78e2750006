import type { Mutant } from '../mutant.js';

const SUMS_TESTS = 'test/head/sums/sums.test.ts';
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
];

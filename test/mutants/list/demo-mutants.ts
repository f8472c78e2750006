import type { Mutant } from '../mutant.js';

const TRACK = 'src/camera/simulated/field-track.ts';
const SIMULATED_TESTS = 'test/camera/simulated.test.ts';
const CHOICE_TESTS = [{ file: 'test/cli/demo/label-choice.test.ts' }];
const DEMO_TESTS = [{ file: 'test/cli/demo/demo.test.ts', names: 'both tasks' }];
const SCREEN_TESTS = [{ file: 'test/cli/demo/screen.test.ts' }];

/** The demonstration, and the simulated field that it shows. */
export const DEMO_MUTANTS: readonly Mutant[] = [
  {
    promise: 'no plant grows in the wheel track',
    file: TRACK,
    text: 'x + skew * y > edge + radius * LEAF_REACH',
    replacement: 'x + skew * y + radius * LEAF_REACH > -Infinity',
    tests: [{ file: SIMULATED_TESTS, names: 'none in the track' }],
  },
  {
    promise: 'a free wheel track has no obstacle',
    file: TRACK,
    text: "state === 'blocked'",
    replacement: "state !== 'blocked'",
    tests: [{ file: SIMULATED_TESTS, names: 'of no other' }],
  },
  {
    promise: 'obstacles stay in the wheel track, although the rows do not follow it',
    file: TRACK,
    text: 'random.uniform(-45, 45) - skew * y',
    replacement: 'random.uniform(-45, 45) + skew * y',
    tests: [{ file: SIMULATED_TESTS, names: 'of no other' }],
  },
  {
    promise: 'the track is blocked whatever grows beside it',
    file: 'src/camera/simulated/field-plan.ts',
    text: "'wheel track', index",
    replacement: "'wheel track', 0",
    tests: [{ file: SIMULATED_TESTS, names: 'four passes of ten' }],
  },
  {
    promise: 'what is true of the whole image is not claimed of its regions',
    file: 'src/camera/reference.ts',
    text: 'reference.region === region',
    replacement: '(reference.region ?? region) === region',
    tests: [{ file: 'test/camera/stage/frame-stage.test.ts', names: 'what is known of it' }],
  },
  {
    promise: 'a true label answers the question of its task',
    file: 'src/camera/reference.ts',
    text: '(reference) => reference.task === task',
    replacement: '() => true',
    tests: [{ file: 'test/camera/reference.test.ts' }],
  },
  {
    promise: 'the demonstration ends only when every task has been trained',
    file: 'src/cli/demo/demonstration.ts',
    text: 'agent.tasks.every(({ name }) => this.#reports.has(name))',
    replacement: 'agent.tasks.some(({ name }) => this.#reports.has(name))',
    tests: DEMO_TESTS,
  },
  {
    promise: 'a frame is not scored once its group has a label',
    file: 'src/cli/demo/label-choice.ts',
    text: 'if (seen.labels === 0) this.#score(right);',
    replacement: 'this.#score(right);',
    tests: CHOICE_TESTS,
  },
  {
    promise: 'a status shows the decisions on one picture',
    file: 'src/cli/demo/screen.ts',
    text: '?.sequence === sequence',
    replacement: '?.sequence !== -1',
    tests: SCREEN_TESTS,
  },
  {
    promise: 'a status is rewritten in place',
    file: 'src/cli/demo/screen.ts',
    text: 'this.#height - 1}A',
    replacement: 'this.#height}A',
    tests: SCREEN_TESTS,
  },
];

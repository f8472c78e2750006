import type { Mutant } from '../mutant.js';

const ANSWER_TESTS = [{ file: 'test/gate/answers/compared-answers.test.ts' }];
const FIGURE_TESTS = [{ file: 'test/gate/answers/answer-figures.test.ts' }];
const CODEC_TESTS = [{ file: 'test/gate/answers/answer-codec.test.ts' }];
const VERDICT_TESTS = [{ file: 'test/gate/verdict.test.ts' }];
const TRAINED_TESTS = [{ file: 'test/training/answers.test.ts' }];
const REGISTRY_TESTS = [{ file: 'test/registry/registry.test.ts' }];
const SWITCH_TESTS = [{ file: 'test/agent/learning/head-service.test.ts' }];
const SHADOW_TESTS = [{ file: 'test/agent/learning/shadow-service.test.ts' }];

export const BRAIN_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a label that was corrected after the training counts',
    file: 'src/gate/answers/sample-answer.ts',
    text: 'right: answer.label === label,',
    replacement: 'right: answer.label === answer.truth,',
    tests: ANSWER_TESTS,
  },
  {
    promise: 'a renamed class is no mistake',
    file: 'src/gate/answers/sample-answer.ts',
    text: 'names.get(label) ?? label',
    replacement: 'label',
    tests: ANSWER_TESTS,
  },
  {
    promise: 'what no left-out head could know is not called wrong',
    file: 'src/gate/answers/answer-marks.ts',
    text: 'const wrong = !right && knowable;',
    replacement: 'const wrong = !right;',
    tests: ANSWER_TESTS,
  },
  {
    promise: 'two heads are compared only on answers that count for both',
    file: 'src/gate/answers/compared-answers.ts',
    text: '!other?.judged || !answer.judged',
    replacement: '!other?.judged',
    tests: ANSWER_TESTS,
  },
  {
    promise: 'near-duplicates do not count twice in the score',
    file: 'src/gate/answers/answer-score.ts',
    text: 'answers.filter((answer) => answer.judged);',
    replacement: 'answers.filter(() => true);',
    tests: FIGURE_TESTS,
  },
  {
    promise: 'a probability of 1 has a bin',
    file: 'src/gate/answers/answer-figures.ts',
    text: 'Math.min(BINS - 1, Math.floor(answer.confidence * BINS))',
    replacement: 'Math.floor(answer.confidence * BINS)',
    tests: FIGURE_TESTS,
  },
  {
    promise: 'frames of one pass are not independent answers',
    file: 'src/head/intervals/independent-answers.ts',
    text: 'const GROUP_CORRELATION = 0.5;',
    replacement: 'const GROUP_CORRELATION = 0;',
    tests: FIGURE_TESTS,
  },
  {
    promise: 'a changed byte in the file of answers is detected',
    file: 'src/gate/answers/answer-codec.ts',
    text: 'if (!sha256(all.subarray(0, end)).equals(all.subarray(end)))',
    replacement: 'if (end < 0)',
    tests: CODEC_TESTS,
  },
  {
    promise: 'only a proven gain is called better',
    file: 'src/gate/verdict.ts',
    text: "name === 'expected-gain' && isProven(values)",
    replacement: "name === 'expected-gain'",
    tests: VERDICT_TESTS,
  },
  {
    promise: 'a training does not replace a pinned head',
    file: 'src/training/trainer.ts',
    text: 'if (pinned !== null) {',
    replacement: 'if (pinned !== null && pinned < 0) {',
    tests: TRAINED_TESTS,
  },
  {
    promise: 'labels that were given and taken back are no news',
    file: 'src/training/verdict/label-effect.ts',
    text: 'if (before === label) continue;',
    replacement: 'if (before === null && label === null) continue;',
    tests: TRAINED_TESTS,
  },
  {
    promise: 'a pin moves with the head that a person chooses',
    file: 'src/registry/registry.ts',
    text: 'else if (pinned !== version) await this.#pointer.pin(version, by);',
    replacement: '',
    tests: REGISTRY_TESTS,
  },
  {
    promise: 'a pin counts only while its version serves',
    file: 'src/registry/pointer.ts',
    text: 'return pinned === current && current !== null ? current : null;',
    replacement: "return pinned === 'damaged' ? null : pinned;",
    tests: REGISTRY_TESTS,
  },
  {
    promise: 'a switch that perception did not take takes no pin away',
    file: 'src/registry/registry.ts',
    text: 'await this.#pointer.pin(pinned, null);',
    replacement: '',
    tests: SWITCH_TESTS,
  },
  {
    promise: 'no shadow replaces a pinned head',
    file: 'src/agent/learning/shadow-service.ts',
    text: '!== trial.version || (await registry.pinned()) !== null',
    replacement: '!== trial.version',
    tests: SHADOW_TESTS,
  },
];

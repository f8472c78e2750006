import type { Mutant } from '../mutant.js';

const NEAR = 'src/base/words/near-label.ts';
const NEAR_TESTS = [{ file: 'test/base/near-label.test.ts' }];
const ORDER = 'src/head/acquisition/query-order.ts';
const ORDER_TESTS = [{ file: 'test/head/acquisition/query-order.test.ts' }];
const QUEUE = 'src/agent/teaching/label-queue.ts';
const QUEUE_TESTS = [{ file: 'test/agent/teaching/label-queue.test.ts' }];
const PROGRESS = 'src/agent/teaching/teach-progress.ts';
const PROGRESS_TESTS = [{ file: 'test/agent/teaching/teach-progress.test.ts' }];

export const TEACH_MUTANTS: readonly Mutant[] = [
  {
    promise: 'different numbers and ideographs are different names',
    file: NEAR,
    text: 'if (exactPart(keyA) !== exactPart(keyB)) return null;',
    replacement: '',
    tests: NEAR_TESTS,
  },
  {
    promise: 'two letters in front make another word',
    file: NEAR,
    text: 'const sameStart = [...a][0] === [...b][0];',
    replacement: 'const sameStart = true;',
    tests: NEAR_TESTS,
  },
  {
    promise: 'letters in the wrong order are one slip',
    file: NEAR,
    text: 'isSwapped(a, b) ? 1 : distance(a, b)',
    replacement: 'distance(a, b)',
    tests: NEAR_TESTS,
  },
  {
    promise: 'look-alikes do not follow each other in the queue',
    file: ORDER,
    text: 'if (distance < nearest[best]!) nearest[best] = distance;',
    replacement: '',
    tests: ORDER_TESTS,
  },
  {
    promise: 'what is none of the classes is doubtful however sure the head is',
    file: ORDER,
    text: 'isNovel ? DOUBT_OF_NOVEL : LEAST_DOUBT',
    replacement: 'LEAST_DOUBT',
    tests: ORDER_TESTS,
  },
  {
    promise: 'what looks like a rare class is asked about earlier',
    file: ORDER,
    text: 'return doubt / Math.sqrt(classShare ?? 1);',
    replacement: 'return doubt;',
    tests: ORDER_TESTS,
  },
  {
    promise: 'look-alikes of a labelled sample fall behind in the queue',
    file: QUEUE,
    text: 'for (const entry of this.#entries.values()) approach(entry, id, sketch);',
    replacement: '',
    tests: QUEUE_TESTS,
  },
  {
    promise: 'what a person requested is asked about first',
    file: QUEUE,
    text: 'if (this.#requested.has(id)) requested.push(id);\n      else if',
    replacement: 'if',
    tests: QUEUE_TESTS,
  },
  {
    promise: 'what was skipped is asked about last',
    file: QUEUE,
    text: 'const last = skipped.filter((id) => entries.has(id));',
    replacement: 'const last: string[] = [];',
    tests: QUEUE_TESTS,
  },
  {
    promise: 'the queue goes on in slices where a request has no time left',
    file: QUEUE,
    text: 'if (!this.#work(this.#nowMs() + SLICE_MS)) this.#continueLater();',
    replacement: '',
    tests: QUEUE_TESTS,
  },
  {
    promise: 'no guess is offered for a thing that no class knows',
    file: 'src/agent/teaching/question.ts',
    text: 'if (!best || novel) return false;',
    replacement: 'if (!best) return false;',
    tests: QUEUE_TESTS,
  },
  {
    promise: 'the ring never goes back between trainings',
    file: PROGRESS,
    text: 'trainedServes ? way : Math.max(FIRST_HEAD_SHARE, way)',
    replacement: 'way',
    tests: PROGRESS_TESTS,
  },
  {
    promise: 'labels since the training count towards what a class needs',
    file: PROGRESS,
    text: 'const left = labels - (newLabelsOf.get(label) ?? 0);',
    replacement: 'const left = labels;',
    tests: PROGRESS_TESTS,
  },
];

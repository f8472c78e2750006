import type { Mutant } from '../mutant.js';

const YAML = 'src/base/words/read-yaml.ts';

export const PARSER_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an archive claims no more entries than it has room for',
    file: 'src/base/files/unzip.ts',
    text: 'if (room < 0) throw',
    replacement: 'if (room < -1e9) throw',
    tests: [{ file: 'test/base/unzip.test.ts' }],
  },
  {
    promise: 'YAML that is nested too deeply is refused before it is parsed',
    file: YAML,
    text: 'if (brackets + marks > MAX_DEPTH) return offset;',
    replacement: '',
    tests: [{ file: 'test/base/read-yaml.test.ts', names: 'nested too deeply' }],
  },
  {
    promise: 'a name that stands twice in a map of YAML is refused',
    file: YAML,
    text: 'names.add(key.value);',
    replacement: '',
    tests: [{ file: 'test/base/read-yaml.test.ts', names: 'stands twice' }],
  },
  {
    promise: 'thousands of mistakes in a configuration are not described one by one',
    file: 'src/config/load.ts',
    text: 'issue.keys.slice(0, MAX_PROBLEMS)',
    replacement: 'issue.keys',
    tests: [{ file: 'test/config/load.test.ts', names: 'thousands of mistakes' }],
  },
  {
    promise: 'an entry of an archive that fails late ends nothing',
    file: 'src/samples/archive/unpack-archive.ts',
    text: "content.on('error', () => {});",
    replacement: '',
    tests: [{ file: 'test/samples/archive/unpack-archive.test.ts', names: 'ends nothing' }],
  },
  {
    promise: 'a file of answers that names a label it lacks is refused',
    file: 'src/gate/answers/answer-codec.ts',
    text: "if (found === undefined) throw invalidHead('the file of answers names a label that it lacks');",
    replacement: "if (found === undefined) return '';",
    tests: [{ file: 'test/gate/answers/answer-codec.test.ts', names: 'label that it lacks' }],
  },
];

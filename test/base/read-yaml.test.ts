import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { readYaml } from '../../src/base/words/read-yaml.js';

const faultOf = (text: string): string => readYaml(text).fault ?? 'none';

describe('readYaml', () => {
  test('gives what was written', () => {
    const plain = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,8}$/), tie('value'), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
      ),
    })).value;
    fc.assert(
      fc.property(plain, (value) => {
        assert.deepEqual(readYaml(stringify({ value }, { aliasDuplicateObjects: false })).value, {
          value,
        });
      }),
    );
    assert.deepEqual(readYaml('# nothing\n').value, {});
  });

  test('names the line and the column of a fault, and shows it', () => {
    assert.equal(
      faultOf('a: 1\nb: [1, 2\nc: 3\n'),
      'Flow sequence in block collection must be sufficiently indented and end with a ] at line 3, column 1:\n\nc: 3\n^\n',
    );
    assert.match(faultOf(`a: "${'x'.repeat(300)}\n`), /^Missing closing "quote at line \d/);
  });

  test('refuses a name that stands twice in a map, and a name that is none', () => {
    assert.match(faultOf('a: 1\nb: {c: 1, d: 2, c: 3}\n'), /unique at line 2, column 17:/);
    assert.match(faultOf('a: 1\n? [b]\n: 2\n'), /plain word or text.* at line 2, column 3:/);
    assert.match(faultOf('a: &x b\n*x : 2\n'), /plain word or text.* at line 2, column 1:/);
  });

  test('refuses what is nested too deeply, wherever it stands', () => {
    for (const open of ['[', '{a: ', '- ', '? ', '- - ', '0:  ']) {
      assert.match(faultOf(`a: 1\nb:\n  ${open.repeat(9_000)}`), /nested deeper than 32.* line 3,/);
    }
    const depth = 32;
    assert.equal(faultOf(`${'['.repeat(depth)}${']'.repeat(depth)}`), 'none');
    assert.equal(faultOf('- [1]\n'.repeat(100)), 'none');
    assert.equal(faultOf(`a: "${'['.repeat(99)}" # ${'{'.repeat(99)}\n`), 'none');
    assert.equal(
      faultOf(`a: {${Array.from({ length: 99 }, (_, i) => `k${i}: 1`).join(', ')}}`),
      'none',
    );
  });

  test('refuses aliases without number', () => {
    const many = `a: &a [1]\n${Array.from({ length: 101 }, (_, i) => `b${i}: *a\n`).join('')}`;
    const { fault, isBomb } = readYaml(many);
    assert.deepEqual([fault, isBomb], ['it uses more than 100 aliases', true]);
    const bomb = `a: &a [1,1,1]\n${'bcdefghi'
      .split('')
      .map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]\n`)
      .join('')}`;
    assert.equal(readYaml(bomb).isBomb, true);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { layOutTable, textColumns, wrapText } from '../../src/cli/support/prose.js';
import { CLI, headland, Rig } from '../agent/daemon.js';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';

const COLUMNS = 80;

/** Lines that are too wide although they could be broken at a space. */
function wideLines(text: string): string[] {
  return text.split('\n').filter((line) => [...line].length > COLUMNS && / \S/.test(line.trim()));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

describe('text for people', () => {
  test('is broken only at spaces, and keeps its words and the lines that fit', () => {
    const word = fc.string({
      minLength: 1,
      maxLength: 30,
      unit: fc.constantFrom('a', 'ä', '/', '…'),
    });
    const line = fc
      .tuple(fc.nat(6), fc.array(word, { maxLength: 40 }))
      .map(([indent, parts]) => ' '.repeat(indent) + parts.join(' '));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n')),
        fc.integer({ min: 40, max: 120 }),
        (text, columns) => {
          const wrapped = wrapText(text, columns);
          assert.deepEqual(words(wrapped), words(text));
          for (const each of wrapped.split('\n')) {
            assert.ok([...each].length <= columns || words(each).length === 1, each);
          }
          const fitting = text.split('\n').filter((each) => [...each].length <= columns);
          for (const each of fitting) assert.ok(wrapped.split('\n').includes(each), each);
        },
      ),
    );
  });

  test('takes its width from COLUMNS, else from the terminal; a pipe is unlimited', () => {
    assert.equal(textColumns({ columns: 132 }, { COLUMNS: '100' }), 100);
    assert.equal(textColumns({ columns: 132 }, {}), 132);
    assert.equal(textColumns({}, {}), Number.POSITIVE_INFINITY);
    assert.equal(textColumns({ columns: 3 }, {}), 40);
    assert.equal(textColumns({}, { COLUMNS: 'wide' }), Number.POSITIVE_INFINITY);
  });

  test('a last column that does not fit is wrapped within its column, or below its row', () => {
    const prose = 'one two three four five six seven eight nine ten eleven twelve';
    assert.equal(
      layOutTable([['a', prose]], '', 50),
      ['a  one two three four five six seven eight nine', '   ten eleven twelve'].join('\n'),
    );
    assert.equal(
      layOutTable([['a'.repeat(30), prose]], ' ', 50),
      [
        ` ${'a'.repeat(30)}`,
        '     one two three four five six seven eight nine',
        '     ten eleven twelve',
      ].join('\n'),
    );
    assert.equal(
      layOutTable(
        [
          ['a', '12'],
          ['bb', '3'],
        ],
        '  ',
        50,
      ),
      '  a   12\n  bb  3',
    );
  });
});

describe('the output of commands', { concurrency: false }, () => {
  test('fits into 80 columns where it has spaces', { timeout: TEST_HANG_MS }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const help = headland('--help').stdout;
    const commands = [...help.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name!);
    assert.ok(commands.length > 12, help);
    const models = [
      'list',
      'pull',
      'verify',
      'quantize',
      'add',
      'remove',
      'compare',
      'heads',
      'why',
    ];
    const runs = [
      ['--help'],
      ...commands.map((name) => [name, '--help']),
      ...models.map((name) => ['models', name, '--help']),
      ['models', 'list', ...at],
      ['models', 'verify', 'efficientnet-lite0-288', ...at],
      ['models', 'pull', 'none', ...at],
      ['models', 'add', join(rig.dir, 'models', 'tiny.onnx'), '--name', 'mine', ...at],
      ['models', 'compare', rig.photosDir, '--group-pattern', '_(\\d+)', ...at],
      ['import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at],
      ['train', ...at],
      ['train', ...at],
      ['models', 'heads', ...at],
      ['models', 'why', '2', '--recompute', ...at],
      ['evaluate', '--out', join(rig.dir, 'evaluation'), ...at],
      ['export', join(rig.dir, 'model.onnx'), ...at],
      ['bench', '--seconds', '1', '--threads', '1', ...at],
      ['label', ...at],
      ['audit', ...at],
      ['config', 'print', rig.configFile],
    ];
    for (const run of runs) {
      const { stdout, stderr } = spawnSync(process.execPath, [CLI, ...run], {
        encoding: 'utf8',
        timeout: HANG_MS,
        env: { ...process.env, COLUMNS: String(COLUMNS) },
      });
      assert.notEqual(stdout + stderr, '', run.join(' '));
      assert.deepEqual(wideLines(stdout + stderr), [], run.join(' '));
    }
  });

  test('ends silently when its pipe is closed, like a program ended by SIGPIPE', () => {
    for (const command of ['config schema', 'models list', 'train --help']) {
      const { status, stdout, stderr } = spawnSync(
        'bash',
        ['-o', 'pipefail', '-c', `"$0" "$1" ${command} | true`, process.execPath, CLI],
        { encoding: 'utf8', timeout: HANG_MS },
      );
      assert.deepEqual([status, stdout, stderr], [141, '', ''], command);
    }
  });
});

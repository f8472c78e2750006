import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  appendHistory,
  compactHistory,
  everServed,
  type HistoryRecord,
  readHistory,
  servingStack,
} from '../../src/registry/history.js';
import { temporaryFolder } from '../temporary-folder.js';

const record = (event: HistoryRecord['event'], version: number | null): HistoryRecord => ({
  at: '2026-01-01T00:00:00.000Z',
  event,
  version,
  previous: null,
});

describe('the history of serving heads', () => {
  const cases: [
    name: string,
    records: [HistoryRecord['event'], number | null][],
    stack: number[],
  ][] = [
    [
      'promotions pile up',
      [
        ['promoted', 1],
        ['promoted', 2],
      ],
      [1, 2],
    ],
    [
      'going back takes off',
      [
        ['promoted', 1],
        ['promoted', 2],
        ['rolled-back', 1],
      ],
      [1],
    ],
    [
      'and a promotion puts on again',
      [
        ['promoted', 1],
        ['promoted', 2],
        ['rolled-back', 1],
        ['promoted', 2],
      ],
      [1, 2],
    ],
    [
      'the same twice is once',
      [
        ['promoted', 1],
        ['promoted', 1],
      ],
      [1],
    ],
    [
      'an old one promoted by hand',
      [
        ['promoted', 1],
        ['promoted', 2],
        ['promoted', 1],
      ],
      [1, 2, 1],
    ],
    [
      'going to one that never served',
      [
        ['promoted', 1],
        ['rolled-back', 7],
      ],
      [1, 7],
    ],
    [
      'a first head withdrawn',
      [
        ['promoted', 1],
        ['withdrawn', null],
      ],
      [],
    ],
    [
      'a damaged head',
      [
        ['promoted', 1],
        ['promoted', 2],
        ['fell-back', 1],
      ],
      [1],
    ],
    [
      'a switch that was not written down',
      [
        ['promoted', 1],
        ['found', 2],
      ],
      [1, 2],
    ],
  ];
  for (const [name, records, stack] of cases) {
    it(name, () => {
      assert.deepEqual(
        servingStack(records.map(([event, version]) => record(event, version))),
        stack,
      );
    });
  }

  it('always ends with what serves', () => {
    const event = fc.constantFrom('promoted', 'rolled-back', 'fell-back', 'withdrawn', 'found');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.option(fc.integer({ min: 1, max: 6 }))), { minLength: 1 }),
        (pairs) => {
          const records = pairs.map(([e, v]) => record(e as HistoryRecord['event'], v));
          const serving = records.at(-1)?.version ?? null;
          assert.equal(servingStack(records).at(-1) ?? null, serving);
          if (serving !== null) assert.equal(everServed(records).at(-1), serving);
        },
      ),
    );
  });

  it('survives a torn last line', async (t) => {
    const dir = temporaryFolder(t);
    const path = join(dir, 'history.jsonl');
    assert.deepEqual(await readHistory(path), []);
    await appendHistory(path, record('promoted', 1));
    appendFileSync(path, '{"at":"2026-01-01T00:00:00.000Z","event":"prom');
    assert.deepEqual(await readHistory(path), [record('promoted', 1)]);
    await appendHistory(path, record('promoted', 2));
    assert.deepEqual(await readHistory(path), [record('promoted', 1), record('promoted', 2)]);
  });

  it('stays short', async (t) => {
    const dir = temporaryFolder(t);
    const path = join(dir, 'history.jsonl');
    const lines = Array.from({ length: 1_001 }, (_, i) => record('promoted', i + 1));
    appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await compactHistory(path);
    assert.deepEqual(await readHistory(path), lines.slice(-500));
    const before = readFileSync(path);
    await compactHistory(path);
    assert.deepEqual(readFileSync(path), before);
  });
});

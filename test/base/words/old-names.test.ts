import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { withPresentNames } from '../../../src/base/words/old-names.js';
import { readManifest } from '../../../src/samples/folder/manifest.js';
import { parseReport } from '../../../src/training/stored-report.js';
import { temporaryFolder } from '../../temporary-folder.js';

describe('names of the time when the holdout was called the exam', () => {
  test('are replaced at any depth, but not where they are a label', () => {
    const old = {
      exam: { samples: 3 },
      championExam: null,
      input: { source: 'exam', samples: [{ label: 'exam', exam: true }] },
      evidence: 'exam',
    };
    assert.deepEqual(withPresentNames(old), {
      holdout: { samples: 3 },
      championHoldout: null,
      input: { source: 'holdout', samples: [{ label: 'exam', holdout: true }] },
      evidence: 'holdout',
    });
  });

  test('nothing else changes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).toLowerCase().includes('exam'));
        assert.equal(JSON.stringify(withPresentNames(value)), JSON.stringify(value));
      }),
    );
  });

  test('an export and a report of that time are read', async (t) => {
    const dir = temporaryFolder(t);
    const line = {
      schema: 1,
      file: 'weed/1.jpg',
      sha256: 'a'.repeat(64),
      id: '1',
      label: 'weed',
      label_source: 'cli',
      labelled_at_ms: 1,
      group: 'g',
      exam: true,
      source: 'main',
      captured_at_ms: 1,
      origin: null,
      multiplicity: 1,
    };
    writeFileSync(join(dir, 'samples.jsonl'), `${JSON.stringify(line)}\n`);
    const { entries, badLines } = await readManifest(dir);
    assert.deepEqual([entries.get(line.sha256)?.holdout, badLines], [true, []]);

    // A camera may have this name, and a hostile line may be nested as deep as it likes.
    const { exam: _, ...present } = { ...line, holdout: false, source: 'exam' };
    const hostile = `{"schema":1,"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    writeFileSync(join(dir, 'samples.jsonl'), `${JSON.stringify(present)}\n${hostile}\nnull\n`);
    const again = await readManifest(dir);
    assert.deepEqual([again.entries.get(line.sha256)?.source, again.badLines], ['exam', [2, 3]]);
    const report = {
      trainingId: 't',
      trigger: 'cli',
      outcome: 'failed',
      reason: 'why',
      finishedAt: '2026-01-01T00:00:00.000Z',
      durationMs: 1,
      result: { version: 1, learner: 'ridge', exam: null, durationsMs: {} },
    };
    assert.equal(parseReport(report)?.result?.holdout, null);
  });
});

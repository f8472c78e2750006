import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openDatabase } from '../../src/storage/database.js';
import { ReportLog, type ReportLogLimits } from '../../src/storage/report-log.js';
import { temporaryFolder } from '../temporary-folder.js';

function robot(t: TestContext) {
  const dir = temporaryFolder(t);
  return (limits?: ReportLogLimits) => {
    const database = openDatabase(join(dir, 'headland.db'));
    t.after(() => database.close());
    return { log: new ReportLog(database, limits), close: () => database.close() };
  };
}

function summary(number: number) {
  const finishedAt = new Date(number * 1_000).toISOString();
  return {
    trainingId: `t${number}`,
    task: 'main',
    outcome: 'failed',
    reason: 'why',
    headVersion: null,
    finishedAt,
  };
}

describe('the log of reports', () => {
  it('outlives a restart, newest first', (t) => {
    const open = robot(t);
    const { log, close } = open();
    assert.equal(log.last('main'), null);
    assert.deepEqual(log.list('main', 5), []);
    for (const number of [1, 2, 3]) log.append(summary(number), { number, confusion: [[number]] });
    close();
    const again = open().log;
    assert.deepEqual(again.last('main'), summary(3));
    assert.deepEqual(again.list('main', 2), [
      { number: 3, confusion: [[3]] },
      { number: 2, confusion: [[2]] },
    ]);
  });

  it('keeps so many, and so much, and always the newest', (t) => {
    const { log } = robot(t)({ maxReports: 3, maxLength: 100 });
    const numbers = () => log.list('main', 10).map((body) => (body as { number: number }).number);
    for (let number = 1; number <= 5; number++) log.append(summary(number), { number });
    assert.deepEqual(numbers(), [5, 4, 3]);
    log.append(summary(6), { number: 6, text: 'x'.repeat(60) });
    assert.deepEqual(numbers(), [6, 5], 'three would be longer than 100');
    log.append(summary(7), { number: 7, text: 'x'.repeat(500) });
    assert.deepEqual(numbers(), [7]);
  });
});

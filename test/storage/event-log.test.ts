import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openDatabase } from '../../src/storage/database.js';
import { EventLog, type LoggedEvent } from '../../src/storage/event-log.js';
import { temporaryFolder } from '../temporary-folder.js';

function event(kind: string, text: string): LoggedEvent {
  return {
    atMs: 1_700_000_000_000,
    kind,
    severity: 'info',
    key: `event.${kind}`,
    values: {},
    text,
  };
}

function opened(t: TestContext, limits = { maxOfKind: 3, maxWaitingOfKind: 4 }) {
  const path = join(temporaryFolder(t), 'headland.db');
  const database = openDatabase(path);
  t.after(() => database.close());
  return { path, database, log: new EventLog(database, limits) };
}

const texts = (log: EventLog, filter: Parameters<EventLog['list']>[0]) =>
  log.list(filter).map(({ text }) => text);

describe('the list of events', () => {
  test('is kept over a restart, newest first, by pages and by kind', (t) => {
    const { path, database, log } = opened(t, { maxOfKind: 9, maxWaitingOfKind: 9 });
    for (const [kind, text] of [
      ['alarm', 'a'],
      ['head', 'b'],
      ['alarm', 'c'],
    ] as const) {
      log.add(event(kind, text));
    }
    log.flush();
    database.close();
    const again = openDatabase(path);
    t.after(() => again.close());
    const after = new EventLog(again);
    after.add(event('alert', 'd'));
    assert.deepEqual(texts(after, { limit: 9 }), ['d', 'c', 'b', 'a']);
    const [, second] = after.list({ limit: 2 });
    assert.deepEqual(texts(after, { limit: 9, before: second!.sequence }), ['b', 'a']);
    assert.deepEqual(texts(after, { limit: 9, kind: 'alarm' }), ['c', 'a']);
  });

  test('keeps the newest of each kind, so that many of one push out no other', (t) => {
    const { log } = opened(t);
    log.add(event('head', 'old'));
    log.flush();
    for (let index = 0; index < 20; index++) log.add(event('alert', `${index}`));
    assert.deepEqual(texts(log, { limit: 99 }), ['19', '18', '17', 'old']);
  });

  test('hides secrets in addresses', (t) => {
    const { log } = opened(t);
    log.add(event('camera', 'cannot open rtsp://u:canary@cam/'));
    assert.ok(!JSON.stringify(log.list({ limit: 1 })).includes('canary'));
  });
});

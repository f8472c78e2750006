import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuditLog } from '../../src/storage/audit-table.js';
import { Meta } from '../../src/storage/meta-table.js';
import { hasCode } from '../errors.js';
import { temporaryStore } from '../samples/support.js';

test('the audit log keeps what was appended, newest first, by kind and page', (t) => {
  const { database } = temporaryStore(t);
  const audit = new AuditLog(database);
  for (let i = 1; i <= 5; i++) audit.append(i % 2 ? 'command' : 'promotion', { i }, 1_000 + i);
  assert.deepEqual(audit.list({ limit: 1 }), [
    { sequence: 5, atMs: 1_005, kind: 'command', detail: { i: 5 } },
  ]);
  const numbers = (filter: Parameters<AuditLog['list']>[0]) =>
    audit.list(filter).map(({ detail }) => detail.i);
  assert.deepEqual(numbers({ kind: 'command' }), [5, 3, 1]);
  assert.deepEqual(numbers({ kind: 'command', beforeSequence: 5, limit: 1 }), [3]);
  assert.deepEqual(new AuditLog(database).list().length, 5);
});

test('neither the audit log nor the label history can be rewritten', (t) => {
  const { database, store } = temporaryStore(t);
  const audit = new AuditLog(database);
  for (let i = 0; i < 3; i++) audit.append('command', { i });
  const { id } = store.admit({
    jpeg: Buffer.from('x'),
    label: 'weed',
    labelSource: 'cli',
    group: 'g',
    source: 'main',
    capturedAtMs: 0,
    dhash: '0'.repeat(16),
  }).sample;
  for (const sql of [
    "UPDATE audit SET kind = 'x'",
    'DELETE FROM audit WHERE sequence = 2',
    "UPDATE label_history SET new_label = 'x'",
    'DELETE FROM label_history',
  ]) {
    assert.throws(() => database.exec(sql), /append-only/, sql);
  }
  assert.equal(audit.list().length, 3);
  assert.equal(store.labelHistory(id).length, 1);
});

test('beyond its bound the oldest entries of the audit log go', (t) => {
  const { database } = temporaryStore(t);
  const audit = new AuditLog(database, 3);
  for (let i = 1; i <= 10; i++) audit.append('command', { i });
  assert.deepEqual(
    audit.list().map(({ sequence }) => sequence),
    [10, 9, 8],
  );
  new AuditLog(database, 1).append('command', {});
  assert.deepEqual(
    audit.list().map(({ sequence }) => sequence),
    [11],
  );
});

test('small facts are kept, replaced and forgotten', (t) => {
  const { database } = temporaryStore(t);
  const meta = new Meta(database);
  assert.equal(meta.get('position'), null);
  meta.set('position', '600');
  meta.set('position', '601');
  assert.equal(new Meta(database).get('position'), '601');
  meta.set('position', null);
  assert.equal(meta.get('position'), null);
});

test('an entry that cannot be written waits, and comes in its order', (t) => {
  const { database } = temporaryStore(t);
  const audit = new AuditLog(database);
  database.pragma('query_only = ON');
  for (const i of [1, 2]) {
    assert.throws(() => audit.record('command', { i }), hasCode('HL_STORE_READ_ONLY'));
  }
  assert.throws(() => audit.flush(), hasCode('HL_STORE_READ_ONLY'));
  database.pragma('query_only = OFF');
  audit.record('command', { i: 3 });
  audit.flush();
  assert.deepEqual(
    audit.list().map(({ detail }) => detail.i),
    [3, 2, 1],
  );
  try {
    audit.record('command', { big: 1n });
  } catch {
    // An entry that can never be written.
  }
  audit.record('command', { i: 4 });
  assert.equal(audit.list({ limit: 1 })[0]?.detail.i, 4);
});

test('entries that are lost because the disk stays away are counted', (t) => {
  const { database } = temporaryStore(t);
  const audit = new AuditLog(database);
  database.pragma('query_only = ON');
  for (let i = 0; i < 1_003; i++) {
    assert.throws(() => audit.record('command', { i }), hasCode('HL_STORE_READ_ONLY'));
  }
  database.pragma('query_only = OFF');
  audit.flush();
  audit.flush();
  const kept = audit.list({ limit: 2_000 }).reverse();
  assert.deepEqual(
    kept.slice(0, 2).map(({ kind, detail }) => [kind, detail]),
    [
      ['lost', { entries: 3 }],
      ['command', { i: 3 }],
    ],
  );
  assert.equal(kept.length, 1_001);
});

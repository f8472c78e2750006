import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuditTrail } from '../../src/agent/audit-trail.js';
import { HeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { AuditLog } from '../../src/storage/audit-table.js';
import { temporaryStore } from '../samples/support.js';

test('an operation is in the audit with who asked, when it was done and when it was refused', async (t) => {
  const audit = new AuditLog(temporaryStore(t).database);
  const trail = new AuditTrail(audit, silentLog());
  const by = { source: 'mqtt' as const, transaction: 't1' };
  const done = await trail.around('pause', { what: 'training' }, by, async () => {
    assert.equal(audit.list().length, 0, 'nothing is said to be done before it is');
    return ['training'];
  });
  assert.deepEqual(done, ['training']);
  const refusal = new HeadlandError('HL_HEAD_NO_PREVIOUS', 'no other head', { remedy: 'Train.' });
  const refused = trail.around('rollback', {}, { source: 'console' }, () =>
    Promise.reject(refusal),
  );
  await assert.rejects(refused, refusal);
  const defect = trail.around('promote', { version: 2 }, by, () => {
    throw new TypeError('a defect');
  });
  await assert.rejects(defect, TypeError);
  assert.deepEqual(
    audit.list().map(({ kind, detail }) => ({ kind, ...detail })),
    [
      {
        kind: 'command',
        name: 'promote',
        version: 2,
        source: 'mqtt',
        transaction: 't1',
        ok: false,
        code: 'HL_INTERNAL',
      },
      {
        kind: 'command',
        name: 'rollback',
        source: 'console',
        ok: false,
        code: 'HL_HEAD_NO_PREVIOUS',
      },
      {
        kind: 'command',
        name: 'pause',
        what: 'training',
        source: 'mqtt',
        transaction: 't1',
        ok: true,
      },
    ],
  );
});

test('an audit log that cannot be written stops no operation', async (t) => {
  const { database } = temporaryStore(t);
  const trail = new AuditTrail(new AuditLog(database), silentLog());
  database.pragma('query_only = 1');
  const result = await trail.around('retrain', {}, { source: 'cli' }, () => 'id');
  assert.equal(result, 'id');
});

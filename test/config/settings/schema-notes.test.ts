import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configSchema } from '../../../src/config/schema.js';
import { addedByHand, needsRestart } from '../../../src/config/settings/schema-notes.js';

describe('what the schema notes about settings', () => {
  test('a restart is needed for the state folder and the library, and for nothing else', () => {
    const before = configSchema.parse({});
    const next = configSchema.parse({
      paths: { stateDir: '/a', cacheDir: '/b' },
      inference: { libraryPath: '/c', topK: 1 },
      console: { port: 1 },
      log: { level: 'debug' },
    });
    assert.deepEqual(needsRestart(before, next), ['paths.stateDir', 'inference.libraryPath']);
    assert.deepEqual(needsRestart(before, before), []);
  });

  test('programs, libraries and files of secrets are set by hand; they may move and go', () => {
    const rule = { name: 'a', labels: ['x'], command: { path: '/bin/a' } };
    const before = { alerts: { rules: [rule] } };
    assert.deepEqual(addedByHand(before, { alerts: { rules: [{ name: 'b' }, rule] } }), []);
    assert.deepEqual(addedByHand(before, {}), []);
    const changed = { ...rule, command: { path: '/bin/a', arguments: ['-v'] } };
    assert.deepEqual(addedByHand(before, { alerts: { rules: [changed] } }), [
      'alerts.rules[].command',
    ]);
    assert.deepEqual(
      addedByHand(
        {},
        { mqtt: { password: { file: '/x' } }, sync: { rsync: { sshKeyFile: '/k' } } },
      ),
      ['mqtt.password.file', 'sync.rsync.sshKeyFile'],
    );
    assert.deepEqual(addedByHand({}, { mqtt: { password: { credential: 'mqtt-password' } } }), []);
  });

  test('what stands at no known place has no notes', () => {
    assert.deepEqual(addedByHand({}, { unknown: { inference: { libraryPath: '/x' } } }), []);
  });
});

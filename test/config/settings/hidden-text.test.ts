import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { redactValue } from '../../../src/base/redact.js';
import { withHiddenText } from '../../../src/config/settings/hidden-text.js';

const present = {
  mqtt: { url: 'mqtt://u:one@h', username: 'farmer' },
  alerts: {
    rules: [{ command: { path: '/bin/x', arguments: ['--token', 'two', '--key', '-x'] } }],
  },
};

test('settings that come back as they were shown keep their secrets', () => {
  for (const path of ['mqtt', 'alerts']) {
    const value = redactValue(present)[path as 'mqtt'];
    assert.ok(JSON.stringify(value).includes('[redacted]'));
    assert.deepEqual(withHiddenText({ path, value }, present).value, present[path as 'mqtt']);
  }
});

test('a hidden text that is moved to another setting does not become what it hides', () => {
  for (const change of [
    { path: 'mqtt.username', value: '[redacted]' },
    { path: 'alerts.rules[0].command.arguments', value: ['-x', '[redacted]x'] },
  ]) {
    assert.throws(
      () => withHiddenText(change, present),
      (error) => isHeadlandError(error, 'HL_SETTINGS_HIDDEN'),
    );
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { parseConfig } from '../../src/config/load.js';

/** Problems of a configuration, a line each. */
function mistakes(text: string): string[] {
  try {
    parseConfig(text, 'robot.yaml');
  } catch (error) {
    assert.ok(isHeadlandError(error, 'HL_CONFIG_INVALID'), String(error));
    return error.message.split('\n').slice(1);
  }
  return [];
}

describe('mistakes in a configuration', () => {
  test('stand one a line, with the line of the file, in its order', () => {
    const text = `robot: { id: my robot }
cameras:
  - driver: simulated
    name: front
  - driver: fmpeg
    input: /dev/video0
log:
  level: warning
  fromat: text
`;
    assert.deepEqual(mistakes(text), [
      'robot.yaml:1: robot.id: use 1 to 63 letters, digits, "_" or "-"; did you mean "my-robot"?',
      'robot.yaml:5: cameras[1].driver: must be "auto" or "ffmpeg" or "rpicam" or "webcam" or "pipe" or "replay" or "simulated", not "fmpeg"; did you mean "ffmpeg"?',
      'robot.yaml:8: log.level: must be "trace" or "debug" or "info" or "warn" or "error" or "fatal", not "warning"; did you mean "warn"?',
      'robot.yaml:9: log.fromat: unknown setting; did you mean "format"?',
    ]);
  });

  for (const [written, meant] of [
    ['console: { enabled: yes }', 'true'],
    ['console: { enabled: "off" }', 'false'],
    ['console: { enabled: 1 }', 'true'],
    ['console: { port: "8090" }', '8090'],
    ['inference: { threads: two }', '2'],
    ['samples: { holdoutShare: 20% }', '0.2'],
    ['samples: { holdoutShare: 20 }', '0.2'],
    ['samples: { maxPictureStoreBytes: 10 GB }', '10000000000'],
    ['samples: { maxPictureStoreBytes: 1GiB }', '1073741824'],
    ['mqtt: { metricsIntervalMs: 90s }', '90000'],
    ['mqtt: { metricsIntervalMs: 1.5 min }', '90000'],
    ['mqtt: { url: broker.farm.lan }', '"mqtt://broker.farm.lan"'],
    ['mqtt: { protocol: 5 }', '"5"'],
    ['robot: { id: 7 }', '"7"'],
    ['alerts: { rules: [{ name: r, labels: weed }] }', '[weed]'],
    [
      'cameras: [{ driver: simulated, name: front }]\ntasks: [{ name: a, cameras: [frnt] }]',
      '"front"',
    ],
  ] as const) {
    test(`${written.replace('\n', ', ')}: ${meant} was meant`, () => {
      const [only, ...others] = mistakes(written);
      assert.deepEqual(others, []);
      assert.ok(only?.endsWith(`; did you mean ${meant}?`), only);
    });
  }

  test('nothing is proposed where nothing comes to mind', () => {
    for (const text of ['console: { port: 70000 }', 'inference: { threads: xyzzy }', 'log: 5']) {
      const [only] = mistakes(text);
      assert.ok(only !== undefined && !only.includes('did you mean'), only);
    }
  });
});

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { HeadlandError } from '../../src/base/errors.js';
import { configJsonSchema } from '../../src/config/json-schema.js';
import { loadConfigFile, parseConfig, validateConfig } from '../../src/config/load.js';
import { readSecretText } from '../../src/config/secrets.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder({ after });

function refusal(action: () => unknown): HeadlandError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof HeadlandError, String(error));
    return error;
  }
  assert.fail('was accepted');
}

interface Problem {
  path: string;
  message: string;
}

const problemsOf = (action: () => unknown): Problem[] =>
  refusal(action).details.problems as Problem[];
/** What is refused, as paths of settings. */
const refused = (action: () => unknown): string[] => problemsOf(action).map(({ path }) => path);

describe('configuration', () => {
  test('an empty file gives every default', () => {
    const config = parseConfig('');
    assert.equal(config.models.backbone, 'efficientnet-lite0-288');
    assert.equal(config.cameras[0]?.driver, 'auto');
    assert.equal(config.samples.holdoutShare, 0.2);
  });

  test('is deeply frozen', () => {
    const config = parseConfig('robot: {id: r1}');
    assert.throws(() => {
      (config.robot as { id: string }).id = 'r2';
    }, TypeError);
    assert.ok(Object.isFrozen(config.cameras[0]));
  });

  for (const [text, path, nearest] of [
    ['trainning: {}', 'trainning', 'training'],
    ['training: {everyNewLabel: 3}', 'training.everyNewLabel', 'everyNewLabels'],
    ['cameras: [{driver: ffmpeg, widthPixel: 3}]', 'cameras[0].widthPixel', 'widthPixels'],
    ['mqtt: {password: {fille: /x}}', 'mqtt.password.fille', 'file'],
    ['alerts: {rules: [{name: a, labels: [x], holdMS: 2}]}', 'alerts.rules[0].holdMS', 'holdMs'],
  ] as const) {
    test(`the misspelt ${path} names ${nearest}`, () => {
      const error = refusal(() => parseConfig(text));
      assert.equal(error.code, 'HL_CONFIG_INVALID');
      assert.match(error.message, new RegExp(`${path.replace(/[[\].]/g, '\\$&')}.*"${nearest}"`));
    });
  }

  test('an unknown name that resembles nothing gets no suggestion', () => {
    assert.doesNotMatch(refusal(() => parseConfig('xyzzyplugh: 1')).message, /did you mean/);
  });

  test('reports all problems together, each with its path', () => {
    const error = refusal(() => parseConfig('inference: {threads: 0, topK: 99}'));
    assert.match(error.message, /inference\.threads/);
    assert.match(error.message, /inference\.topK/);
  });

  test('the mounting sets rotation and flips, unless they are set explicitly', () => {
    const read = (text: string) => {
      const { augmentation } = parseConfig(`augmentation: ${text}`);
      const { rotationDegrees, horizontalFlip, verticalFlip } = augmentation;
      return [rotationDegrees, horizontalFlip, verticalFlip];
    };
    assert.deepEqual(read('{}'), [15, true, false]);
    assert.deepEqual(read('{mounting: forward}'), [15, true, false]);
    assert.deepEqual(read('{mounting: overhead}'), [180, true, true]);
    assert.deepEqual(read('{mounting: overhead, rotationDegrees: 0, verticalFlip: false}'), [
      0,
      true,
      false,
    ]);
    assert.match(
      refusal(() => parseConfig('augmentation: {rotationDegree: 3}')).message,
      /"rotationDegrees"/,
    );
  });

  test('each row of the Keras table in the guide matches the loader, and its example is valid', () => {
    const guide = readFileSync(
      fileURLToPath(new URL('../../../docs/guides/augmentation.md', import.meta.url)),
      'utf8',
    );
    const table = guide
      .split('## Coming from Keras')[1]!
      .split('\n## ')[0]!
      .match(/^\| `.*$/gm)!;
    let names = 0;
    for (const row of table) {
      const [, keras, own] = row.split('|').map((cell) => cell.trim()) as [string, string, string];
      for (const [, name] of keras.matchAll(/`([a-z_]{4,})(?:=[^`]*)?`/g)) {
        names++;
        const { message } = refusal(() => parseConfig(`augmentation: {${name}: 0}`));
        const example = /^`(\w+): (\S+)`$/.exec(own);
        if (!example || name === 'cval') {
          assert.match(message, new RegExp(`augmentation\\.${name}: .*without a counterpart: `));
          continue;
        }
        const [, setting, value] = example;
        assert.ok(
          message.includes(`${name}: unknown setting: a Keras name; did you mean "${setting}"?`),
          message,
        );
        const config = parseConfig(`augmentation: {${setting}: ${value}}`);
        assert.equal(String(config.augmentation[setting as 'zoom']), value);
        const [, most] = /at most ([0-9.]+)/.exec(row) ?? [];
        if (most === undefined) continue;
        const limit = Number(most.replace(/\.$/, ''));
        parseConfig(`augmentation: {${setting}: ${limit}}`);
        refusal(() => parseConfig(`augmentation: {${setting}: ${limit + 0.01}}`));
      }
    }
    assert.equal(names, 23, 'every argument of ImageDataGenerator');
  });

  test('a Keras name in another section leads to augmentation', () => {
    for (const text of ['rotation_range: 20', 'training: {rotation_range: 20}']) {
      assert.match(
        refusal(() => parseConfig(text)).message,
        /rotation_range: .*did you mean "augmentation\.rotationDegrees"/,
      );
    }
  });

  test('a Keras name without a counterpart reports what replaces it', () => {
    const { message } = refusal(() => parseConfig('augmentation: {rescale: 0.0039}'));
    assert.match(message, /augmentation\.rescale: .*without a counterpart: .*model card/);
    assert.doesNotMatch(message, /did you mean/);
  });

  test('refuses contradictory settings', () => {
    const text = `
cameras: [{driver: simulated, name: a}, {driver: simulated, name: a}]
alerts: {rules: [{name: r, labels: [weed], matches: 6, ofFrames: 5, camera: b, output: lamp}]}`;
    assert.deepEqual(
      refused(() => parseConfig(text)),
      [
        'cameras[1].name',
        'alerts.rules[0].matches',
        'alerts.rules[0].camera',
        'alerts.rules[0].output',
      ],
    );
  });

  test('refuses temperatures at which a training would pause at once, or flap', () => {
    const paths = (board: string) => refused(() => parseConfig(`board: {${board}}`));
    assert.deepEqual(paths('trainBelowC: 70, pauseTrainingAboveC: 69'), [
      'board.pauseTrainingAboveC',
    ]);
    assert.deepEqual(paths('resumeTrainingBelowC: 76'), ['board.resumeTrainingBelowC']);
    for (const valid of [
      'trainBelowC: 80',
      'pauseTrainingAboveC: 70',
      'resumeTrainingBelowC: 60',
    ]) {
      parseConfig(`board: {${valid}}`);
    }
  });

  test('refuses GPIO lines and buttons that mean nothing, each with its path', () => {
    const horn = { name: 'horn', line: 17 };
    const capture = { kind: 'capture', camera: 'main' };
    const label = { kind: 'label', camera: 'main', label: 'stone' };
    const button = { name: 'stone', line: 22, action: capture };
    const cameras = [
      { driver: 'simulated' },
      { driver: 'simulated', name: 'boom', regions: { columns: 2, rows: 1 } },
    ];
    const cases: [object, string | null][] = [
      [{ outputs: [horn], inputs: [button] }, null],
      [{ outputs: [{ name: 'horn' }] }, 'gpio.outputs[0].line'],
      [{ outputs: [{ ...horn, lineName: 'GPIO17' }] }, 'gpio.outputs[0].line'],
      [{ outputs: [horn, { ...horn, line: 18 }] }, 'gpio.outputs[1].name'],
      [{ outputs: [horn, { ...horn, name: 'lamp' }] }, 'gpio.outputs[1].line'],
      [{ outputs: [horn, { ...horn, name: 'lamp', chipLabel: 'other' }] }, null],
      [{ outputs: [horn], inputs: [{ ...button, line: 17 }] }, 'gpio.inputs[0].line'],
      [{ outputs: [horn], inputs: [{ ...button, name: 'horn' }] }, 'gpio.inputs[0].name'],
      [{ driver: 'onoff', outputs: [horn] }, null],
      [{ driver: 'onoff', outputs: [{ ...horn, bias: 'pull-up' }] }, 'gpio.outputs[0].bias'],
      [{ driver: 'onoff', outputs: [{ ...horn, drive: 'open-drain' }] }, 'gpio.outputs[0].drive'],
      [{ driver: 'onoff', inputs: [button] }, 'gpio.inputs[0].bias'],
      [{ driver: 'onoff', inputs: [{ ...button, bias: 'as-is' }] }, null],
      [{ outputs: [{ ...horn, signal: { kind: 'pulse' } }] }, 'gpio.outputs[0].signal.pulseMs'],
      [
        { outputs: [{ ...horn, signal: { kind: 'pattern', partsMs: [] } }] },
        'gpio.outputs[0].signal.partsMs',
      ],
      [
        { inputs: [{ ...button, action: { ...capture, camera: 'rear' } }] },
        'gpio.inputs[0].action.camera',
      ],
      [{ inputs: [{ ...button, action: { kind: 'acknowledge' } }] }, null],
      [
        { inputs: [{ ...button, action: { kind: 'acknowledge', rule: 'stop' } }] },
        'gpio.inputs[0].action.rule',
      ],
      [{ inputs: [{ ...button, action: label }] }, null],
      [
        { inputs: [{ ...button, action: { ...label, task: 'row' } }] },
        'gpio.inputs[0].action.task',
      ],
      [
        { inputs: [{ ...button, action: { ...label, label: 'unknown' } }] },
        'gpio.inputs[0].action.label',
      ],
      [
        { inputs: [{ ...button, action: { ...label, camera: 'boom' } }] },
        'gpio.inputs[0].action.region',
      ],
      [{ inputs: [{ ...button, action: { ...label, camera: 'boom', region: '2' } }] }, null],
      [
        { inputs: [{ ...button, action: { ...label, region: '2' } }] },
        'gpio.inputs[0].action.region',
      ],
    ];
    for (const [gpio, path] of cases) {
      if (path === null) {
        validateConfig({ gpio, cameras });
        continue;
      }
      const paths = refused(() => validateConfig({ gpio, cameras }));
      assert.deepEqual(paths, [path], JSON.stringify(gpio));
    }
  });

  test('refuses buttons that label for no task, or for one of several without its name', () => {
    const cameras = ['a', 'b'].map((name) => ({ driver: 'simulated', name }));
    const tasks = [
      { name: 'weeds', cameras: ['a', 'b'] },
      { name: 'way', cameras: ['b'] },
    ];
    const cases: [string, string | null, RegExp | null][] = [
      ['a', null, null],
      ['b', null, /^must be one of: weeds, way$/],
      ['b', 'way', null],
      ['a', 'way', /^must be one of: weeds$/],
    ];
    for (const [camera, task, message] of cases) {
      const action = { kind: 'label', camera, label: 'stone', task };
      const settings = { cameras, tasks, gpio: { inputs: [{ name: 'x', line: 1, action }] } };
      if (message === null) {
        validateConfig(settings);
        continue;
      }
      const problems = problemsOf(() => validateConfig(settings));
      const own = problems.filter(({ path }) => path.startsWith('gpio'));
      assert.deepEqual(
        own.map(({ path }) => path),
        ['gpio.inputs[0].action.task'],
      );
      assert.match(own[0]!.message, message);
    }
  });

  test('refuses a snapshot where no sample may wait for a label', () => {
    const rules = [{ name: 'r', labels: ['weed'], snapshot: true }];
    const settings = { alerts: { rules }, samples: { askMaxWaiting: 0 } };
    assert.deepEqual(
      refused(() => validateConfig(settings)),
      ['alerts.rules[0].snapshot'],
    );
    const tasks = [
      { name: 'weeds', samples: { askMaxWaiting: 1 } },
      { name: 'way', samples: { askMaxWaiting: 0 } },
    ];
    validateConfig({ ...settings, tasks });
  });

  test('refuses alert rules that contradict themselves', () => {
    const rule = (settings: string): string[] => {
      const text = `
cameras: [{driver: simulated, name: a}, {driver: simulated, name: b}]
alerts: {rules: [{name: r, ${settings}}]}`;
      return refused(() => parseConfig(text)).map((path) => path.replace('alerts.rules[0]', 'r'));
    };
    assert.deepEqual(rule('labels: []'), ['r']);
    assert.deepEqual(rule('labels: [x], on: [board_hot]'), ['r']);
    assert.deepEqual(rule('labels: [x], noveltyBelow: 0.1'), ['r']);
    assert.deepEqual(rule('labels: [x], clearBelowProbability: 0.8'), ['r.clearBelowProbability']);
    assert.deepEqual(rule('noveltyBelow: 0.1, clearBelowProbability: 0.1'), [
      'r.clearBelowProbability',
    ]);
    assert.deepEqual(rule('on: [camera_lost], region: x'), ['r.region']);
    assert.deepEqual(rule('labels: [x], schedule: [{from: "06:00", to: "06:00"}]'), [
      'r.schedule[0].to',
    ]);
    assert.deepEqual(rule('labels: [x], schedule: [{from: "24:00", to: "06:60"}]'), [
      'r.schedule[0].from',
      'r.schedule[0].to',
    ]);
    assert.deepEqual(rule('on: [camera_lost, disk_low], snapshot: true, clip: {}'), [
      'r.snapshot',
      'r.clip',
    ]);
    assert.deepEqual(rule('labels: [x], command: {path: horn}'), ['r.command.path']);
    assert.deepEqual(rule('labels: [x], snapshot: true}, {name: r, labels: [y]'), ['r.name']);
    parseConfig('alerts: {rules: [{name: r, labels: [x]}, {name: r, labels: [y]}]}');
    parseConfig('alerts: {rules: [{name: r, on: [disk_low], snapshot: true, clip: {}}]}');
  });

  test('refuses a login that no message could hide, without naming it', () => {
    const error = refusal(() =>
      parseConfig(
        `cameras: [{ driver: ffmpeg, input: 'rtsp://u:my canary@cam/1' }]\nmqtt: { url: 'mqtt://u:"canary@h' }`,
      ),
    );
    const problems = error.details.problems as Problem[];
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['cameras[0].input', 'mqtt.url'],
    );
    assert.ok(!JSON.stringify(error).includes('canary'));
    assert.match(error.message, /%20/);
    parseConfig(`cameras: [{ driver: ffmpeg, input: 'rtsp://u:my%20word@cam/1' }]`);
  });

  test('a device name that a shell would run is refused', () => {
    const error = refusal(() => parseConfig('cameras: [{driver: webcam, device: "x; rm -rf ~"}]'));
    assert.match(error.message, /cameras\[0\]\.device/);
  });

  test('broken YAML, a YAML bomb and a missing file have separate codes', () => {
    assert.equal(refusal(() => parseConfig('a: [')).code, 'HL_CONFIG_SYNTAX');
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`;
    assert.equal(refusal(() => parseConfig(bomb)).code, 'HL_CONFIG_SYNTAX');
    assert.equal(
      refusal(() => loadConfigFile(join(folder, 'none.yaml'))).code,
      'HL_CONFIG_NOT_FOUND',
    );
  });

  test('a file with thousands of mistakes is told the first of them, and their number', () => {
    const many = Array.from({ length: 9_000 }, (_, i) => `name${i}: 1\n`).join('');
    const lines = refusal(() => parseConfig(many)).message.split('\n');
    assert.equal(lines[0], '9000 problems in configuration; the first 50:');
    assert.equal(lines.length, 51);
    assert.match(lines[50]!, /^configuration:50: name49: unknown setting/);
  });

  test('a file written on Windows is read, or its encoding is reported', () => {
    const path = join(folder, 'windows.yaml');
    const text = 'robot:\r\n  id: feld3\r\n';
    for (const mark of ['', '\ufeff']) {
      writeFileSync(path, `${mark}${text}`);
      assert.equal(loadConfigFile(path).robot.id, 'feld3');
    }
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    const wide: [Buffer, RegExp][] = [
      [utf16, /UTF-16/],
      [Buffer.from(utf16).swap16(), /UTF-16/],
      [Buffer.from(text, 'utf16le'), /UTF-16/],
      [Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), /UTF-32/],
      [Buffer.from('robot:\n  # Rübenacker\n  id: feld3\n', 'latin1'), /line 2 .*not UTF-8/],
    ];
    for (const [bytes, words] of wide) {
      writeFileSync(path, bytes);
      const error = refusal(() => loadConfigFile(path));
      assert.equal(error.code, 'HL_CONFIG_ENCODING');
      assert.match(error.message, words);
    }
  });

  test('the labels of an alert are normalised like other labels', () => {
    const config = parseConfig('alerts: {rules: [{name: a, labels: [" Lo\u0308wenzahn "]}]}');
    assert.deepEqual(config.alerts.rules[0]?.labels, ['Löwenzahn']);
  });

  test('any value is either accepted or refused with a code', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.object()), (value) => {
        try {
          validateConfig(value);
        } catch (error) {
          assert.ok(error instanceof HeadlandError, String(error));
        }
      }),
    );
  });

  test('any text is either accepted or refused with a code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseConfig(text);
        } catch (error) {
          assert.ok(error instanceof HeadlandError, String(error));
        }
      }),
    );
  });

  test('the JSON Schema describes every section', () => {
    const schema = configJsonSchema() as { properties: Record<string, { description?: string }> };
    for (const [name, section] of Object.entries(schema.properties)) {
      assert.ok(section.description, `${name} has no description`);
    }
  });
});

test('the shipped configuration is valid', () => {
  const file = fileURLToPath(new URL('../../../deploy/headland.yaml', import.meta.url));
  assert.equal(loadConfigFile(file).robot.id, 'robot1');
});

describe('secrets', () => {
  const path = join(folder, 'password');
  writeFileSync(path, 'swordfish\n', { mode: 0o600 });

  test('are read without their final line break', () => {
    assert.equal(readSecretText({ file: path }, {}), 'swordfish');
    assert.equal(
      readSecretText({ credential: 'password' }, { CREDENTIALS_DIRECTORY: folder }),
      'swordfish',
    );
    assert.equal(readSecretText(null, {}), null);
  });

  test('are read as written on Windows, or their encoding is reported', () => {
    const password = (bytes: Buffer | string) => {
      writeFileSync(path, bytes, { mode: 0o600 });
      return readSecretText({ file: path }, {});
    };
    assert.equal(password('\ufeffgeheim\r\n'), 'geheim');
    assert.equal(password(Buffer.from('\ufeffgeheim\r\n', 'utf16le')), 'geheim');
    assert.equal(password(Buffer.from('\ufeffgeheim\r\n', 'utf16le').swap16()), 'geheim');
    assert.equal(password(' spaces stay \n'), ' spaces stay ');
    const latin1 = Buffer.from('geh\xe4im\n', 'latin1');
    assert.equal(refusal(() => password(latin1)).code, 'HL_SECRET_ENCODING');
  });

  test('files that others can read are refused', () => {
    const open = join(folder, 'open');
    writeFileSync(open, 'x');
    chmodSync(open, 0o644);
    assert.equal(refusal(() => readSecretText({ file: open }, {})).code, 'HL_SECRET_TOO_OPEN');
  });

  test('a credential cannot name a path', () => {
    const credentials = join(folder, 'credentials');
    mkdirSync(credentials);
    const error = refusal(() =>
      readSecretText({ credential: '../password' }, { CREDENTIALS_DIRECTORY: credentials }),
    );
    assert.equal(error.code, 'HL_SECRET_UNREADABLE');
  });
});

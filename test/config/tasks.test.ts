import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decidesOn } from '../../src/base/words/task.js';
import { parseConfig } from '../../src/config/load.js';
import { tasksOf } from '../../src/config/tasks-of.js';

const CAMERAS = `
cameras:
  - { driver: simulated, name: front }
  - { driver: simulated, name: boom, regions: { columns: 2, rows: 1 } }
`;

const refused = (text: string, reason: RegExp): void =>
  assert.throws(() => parseConfig(CAMERAS + text), reason);

describe('tasks in the settings', () => {
  test('none: one task "main" on everything, with the common settings', () => {
    const config = parseConfig(CAMERAS);
    const [only, ...others] = tasksOf(config);
    assert.deepEqual([only.name, others], ['main', []]);
    assert.equal(only.settings, config);
    assert.ok(decidesOn(only, { camera: 'boom', region: '2' }));
  });

  test('replace the common settings one by one, and only those that are written', () => {
    const config = parseConfig(`${CAMERAS}
training: { everyNewLabels: 7, minLabels: 9 }
samples: { holdoutShare: 0.3 }
tasks:
  - { name: a, training: { everyNewLabels: 3, cron: null }, inference: { unknownAlpha: 0 } }
  - { name: b, gate: { shadowLabels: 5 } }
`);
    const [a, b] = tasksOf(config);
    const of = ({ settings }: typeof a) => [
      settings.training.everyNewLabels,
      settings.training.minLabels,
      settings.inference.unknownAlpha,
      settings.samples.holdoutShare,
      settings.gate.shadowLabels,
    ];
    assert.deepEqual(of(a), [3, 9, 0, 0.3, 50]);
    assert.deepEqual(of(b!), [7, 9, 0.05, 0.3, 5]);
  });

  test('decide on the cameras and regions that they name', () => {
    const { tasks } = parseConfig(`${CAMERAS}
tasks:
  - { name: a, cameras: [front] }
  - { name: b, cameras: [boom], regions: ['2'] }
  - { name: c }
`);
    const eyes = [
      { camera: 'front', region: null },
      { camera: 'boom', region: '1' },
      { camera: 'boom', region: '2' },
    ];
    assert.deepEqual(
      tasks.map((task) => eyes.map((eye) => decidesOn(task, eye))),
      [
        [true, false, false],
        [false, false, true],
        [true, true, true],
      ],
    );
  });

  test('names that nothing has, images that nobody decides on and bad names are refused', () => {
    refused(
      'tasks: [{ name: a, cameras: [rear] }]',
      /tasks\[0\]\.cameras: no camera is named "rear"/,
    );
    refused('tasks: [{ name: a, regions: ["3"] }]', /no region of a camera is named "3"/);
    refused(
      'tasks: [{ name: a, cameras: [boom], regions: ["1"] }]',
      /no task decides on the images of front[\s\S]*no task decides on the images of boom\/2/,
    );
    refused('tasks: [{ name: a }, { name: a }]', /two tasks have the same name/);
    for (const name of ['Weeds', '1', 'current', 'a/b', 'a b', '']) {
      refused(`tasks: [{ name: "${name}" }]`, /tasks\[0\]\.name/);
    }
    refused(
      'alerts: { rules: [{ name: r, labels: [x], task: weeds }] }',
      /alerts\.rules\[0\]\.task: no task is named "weeds"/,
    );
    refused(
      'tasks: [{ name: a, training: { everyNewLabel: 3 } }]',
      /did you mean "everyNewLabels"/,
    );
  });
});

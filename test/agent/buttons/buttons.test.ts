import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Buttons } from '../../../src/agent/buttons/buttons.js';
import { press } from '../../../src/agent/buttons/press.js';
import { openInput } from '../../../src/alerts/open-input.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { configSchema } from '../../../src/config/schema.js';
import { SimulatedKernel } from '../../alerts/gpio/simulated-kernel.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { quietScheduler, Recorder, recordedAlarms, recordedLog } from '../../recorder.js';
import { TestAgent } from '../support.js';

const ACTION = { kind: 'label', camera: 'main', label: 'stone' };
const input = (name: string, line: number, action: object = ACTION) => ({ name, line, action });

function buttonsOn(kernel: SimulatedKernel, inputs: object[], failing: string[] = []) {
  const { gpio } = configSchema.parse({ gpio: { inputs } });
  const presses = new Recorder<string>();
  const { alarms, said, changes } = recordedAlarms();
  const { log, lines } = recordedLog();
  const buttons = new Buttons(gpio, {
    press: async ({ name }) => {
      presses.add(name);
      if (failing.includes(name)) {
        throw new HeadlandError('HL_FRAME_NONE', 'there is no frame', { remedy: 'Wait.' });
      }
    },
    alarms,
    repeats: quietScheduler(),
    log,
    openInput: (driver, button) => openInput(driver, button, () => kernel),
  });
  return { buttons, presses, said, changes, lines };
}

describe('buttons', { timeout: TEST_HANG_MS }, () => {
  test('act once for each press, not for the release', async () => {
    const kernel = new SimulatedKernel([{ label: 'gpio-sim', names: [null, null] }]);
    const { buttons, presses } = buttonsOn(kernel, [input('a', 0), input('b', 1)]);
    await buttons.start();
    for (const [line, level] of [
      [0, 0],
      [0, 1],
      [0, 0],
      [1, 0],
      [1, 1],
    ] as const) {
      kernel.drive(0, line, level);
    }
    assert.deepEqual(await presses.count(3), ['a', 'a', 'b']);
    kernel.drive(0, 1, 0);
    assert.equal((await presses.count(4)).at(-1), 'b', 'presses are found without being asked for');
    await buttons.stop();
    assert.equal(kernel.openFiles, 0);
    buttons.poll();
    assert.equal(presses.all.length, 4);
  });

  test('go on after a press that failed, which the log tells with its remedy', async () => {
    const kernel = new SimulatedKernel([{ label: 'gpio-sim', names: [null] }]);
    const { buttons, presses, lines } = buttonsOn(kernel, [input('a', 0)], ['a']);
    await buttons.start();
    for (const level of [0, 1, 0]) kernel.drive(0, 0, level);
    await presses.count(2);
    const warning = await lines.until(({ msg }) => String(msg).includes('no frame'));
    assert.deepEqual(
      [warning.button, warning.action, warning.code, warning.remedy],
      ['a', 'label', 'HL_FRAME_NONE', 'Wait.'],
    );
    await buttons.stop();
  });

  test('with a loose contact act a few times a second only, but a light barrier always', async () => {
    const kernel = new SimulatedKernel([{ label: 'gpio-sim', names: [null, null] }]);
    const barrier = input('barrier', 1, { kind: 'capture', camera: 'main' });
    const { buttons, presses, lines } = buttonsOn(kernel, [input('loose', 0), barrier]);
    await buttons.start();
    for (let edge = 0; edge < 20; edge += 1) {
      for (const line of [0, 1]) kernel.drive(0, line, edge % 2);
    }
    buttons.poll();
    const count = (name: string) => presses.all.filter((each) => each === name).length;
    assert.deepEqual([count('loose'), count('barrier')], [4, 10]);
    const warning = await lines.until(({ msg }) => String(msg).includes('loose contact'));
    assert.equal(warning.button, 'loose');
    await buttons.stop();
  });

  test('that cannot be read raise an alarm and come back, while the others work', async () => {
    const kernel = new SimulatedKernel([{ label: 'gpio-sim', names: [null, null] }]);
    const { buttons, presses, said, changes } = buttonsOn(kernel, [
      input('a', 0),
      input('lost', 9),
    ]);
    await buttons.start();
    assert.deepEqual(said, ['raised input-lost warning HL_GPIO_LINE_UNKNOWN']);
    kernel.failures.set('read', 'ENODEV');
    kernel.drive(0, 0, 0);
    await changes.until((text) => text === 'raised input-a warning HL_GPIO_READ_FAILED');
    kernel.failures.clear();
    await changes.until((text) => text === 'cleared input-a');
    kernel.drive(0, 0, 1);
    kernel.drive(0, 0, 0);
    assert.deepEqual(await presses.count(1), ['a']);
    await buttons.stop();
    assert.equal(kernel.openFiles, 0);
  });

  test('without any, and without a driver, open nothing', async () => {
    const kernel = new SimulatedKernel([]);
    kernel.failures.set('open', 'EIO');
    const { buttons, said } = buttonsOn(kernel, []);
    await buttons.start();
    await buttons.stop();
    assert.deepEqual(said, []);
  });

  test('do what their action says, through the operations and with the audit', async (t) => {
    const { agent } = await TestAgent.start(t, ['crop', 'weed']);
    const { inputs } = configSchema.parse({
      gpio: {
        inputs: [
          input('stone', 0),
          input('stop', 1, { kind: 'pause', what: 'training' }),
          input('train', 2, { kind: 'retrain' }),
          input('go', 3, { kind: 'resume', what: 'training' }),
          input('trigger', 4, { kind: 'capture', camera: 'main' }),
          input('seen', 5, { kind: 'acknowledge' }),
        ],
      },
    }).gpio;
    const outcomes: string[] = [];
    for (const button of inputs) {
      await press(button, agent.operations).catch((error) => outcomes.push(error.code));
    }
    assert.deepEqual(outcomes, ['HL_TRAINING_PAUSED']);
    const audit = agent.state.audit.list({ kind: 'command' }).reverse();
    assert.deepEqual(
      audit.map(({ detail }) => [detail.name, detail.source, detail.button, detail.ok]),
      [
        ['label', 'button', 'stone', true],
        ['pause', 'button', 'stop', true],
        ['retrain', 'button', 'train', false],
        ['resume', 'button', 'go', true],
        ['acknowledge_alerts', 'button', 'seen', true],
      ],
    );
  });
});

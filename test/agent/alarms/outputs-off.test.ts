import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { type GpioTree, gpioTree, usableOnoff } from '../../alerts/gpio-tree.js';
import { HANG_MS, TEST_HANG_MS } from '../../liveness.js';
import { until } from '../../telemetry/tools.js';
import { CLI, Rig } from '../daemon.js';

const CHIPS = [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }];
const gpio = {
  driver: 'onoff',
  outputs: [
    { name: 'horn', line: 17 },
    { name: 'beacon', line: 4, activeLow: true },
  ],
};
const anything = (output: string) => {
  const labels = ['unknown', 'crop', 'weed', 'stone'];
  return {
    name: output,
    labels,
    minProbability: 0,
    matches: 1,
    ofFrames: 1,
    output,
    holdMs: 60_000,
  };
};

async function machine(t: TestContext): Promise<GpioTree | null> {
  const skip = await usableOnoff();
  if (skip) t.skip(skip);
  return skip ? null : gpioTree(t, CHIPS, [529, 516]);
}

const values = ({ root }: GpioTree): string[] =>
  [529, 516].map((line) => readFileSync(join(root, `gpio${line}`, 'value'), 'utf8').trim());

const outputsOff = (tree: GpioTree, config: string) =>
  spawnSync(...tree.command(process.execPath, CLI, 'outputs', 'off', '--config', config), {
    encoding: 'utf8',
    timeout: HANG_MS,
  });

describe('outputs off', { timeout: TEST_HANG_MS }, () => {
  test('a killed daemon leaves them on, the command switches them off', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const tree = await machine(t);
    if (!tree) return;
    const rig = await Rig.create(t, {
      gpio,
      alerts: { rules: [anything('horn'), anything('beacon')] },
    });
    const [command, args] = tree.command();
    const daemon = await rig.start({ wrapper: [command, ...args] });
    await until('both outputs on', () => values(tree).join() === '1,1');
    const running = outputsOff(tree, rig.configFile);
    assert.equal(running.status, 1);
    assert.match(running.stderr, /HL_ALREADY_RUNNING/);
    await daemon.stop('SIGKILL');
    assert.deepEqual(values(tree), ['1', '1'], 'nobody was left to do it');
    const { status, stdout, stderr } = outputsOff(tree, rig.configFile);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'horn: off\nbeacon: off\n');
    assert.deepEqual(values(tree), ['0', '0']);
  });

  test('a start that fails leaves them off', { timeout: TEST_HANG_MS }, async (t) => {
    const tree = await machine(t);
    if (!tree) return;
    const rig = await Rig.create(t, { gpio, models: { backbone: 'none-such' } });
    for (const line of [529, 516]) writeFileSync(join(tree.root, `gpio${line}`, 'value'), '1');
    const run = tree.command(process.execPath, CLI, 'run', '--config', rig.configFile);
    const { status, stderr } = spawnSync(...run, { encoding: 'utf8', timeout: HANG_MS });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /HL_MODEL_CARD_UNKNOWN/);
    assert.deepEqual(values(tree), ['0', '0']);
  });

  const state = { stateDir: '/dev/null/state', cacheDir: '/dev/null/cache' };
  const broken: [string, object, number, RegExp][] = [
    ['a state folder that cannot be', { gpio, paths: state }, 0, /^$/],
    ['mistakes in other sections', { gpio, mqtt: { url: 7 }, smaples: {}, paths: [] }, 0, /^$/],
    [
      'a line that is not there',
      { gpio: { ...gpio, outputs: [{ name: 'lost', line: 99 }, ...gpio.outputs] } },
      1,
      /HL_GPIO_LINE_UNKNOWN/,
    ],
    ['a mistake in its own section', { gpio: { ...gpio, outptus: [] } }, 2, /outputs/],
  ];
  for (const [what, config, code, said] of broken) {
    test(`with ${what}`, async (t) => {
      const tree = await machine(t);
      if (!tree) return;
      for (const line of [529, 516]) writeFileSync(join(tree.root, `gpio${line}`, 'value'), '1');
      const file = join(tree.root, 'headland.yaml');
      writeFileSync(file, stringify(config));
      const { status, stderr } = outputsOff(tree, file);
      assert.equal(status, code, stderr);
      assert.match(stderr, said);
      assert.deepEqual(values(tree), code === 2 ? ['1', '1'] : ['0', '0']);
    });
  }

  test('with a line that may be on one of two chips, until the chip is named as the remedy says', async (t) => {
    const skip = await usableOnoff();
    if (skip) {
      t.skip(skip);
      return;
    }
    const chips = [
      { base: 512, label: '9030000.pl061', lines: 8 },
      { base: 520, label: 'gpio-sim.0-node0', lines: 8 },
    ];
    const tree = gpioTree(t, chips, [517, 525]);
    const file = join(tree.root, 'headland.yaml');
    const off = (line: object) => {
      writeFileSync(
        file,
        stringify({ gpio: { driver: 'onoff', outputs: [{ name: 'horn', ...line }] } }),
      );
      return outputsOff(tree, file);
    };
    const refused = off({ line: 5 });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /HL_GPIO_LINE_AMBIGUOUS/);
    const places = [...refused.stderr.matchAll(/chipLabel: ([^,]+), line: (\d+)/g)];
    assert.equal(places.length, 2, refused.stderr);
    for (const [index, [, chipLabel, line]] of places.entries()) {
      assert.equal(off({ chipLabel, line: Number(line) }).status, 0);
      const file = join(tree.root, `gpio${[517, 525][index]}`, 'value');
      assert.equal(readFileSync(file, 'utf8').trim(), '0');
    }
  });

  test('with buttons whose cameras are in another section', async (t) => {
    const tree = await machine(t);
    if (!tree) return;
    const inputs = [
      { name: 'stone', line: 22, bias: 'as-is', action: { kind: 'capture', camera: 'front' } },
    ];
    const file = join(tree.root, 'headland.yaml');
    writeFileSync(file, stringify({ gpio: { ...gpio, inputs } }));
    const { status, stderr } = outputsOff(tree, file);
    assert.equal(status, 0, stderr);
    assert.deepEqual(values(tree), ['0', '0']);
  });

  test('without outputs there is nothing to do', (t) => {
    const { root } = gpioTree(t, []);
    const file = join(root, 'headland.yaml');
    writeFileSync(file, 'robot: { id: r1 }\n');
    const { status, stdout } = spawnSync(
      process.execPath,
      [CLI, 'outputs', 'off', '--config', file],
      { encoding: 'utf8', timeout: HANG_MS },
    );
    assert.deepEqual([status, stdout], [0, 'no outputs are configured\n']);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { configSchema } from '../../src/config/schema.js';
import { guideSteps } from './guide-steps.js';

const guideOf = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/guides/${name}`, import.meta.url)), 'utf8');

test('a block of sh is a step, and one of output is none', () => {
  const steps = guideSteps('# A\n\n## B\n\n```sh\none\ntwo\n```\n\n```console\n$ one\n```\n');
  assert.deepEqual(steps, [{ kind: 'commands', heading: 'B', commands: 'one\ntwo' }]);
});

test('a mark says that a block is not run, or is a file', () => {
  const steps = guideSteps(
    [
      '# A',
      '<!-- board: not run, it needs a saw -->',
      '```sh\nsaw\n```',
      '<!-- board: write /etc/a -->',
      '```yaml\na: 1\n```',
      '<!-- board: append to /etc/a -->',
      '```yaml\nb: 2\n```',
    ].join('\n'),
  );
  assert.deepEqual(steps, [
    { kind: 'not run', heading: 'A', commands: 'saw', reason: 'it needs a saw' },
    { kind: 'file', heading: 'A', path: '/etc/a', content: 'a: 1\n', isAppended: false },
    { kind: 'file', heading: 'A', path: '/etc/a', content: 'b: 2\n', isAppended: true },
  ]);
});

test('a mark without a meaning, a mark without a block, and a block without an end are refused', () => {
  assert.throws(() => guideSteps('<!-- board: skip -->\n```sh\na\n```\n'), /"skip" has no meaning/);
  assert.throws(() => guideSteps('<!-- board: not run, late -->\n\n```sh\na\n```\n'), /no block/);
  assert.throws(() => guideSteps('<!-- board: not run, late -->'), /no block/);
  assert.throws(() => guideSteps('```sh\na\n'), /line 1: the block has no end/);
});

test('a comment in a block is no heading', () => {
  const [step] = guideSteps('# A\n```sh\n# not a heading\n```\n```sh\nb\n```\n').slice(-1);
  assert.equal(step?.heading, 'A');
});

test('the guide of the Raspberry Pi installs, configures, labels and switches by commands that run', () => {
  const run = guideSteps(guideOf('raspberry-pi.md'))
    .filter((step) => step.kind !== 'not run')
    .map((step) => (step.kind === 'file' ? step.content : step.commands))
    .join('\n');
  for (const part of [
    /apt install \.\//,
    /^cameras:/m,
    /cmd\/label/,
    /^gpio:/m,
    /systemctl restart/,
  ]) {
    assert.match(run, part);
  }
});

test('the files of the guide of the Raspberry Pi and of the scenario are valid configurations', () => {
  const ofGuide = guideSteps(guideOf('raspberry-pi.md'))
    .map((step) => (step.kind === 'file' ? step.content : ''))
    .join('');
  const robot = new URL('../../../test/board/guest/robot.yaml', import.meta.url);
  for (const text of [ofGuide, readFileSync(fileURLToPath(robot), 'utf8')]) {
    const { gpio, cameras } = configSchema.parse(parse(text));
    assert.equal(gpio.outputs[0]?.lineName, 'GPIO17');
    assert.equal(cameras[0]?.driver, 'ffmpeg');
  }
});

test('the guide of the Jetson, which nothing here can follow, has no step that runs', () => {
  assert.ok(guideSteps(guideOf('jetson.md')).every((step) => step.kind === 'not run'));
});

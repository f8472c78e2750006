import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { parsePath, pathText, valueAt } from '../../../src/config/settings/setting-path.js';
import { YamlSettings } from '../../../src/config/settings/yaml-settings.js';

const FILE = `# the farm
robot: { id: a } # flow
cameras:
  # in front
  - driver: replay
    path: /p # photos
  - driver: auto
    name: rear

mqtt:
  url: mqtt://x # broker
`;

describe('changes of a file of settings', () => {
  test('keep comments and order, and change nothing else', () => {
    const { text } = new YamlSettings(FILE).with([
      { path: 'cameras[0].intervalMs', value: 50 },
      { path: 'mqtt.url', value: 'mqtt://y' },
      { path: 'console.port', value: 1 },
    ]);
    for (const kept of ['# the farm', '# flow', '# in front', '# photos', '# broker']) {
      assert.ok(text.includes(kept), kept);
    }
    assert.deepEqual(Object.keys(parse(text)), ['robot', 'cameras', 'mqtt', 'console']);
    assert.deepEqual(parse(text).cameras[0], { driver: 'replay', path: '/p', intervalMs: 50 });
    assert.equal(parse(text).mqtt.url, 'mqtt://y');
  });

  test('add to lists, take from them, and remove the sections that become empty', () => {
    const yaml = new YamlSettings(FILE).with([
      { path: 'cameras[2]', value: { driver: 'simulated', name: 's' } },
      { path: 'cameras[0]' },
      { path: 'mqtt.url' },
      { path: 'sync.target' },
    ]);
    const { cameras, ...rest } = parse(yaml.text);
    assert.deepEqual(
      cameras.map(({ driver }: { driver: string }) => driver),
      ['auto', 'simulated'],
    );
    assert.deepEqual(rest, { robot: { id: 'a' } });
  });

  test('of a camera that is not written begin with the one that is found', () => {
    const { values } = new YamlSettings('').with([{ path: 'cameras[0].stallMs', value: 5_000 }]);
    assert.deepEqual(values, { cameras: [{ driver: 'auto', stallMs: 5_000 }] });
  });

  test('are refused where they would destroy something', () => {
    const yaml = new YamlSettings(`${FILE}a: &a { b: 1 }\nc: *a\n`);
    for (const path of [
      'cameras[9]',
      'robot.id.x',
      'cameras.name',
      'c.b',
      '',
      'a..b',
      '[0]',
      'a b',
    ]) {
      assert.throws(() => yaml.with([{ path, value: 1 }]), { code: 'HL_SETTINGS_PATH' }, path);
    }
  });

  test('set exactly the value that was given', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const place = fc.array(key, { minLength: 1, maxLength: 3 });
    const value = fc
      .jsonValue()
      // As it arrives in a request: JSON.stringify writes -0 as 0.
      .map((each) => JSON.parse(JSON.stringify(each)))
      .filter((each) => JSON.stringify(each) !== '{}');
    fc.assert(
      fc.property(place, value, (path, given) => {
        const { text } = new YamlSettings('# top\nz: 1\n').with([
          { path: pathText(path), value: given },
        ]);
        const plain: unknown = JSON.parse(JSON.stringify(given));
        assert.deepEqual(valueAt(parse(text), path), plain);
        assert.equal(parse(text).z, 1);
      }),
    );
  });

  test('paths are read as they are written', () => {
    const part = fc.oneof(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,9}$/), fc.nat(99_999));
    const path = fc.tuple(fc.stringMatching(/^[a-z]{1,9}$/), fc.array(part, { maxLength: 5 }));
    fc.assert(
      fc.property(path, ([first, rest]) => {
        const whole = [first, ...rest];
        assert.deepEqual(parsePath(pathText(whole)), whole);
      }),
    );
  });
});

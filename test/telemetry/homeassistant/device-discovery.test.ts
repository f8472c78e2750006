import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommand } from '../../../src/telemetry/commands/command-parser.js';
import {
  type DiscoveredRobot,
  discoveryConfig,
  discoveryTopic,
} from '../../../src/telemetry/homeassistant/device-discovery.js';
import { UnknownShare } from '../../../src/telemetry/homeassistant/unknown-share.js';

type Components = Record<string, Record<string, unknown>>;

const robot: DiscoveredRobot = {
  robotId: 'field 7',
  version: '1.0.0',
  namedTasks: true,
  tasks: [
    { name: 'plants', labels: ['crop', 'weed'] },
    { name: 'way', labels: [] },
  ],
  takesUnsigned: true,
  picturedCameras: [],
};
const componentsOf = (config: Record<string, unknown>) => config.components as Components;

describe('discovery of Home Assistant', () => {
  test('one configuration names every entity once, on topics of the robot', () => {
    const { message: config } = discoveryConfig(robot);
    assert.equal(
      discoveryTopic('homeassistant', 'field 7'),
      'homeassistant/device/headland_field_7/config',
    );
    const components = Object.entries(componentsOf(config));
    const ids = new Set(components.map(([, { unique_id }]) => unique_id));
    assert.equal(ids.size, components.length);
    assert.equal(config.availability_topic, 'headland/field 7/status');
    for (const [key, component] of components) {
      const topics = Object.entries(component).filter(([name]) => name.endsWith('_topic'));
      assert.ok(topics.length > 0, key);
      for (const [, topic] of topics) assert.match(String(topic), /^headland\/field 7\//, key);
    }
    assert.equal(
      componentsOf(config).headland_plants_label?.state_topic,
      'headland/field 7/task/plants/prediction',
    );
  });

  test('a camera whose pictures are published has an image', () => {
    assert.equal(componentsOf(discoveryConfig(robot).message).picture_front, undefined);
    const pictured = discoveryConfig({ ...robot, picturedCameras: ['front'] });
    const { picture_front: image } = componentsOf(pictured.message);
    assert.equal(image?.platform, 'image');
    assert.equal(image?.image_topic, 'headland/field 7/picture/front');
    assert.equal(image?.content_type, 'image/jpeg');
  });

  test('a component that Home Assistant may still have is removed by its platform alone', () => {
    const known = { picture_front: 'image', temperature: 'sensor' };
    const { message, platforms } = discoveryConfig({ ...robot, known });
    assert.deepEqual(componentsOf(message).picture_front, { platform: 'image' });
    assert.ok(componentsOf(message).temperature?.unique_id);
    assert.equal(platforms.temperature, 'sensor');
    assert.equal(platforms.picture_front, undefined, 'it is remembered no longer');
  });

  test('buttons send commands that the robot takes', () => {
    for (const namedTasks of [true, false]) {
      const components = componentsOf(discoveryConfig({ ...robot, namedTasks }).message);
      for (const component of Object.values(components)) {
        if (component.platform !== 'button') continue;
        const name = String(component.command_topic).split('/').at(-1) ?? '';
        parseCommand(name, Buffer.from(String(component.payload_press)), 1_024);
      }
    }
  });

  test('a robot that takes only signed commands offers no control', () => {
    const components = componentsOf(discoveryConfig({ ...robot, takesUnsigned: false }).message);
    const controls = Object.values(components).filter(({ command_topic }) => command_topic);
    assert.deepEqual(controls, []);
  });

  test('a task without labels has no choice of labels', () => {
    const components = componentsOf(discoveryConfig(robot).message);
    assert.deepEqual(components.headland_plants_label_last?.options, ['crop', 'weed']);
    assert.equal(components.headland_way_label_last, undefined);
  });

  test('the unknown share is that of the last hundred of a task', () => {
    const share = new UnknownShare();
    assert.equal(share.add('a', true), 1);
    assert.equal(share.add('b', false), 0);
    for (let i = 0; i < 99; i++) share.add('a', false);
    assert.equal(share.add('a', false), 0);
    assert.equal(share.add('a', true), 0.01);
  });
});

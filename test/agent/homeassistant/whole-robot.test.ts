import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';
import { bodyOf, Dashboard } from './dashboard.js';

const CONFIG = 'homeassistant/device/headland_r1/config';

describe('a robot in Home Assistant', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('every entity gets values, its controls work, and it goes offline with its robot', async (t) => {
    const broker = await Mosquitto.start(t);
    const mqtt = {
      url: broker.url,
      willDelaySeconds: 0,
      metricsIntervalMs: 1_000,
      homeAssistant: { enabled: true, pictureIntervalMs: 1_000 },
    };
    const rig = await Rig.create(t);
    rig.configure({ mqtt, samples: { askIntervalMs: 0, recentFrames: 2_000 } });
    const daemon = await rig.start();
    const person = await Person.connect(t, broker.url);
    const live = await Dashboard.open(t, broker.url);

    await person.labelFrames(rig, 24);
    const { components: first } = await live.device(CONFIG);
    await live.press(first.headland_main_retrain!);
    const report = await live.json('headland/r1/training/report', () => true);
    const { trigger, outcome } = bodyOf(report.payload);
    assert.deepEqual([trigger, outcome], ['mqtt', 'promoted']);
    await live.json('headland/r1/model', ({ head_version }) => head_version === 1);
    await live.json('headland/r1/prediction', ({ belief }) => belief !== undefined);

    // What a Home Assistant that starts now gets of the broker.
    const late = await Dashboard.open(t, broker.url);
    const device = await late.device(CONFIG);
    const { components } = device;
    const platforms = Object.values(components).map(({ platform }) => platform);
    assert.deepEqual([...new Set(platforms)].sort(), [
      'button',
      'event',
      'image',
      'select',
      'sensor',
    ]);
    assert.equal((await late.until(device.availability_topic)).retained, true);

    const { image_topic } = components.picture_main!;
    const kept = await late.until(image_topic!);
    assert.equal(kept.retained, true);
    assert.ok(kept.expirySeconds! > 3_500 && kept.expirySeconds! <= 3_600);
    const { format, width } = await sharp(kept.payload).metadata();
    assert.equal(format, 'jpeg');
    assert.ok(width <= 640);
    await late.next(image_topic!, ({ payload }) => !payload.equals(kept.payload));

    for (const [key, component] of Object.entries(components)) {
      const { state_topic, value_template, json_attributes_topic } = component;
      if (json_attributes_topic) await live.until(json_attributes_topic);
      if (state_topic === undefined) continue;
      await live.until(state_topic);
      assert.deepEqual(live.missing(state_topic, value_template!), [], key);
    }

    const select = components.headland_main_label_last!;
    const frame = await live.next(select.json_attributes_topic!);
    await live.choose(select, 'stone', bodyOf(frame.payload));
    const answer = await live.json('headland/r1/cmd/label/response', ({ transaction, ok }) => {
      return transaction === undefined && ok === true;
    });
    const { data } = bodyOf(answer.payload);

    const isOnline = device.availability_template.match(/value_json\.state in (\[.*?\])/);
    const states: unknown[] = JSON.parse(isOnline?.[1] ?? '[]');
    const state = () => bodyOf(live.on(device.availability_topic).at(-1)!.payload).state;
    assert.ok(states.includes(state()), 'it is available');
    const offline = live.next(device.availability_topic);
    await daemon.stop('SIGKILL');
    await offline;
    assert.equal(state(), 'offline');
    assert.ok(!states.includes('offline'));

    const { sample_id } = data as { sample_id: string };
    assert.deepEqual(rig.openSamples(t).get(sample_id)?.label, 'stone');
  });
});

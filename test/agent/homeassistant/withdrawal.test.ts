import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { until } from '../../telemetry/tools.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { TestAgent } from '../support.js';
import { Dashboard } from './dashboard.js';

const CONFIG = 'homeassistant/device/headland_r1/config';
const PICTURE = 'headland/r1/picture/main';
const PICTURED = { enabled: true, pictureIntervalMs: 1_000 };

/** Starts of one robot with other settings, one after another. */
class Robot {
  #running: TestAgent | null = null;

  constructor(
    private readonly t: TestContext,
    private readonly broker: Mosquitto,
    private readonly dir = temporaryFolder(t),
  ) {}

  async start(homeAssistant: Record<string, unknown>): Promise<TestAgent> {
    await this.#running?.stop();
    const mqtt = { url: this.broker.url, connectSpreadMs: 0, homeAssistant };
    const running = await TestAgent.create(this.t, ['crop'], { mqtt }, {}, this.dir);
    this.#running = running;
    await running.agent.start();
    await until('a connection', () => running.agent.telemetry.connected);
    return running;
  }

  /** What a broker keeps: everything that was published before has reached it. */
  async kept(): Promise<Dashboard> {
    await this.#running?.stop();
    this.#running = null;
    const dashboard = await Dashboard.open(this.t, this.broker.url);
    await dashboard.until('headland/r1/status');
    return dashboard;
  }
}

describe('what Home Assistant shows no longer', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, () => {
  test('by default no picture leaves the robot, and nothing for Home Assistant', async (t) => {
    const broker = await Mosquitto.start(t);
    const live = await Dashboard.open(t, broker.url);
    const robot = new Robot(t, broker);
    const { decisions } = await robot.start({ enabled: true });
    await decisions.count(1);
    const { components } = await live.device(CONFIG);
    assert.equal(components.picture_main, undefined);
    await robot.start({});
    await robot.kept();
    assert.ok(!live.topics.some((topic) => topic.includes('/picture/')), live.topics.join());
  });

  test('pictures that are switched off are taken back, and their entity is removed', async (t) => {
    const broker = await Mosquitto.start(t);
    const live = await Dashboard.open(t, broker.url);
    const robot = new Robot(t, broker);
    await robot.start(PICTURED);
    const { payload } = await live.until(PICTURE);
    assert.deepEqual([...payload.subarray(0, 2)], [0xff, 0xd8]);
    const before = await robot.kept();
    assert.equal((await before.until(PICTURE)).retained, true);

    await robot.start({ enabled: true });
    const { components } = await live.device(CONFIG, ({ picture_main }) => {
      return picture_main?.unique_id === undefined;
    });
    assert.deepEqual(components.picture_main, { platform: 'image' });
    const after = await robot.kept();
    assert.deepEqual(after.on(PICTURE), []);

    await robot.start({});
    await live.until(CONFIG, ({ payload }) => payload.length === 0);
  });

  test('the device is taken back once, wherever it was', async (t) => {
    const broker = await Mosquitto.start(t);
    const live = await Dashboard.open(t, broker.url);
    const robot = new Robot(t, broker);
    await robot.start(PICTURED);
    await live.until(PICTURE);
    await robot.start({ ...PICTURED, discoveryPrefix: 'headland' });
    await live.device('headland/device/headland_r1/config');
    await live.until(CONFIG, ({ payload }) => payload.length === 0);

    await robot.start({});
    await live.until('headland/device/headland_r1/config', ({ payload }) => payload.length === 0);
    const after = await robot.kept();
    const places = [CONFIG, 'headland/device/headland_r1/config', PICTURE];
    assert.deepEqual(
      places.flatMap((topic) => after.on(topic)),
      [],
    );

    const quiet = await Dashboard.open(t, broker.url);
    await robot.start({});
    await robot.kept();
    assert.deepEqual(
      places.flatMap((topic) => quiet.on(topic)),
      [],
      'it is forgotten',
    );
  });
});

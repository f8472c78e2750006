import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { decodeChunk, framedChunk } from '../../src/fleet/contract/chunk-codec.js';
import { fleetTopic } from '../../src/fleet/contract/fleet-topics.js';
import type { StorePlace } from '../../src/fleet/hub/store/hub-store.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { Postgres, withoutPostgres } from './postgres.js';
import { RobotStandIn } from './stand-in.js';
import { randomSums } from './sums-of.js';

/** Texts that JSON can hold and a database cannot. */
const ODD = ['b\u0000', 'b\ud800'];

const STORES: { name: string; skip: string | false; open(t: TestContext): Promise<StorePlace> }[] =
  [
    {
      name: 'SQLite',
      skip: false,
      open: async (t) => ({ sqlite: join(temporaryFolder(t), 'hub.sqlite') }),
    },
    {
      name: 'PostgreSQL',
      skip: withoutPostgres,
      open: async (t) => ({ postgres: (await Postgres.start(t)).url, password: null }),
    },
  ];

for (const { name, skip, open } of STORES) {
  test(`${name}: a message that no database can hold does not stop those behind it`, {
    skip: withoutMosquitto || skip,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    await startHub(t, await open(t), hubConfig(broker.url));
    const robot = new RobotStandIn({
      robot: 'a',
      url: broker.url,
      task: 'weeds',
      backbone: 'b1',
      featureSize: 16,
      data: placeData('a', ['maize', 'dock'], 30, 16),
    });
    t.after(() => robot.stop());
    await robot.start();
    const { header, payload } = decodeChunk(randomSums(1).chunks[0]!);
    const report = robot.reported();
    const [task] = report.tasks;
    for (const odd of ODD) {
      await robot.publish('chunk', framedChunk({ ...header, backbone: odd }, payload));
      for (const backbone of [
        { ...task!.backbone, checksum: odd },
        { ...task!.backbone, name: odd },
      ]) {
        const text = JSON.stringify({ ...report, tasks: [{ ...task!, backbone }] });
        await robot.publish('reported', Buffer.from(text));
      }
      await robot.publish('want', Buffer.from(JSON.stringify({ object: odd })));
    }
    // Longer than a key of an index may be.
    const other = await connectAsync(broker.url);
    t.after(() => other.endAsync(true));
    const longName = randomBytes(6_000).toString('hex');
    const text = JSON.stringify(robot.reported());
    await other.publishAsync(fleetTopic(longName, 'reported'), text, { qos: 1 });
    robot.report();
    await until('it serves a head', () => robot.head?.labels.length === 2);
    assert.deepEqual(robot.faults, []);
  });
}

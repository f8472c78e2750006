import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeChunk, framedChunk } from '../../src/fleet/contract/chunk-codec.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';
import { randomSums } from './sums-of.js';

/** Texts that JSON can hold and a database cannot. */
const ODD = ['b\u0000', 'b\ud800'];

test('a message that no database can hold does not stop those behind it', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  await startHub(t, { sqlite: join(temporaryFolder(t), 'hub.sqlite') }, hubConfig(broker.url));
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
  robot.report();
  await until('it serves a head', () => robot.head?.labels.length === 2);
  assert.deepEqual(robot.faults, []);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { hubConfig, startHub, until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn, type StandInOptions } from './stand-in.js';

const SIZE = 16;

async function robotWith(
  t: TestContext,
  url: string,
  robot: string,
  labels: readonly string[],
  more: Partial<StandInOptions> = {},
): Promise<RobotStandIn> {
  const standIn = new RobotStandIn({
    robot,
    url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: SIZE,
    data: placeData(robot, labels, 30, SIZE),
    ...more,
  });
  t.after(() => standIn.stop());
  await standIn.start();
  return standIn;
}

test('what one robot was taught, all know', { skip: withoutMosquitto }, async (t) => {
  const broker = await Mosquitto.start(t);
  const place = { sqlite: join(temporaryFolder(t), 'hub.sqlite') };
  await startHub(t, place, hubConfig(broker.url));
  const a = await robotWith(t, broker.url, 'a', ['maize', 'thistle']);
  const b = await robotWith(t, broker.url, 'b', ['maize', 'dock']);
  const c = await robotWith(t, broker.url, 'c', ['sugar-beet', 'dock']);
  await until('all serve a head with all labels', () =>
    [a, b, c].every((one) => one.head?.labels.length === 4),
  );
  const seen = placeData('elsewhere', ['thistle'], 20, SIZE);
  const right = c.answers(seen.features).filter((label) => label === 'thistle').length;
  assert.ok(right >= 18, `${right} of 20 right`);
  assert.deepEqual(
    [a, b, c].flatMap((one) => one.faults),
    [],
  );
});

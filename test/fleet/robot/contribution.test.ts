import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMoment } from '../../../src/fleet/contract/moment-codec.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { startFleet, teachFeatures } from './fleet-robot.js';

const options = { skip: withoutMosquitto, timeout: TEST_HANG_MS };

for (const protocolVersion of [4, 5] as const) {
  test(
    `a robot sends its second moment when the hub wants it, MQTT ${protocolVersion}`,
    options,
    async (t) => {
      const { hub, samples, backbone } = await startFleet(t, {}, { protocolVersion });
      teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
      teachFeatures(samples, backbone, { labels: ['rare'], count: 2 });
      await hub.want({ moment_wanted: true });
      const { header, bytes } = await hub.objects.until(() => true, 'a moment');
      const moment = decodeMoment(bytes);
      assert.deepEqual(
        [header.kind, header.version, moment.backbone, moment.featureSize, moment.sigma],
        ['moment', 1, backbone, 24, 0],
      );
      const trace = [...Array(24).keys()].reduce(
        (sum, i) => sum + moment.values[(i * (i + 3)) / 2]!,
        0,
      );
      assert.ok(Math.abs(trace - moment.samples) < 1e-3, `${trace} of ${moment.samples}`);
      const report = await hub.reported((task) => task.moment === header.object);
      assert.deepEqual(
        report.tasks[0]!.labels.map(({ label, samples: n }) => `${label} ${n}`),
        ['crop 20', 'rare 2', 'weed 20'],
      );
    },
  );
}

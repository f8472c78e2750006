import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../bench/fleet-scale.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

interface Figures {
  sqlite: {
    walks: { walks: unknown[] };
    live: { robots: number; messages_until_merged: number; hub_rss_peak_mib: number };
    replayed: { steps: { robots: number; judged: number; database_bytes_per_robot: number }[] };
  };
}

test('a small fleet goes through every part of the bench of large ones', {
  skip: withoutMosquitto,
  timeout: 300_000,
}, async () => {
  const options = '--robots 6 --processes 2 --replayed 4,8 --walks 1 --only sqlite';
  const { sqlite } = (await run(options.split(' '))) as unknown as Figures;
  assert.equal(sqlite.walks.walks.length, 1);
  assert.equal(sqlite.live.robots, 6);
  assert.ok(sqlite.live.messages_until_merged >= 12);
  assert.ok(sqlite.live.hub_rss_peak_mib > 0);
  assert.deepEqual(
    sqlite.replayed.steps.map(({ robots, judged }) => [robots, judged]),
    [
      [4, 4],
      [8, 8],
    ],
  );
  assert.ok(sqlite.replayed.steps.every((step) => step.database_bytes_per_robot > 0));
});

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { libfaketime, withoutFaketime } from '../../host/faketime.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';

const skip = withoutMosquitto || withoutFaketime;

// The board's clock at the start, and what somebody or the network time then sets it to.
const CLOCKS: [string, string, string][] = [
  ['a day ahead, then right', '+1d', '+0'],
  ['in 1970, then right', '@1970-01-01 00:00:30', '+0'],
  ['right, then thirty years ahead', '+0', '+10950d'],
  ['thirty years ahead, then right', '+10950d', '+0'],
  ['right, then in 1970', '+0', '@1970-01-01 00:00:30'],
];

describe('a clock that is set while the robot works', { skip, timeout: TEST_HANG_MS }, () => {
  for (const [what, before, after] of CLOCKS) {
    test(`${what}: nothing stops and nothing is lost`, { timeout: TEST_HANG_MS }, async (t) => {
      const broker = await Mosquitto.start(t);
      const rig = await Rig.create(t, {
        mqtt: {
          url: broker.url,
          metricsIntervalMs: 1_000,
          outboxMaxAgeMs: 86_400_000,
          backoffInitialMs: 100,
          backoffMaxMs: 1_000,
        },
        samples: { askIntervalMs: 500, askBelowProbability: 1 },
        alerts: {
          rules: [{ name: 'any', labels: ['unknown'], matches: 1, ofFrames: 1, holdMs: 500 }],
        },
      });
      const time = join(rig.dir, 'time');
      const set = (to: string): void => {
        writeFileSync(`${time}.new`, `${to}\n`);
        renameSync(`${time}.new`, time);
      };
      set(before);
      const env = {
        LD_PRELOAD: libfaketime!,
        FAKETIME_TIMESTAMP_FILE: time,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
      const person = await Person.listen(t, broker.url, 5);
      const daemon = await rig.start({ env });
      await person.until(({ topic }) => topic.endsWith('/metrics'));
      await person.until(({ body }) => body.kind === 'alert_raised');

      // What is written while there is no broker must leave after the clock was set, and not expire.
      await broker.kill();
      await daemon.logged((line) => line.code === 'HL_BROKER_LOST');
      const lines = daemon.lines.length;
      set(after);
      await broker.up();
      await daemon.logged(
        (line) => line.msg === 'connected to the broker' && daemon.lines.indexOf(line) >= lines,
      );
      const mark = person.received.length;
      const news = (matches: (body: Record<string, unknown>) => boolean) =>
        person.until(
          (message) => person.received.indexOf(message) >= mark && matches(message.body),
        );
      const uptimes: number[] = [];
      for (let count = 0; count < 3; count++) {
        const { body } = await person.until(
          (message) =>
            person.received.indexOf(message) >= mark &&
            message.topic.endsWith('/metrics') &&
            !uptimes.includes(message.body.uptime_seconds),
        );
        uptimes.push(body.uptime_seconds);
        assert.ok(body.frames_per_second >= 0);
      }
      assert.deepEqual(
        uptimes,
        [...uptimes].sort((a, b) => a - b),
        'it only grows',
      );
      assert.ok(uptimes[0]! >= 0 && uptimes[2]! < 3_600, String(uptimes));
      await news((body) => body.kind === 'label_requested');
      // Pausing ends the alert after its hold time, whatever the clock says.
      const paused = person.received.length;
      await person.command('pause', { what: 'inference' });
      await person.until(
        (message) =>
          person.received.indexOf(message) >= paused && message.body.kind === 'alert_cleared',
      );
      await person.command('resume', { what: 'inference' });
      // What waited meanwhile has left, and nothing was given up for its age.
      const { body } = await news((said) => {
        const { outbox } = said as { outbox?: { messages: number; oldest_seconds: number } };
        return outbox !== undefined && outbox.oldest_seconds < 10;
      });
      const given = { event: 0, report: 0, metrics: 0, result: 0, fleet: 0 };
      assert.deepEqual(body.outbox.dropped_total, given);
      await person.until(({ body }) => body.kind === 'alert_raised');
      assert.ok(
        !daemon.lines.some((line) => line.code === 'HL_MESSAGE_INVALID'),
        'every message keeps the contract',
      );
      assert.equal((await daemon.stop()).code, 0);
    });
  }
});

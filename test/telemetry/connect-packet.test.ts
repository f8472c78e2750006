import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { IConnectPacket } from 'mqtt-packet';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { createRandom } from '../../src/base/random.js';
import type { Config } from '../../src/config/schema.js';
import { connectSpreadMs } from '../../src/telemetry/connection/connect-spread.js';
import { Link } from '../../src/telemetry/connection/link.js';
import { TEST_HANG_MS } from '../liveness.js';
import { recordedLog } from '../recorder.js';
import { scriptedBroker } from './scripted-broker.js';
import { mqttSettings, robot } from './tools.js';

/** The first CONNECT that a robot with these settings sends. */
async function connectOf(
  t: TestContext,
  settings: Partial<Config['mqtt']>,
): Promise<IConnectPacket> {
  const broker = await scriptedBroker(t);
  const { client } = robot(t, broker.url, { settings });
  client.start();
  const [connect] = await broker.connects.count(1);
  return connect!;
}

describe('the CONNECT on the wire', { timeout: TEST_HANG_MS }, () => {
  const settings = {
    keepaliveSeconds: 47,
    willDelaySeconds: 13,
    sessionExpirySeconds: 86_401,
    clientId: 'farm-7',
    username: 'r1',
  };

  test('MQTT 5: keep-alive, session expiry and will delay are those of the settings', async (t) => {
    const connect = await connectOf(t, { ...settings, protocol: '5' });
    assert.equal(connect.protocolVersion, 5);
    assert.equal(connect.keepalive, 47);
    assert.equal(connect.clean, false);
    assert.equal(connect.properties?.sessionExpiryInterval, 86_401);
    assert.equal(connect.will?.properties?.willDelayInterval, 13);
    assert.equal(connect.clientId, 'farm-7');
    assert.equal(connect.username, 'r1');
    assert.equal(JSON.parse(String(connect.will.payload)).state, 'offline');
  });

  test('MQTT 5 with a session expiry of 0: nothing is kept', async (t) => {
    const connect = await connectOf(t, { protocol: '5', sessionExpirySeconds: 0 });
    assert.equal(connect.clean, true);
    assert.equal(connect.properties?.sessionExpiryInterval ?? 0, 0);
  });

  test('MQTT 3.1.1: the same keep-alive, no session that lasts, no will delay', async (t) => {
    const connect = await connectOf(t, { ...settings, protocol: '3.1.1' });
    assert.equal(connect.protocolVersion, 4);
    assert.equal(connect.keepalive, 47);
    assert.equal(connect.clean, true);
    assert.equal(connect.properties, undefined);
    assert.equal(connect.will?.properties, undefined);
    assert.equal(JSON.parse(String(connect.will?.payload)).state, 'offline');
  });
});

describe('the first connection', { timeout: TEST_HANG_MS }, () => {
  const FIELD = 'mqtts://broker.farm.lan:8883';

  test('is spread over five seconds, and at once at a broker of this board', () => {
    const spread = (changes: Partial<Config['mqtt']>) =>
      connectSpreadMs(mqttSettings({ backoffInitialMs: 1_000, ...changes }));
    assert.equal(spread({ url: FIELD }), 5_000);
    assert.equal(spread({ url: FIELD, backoffInitialMs: 9_000 }), 9_000);
    assert.equal(spread({ url: FIELD, connectSpreadMs: 120_000 }), 120_000);
    assert.equal(spread({ url: FIELD, connectSpreadMs: 0 }), 0);
    for (const host of ['localhost:1883', '127.0.0.1', '127.3.2.1:1', '[::1]:1883']) {
      assert.equal(spread({ url: `mqtt://${host}` }), 1_000, host);
    }
    assert.equal(spread({ url: 'ws://127.0.0.1:8080/mqtt' }), 1_000);
    assert.equal(spread({ url: 'mqtt://localhost.farm.lan' }), 5_000);
    assert.equal(spread({ url: null }), 1_000, 'the embedded broker');
  });

  test('waits for the share of the spread that chance gives, in every robot another', (t) => {
    const waits: number[] = [];
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const spreadMs = 60_000;
    const waitOf = (random: () => number): number => {
      let connectedMs = -1;
      let nowMs = 0;
      const link = new Link({
        access: () => {
          connectedMs = nowMs;
          void link.stop(0);
          throw new Error('it would connect now');
        },
        clientId: 'r1',
        settings: mqttSettings({ connectSpreadMs: spreadMs }),
        subscription: { filter: 'a', topics: ['a'], qos: 1 },
        alarms: NO_ALARMS,
        log: recordedLog().log,
        will: () => ({ topic: 'a', payload: new Uint8Array(), qos: 1, retain: true }),
        onReady: () => {},
        onCommand: () => {},
        onLost: () => {},
        random,
      });
      link.start();
      for (; connectedMs < 0 && nowMs <= spreadMs; nowMs += 100) t.mock.timers.tick(100);
      return connectedMs;
    };
    const random = createRandom(7);
    for (let robots = 0; robots < 200; robots++) waits.push(waitOf(() => random.next()));
    assert.ok(waits.every((waitMs) => waitMs >= 0 && waitMs < spreadMs));
    for (let from = 0; from < spreadMs; from += 10_000) {
      const count = waits.filter((waitMs) => waitMs >= from && waitMs < from + 10_000).length;
      assert.ok(
        count > 15 && count < 55,
        `${count} of 200 connect in the ten seconds after ${from}`,
      );
    }
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
        assert.ok(Math.abs(waitOf(() => chance) - chance * spreadMs) <= 100);
      }),
      { numRuns: 20 },
    );
  });
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { unzipSync } from 'fflate';
import { removeGeotag } from '../../src/vision/geotag/geotag.js';
import { moment } from '../host/position/nmea-lines.js';
import { PseudoTerminal } from '../host/position/pseudo-terminal.js';
import { TEST_HANG_MS } from '../liveness.js';
import { headland, Person, Rig } from './daemon.js';

/** A receiver on a serial line, on a robot that drives north at one meter a second. */
function receiver(t: TestContext): PseudoTerminal {
  const terminal = new PseudoTerminal();
  let tick = 0;
  const timer = setInterval(() => {
    terminal.write(moment(tick, 52 + tick * 1e-5, 9.5));
    tick += 1;
  }, 50);
  t.after(() => {
    clearInterval(timer);
    terminal.close();
  });
  return terminal;
}

describe('a robot that knows where it is', { timeout: TEST_HANG_MS }, () => {
  test('says it in predictions, events and the status, keeps it with samples, and draws a map', async (t) => {
    const { device } = receiver(t);
    const rig = await Rig.create(t, {
      position: {
        source: 'serial',
        serial: { device },
        sightings: { writeIntervalMs: 1_000, minProbability: 0.5 },
      },
      samples: { askMaxWaiting: 0 },
    });
    const at = ['--config', rig.configFile];
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    const { body: first } = await person.until(
      ({ topic, body }) =>
        topic === 'headland/r1/prediction' && body.position?.accuracy_meters === 0.02,
    );
    assert.equal(first.position.longitude, 9.5);
    assert.equal(first.position.speed_meters_per_second, 1);
    assert.equal(first.position.course_degrees, 84.4);
    assert.equal(first.position.altitude_meters, 100.5);

    await person.labelFrames(rig, 40, {
      look: ({ position }) => assert.ok(position.latitude > 52),
    });
    const answer = await person.command('retrain');
    const { body: report } = await person.until(
      ({ body }) =>
        body.schema === 'training_report/1' && body.training_id === answer.data.training_id,
    );
    assert.equal(report.outcome, 'promoted', report.reason);
    person.forget();
    // Enough frames for sightings of every class, and the time to write them.
    let frames = 0;
    await person.until(({ topic }) => topic === 'headland/r1/prediction' && ++frames >= 100);
    const { data: status } = await person.command('status');
    assert.equal(status.position.state, 'fix');
    assert.equal(status.position.source, `receiver on ${device}`);
    assert.ok(status.position.latitude > 52);
    await daemon.stop();

    const mapped = headland('map', ...at);
    assert.equal(mapped.status, 0, mapped.stderr);
    const map = JSON.parse(mapped.stdout);
    const kinds = (kind: string) =>
      map.features.filter(
        (each: { properties: { kind: string } }) => each.properties.kind === kind,
      );
    const samples = kinds('sample');
    assert.ok(samples.length > 0);
    assert.ok(kinds('sighting').length > 0, 'nothing was seen');
    for (const { geometry, properties } of map.features) {
      assert.equal(geometry.type, 'Point');
      assert.equal(geometry.coordinates[0], 9.5);
      assert.ok(geometry.coordinates[1] > 52);
      assert.ok(['crop', 'weed', 'stone'].includes(properties.label));
    }

    const dir = join(rig.dir, 'out');
    assert.equal(headland('export-samples', dir, ...at).status, 0);
    const [picture] = readdirSync(join(dir, 'weed'));
    const { position } = removeGeotag(readFileSync(join(dir, 'weed', picture!)));
    assert.equal(position?.longitude, 9.5);
    assert.equal(position?.accuracyMeters, 0.02);
  });

  test('sends a support bundle without its place', async (t) => {
    const { device } = receiver(t);
    const rig = await Rig.create(t, {
      // The receiver of this process says nothing while the command runs.
      position: { source: 'serial', serial: { device }, maxAgeMs: 60_000 },
    });
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ body }) => body.position !== undefined);
    const file = join(rig.dir, 'bundle.zip');
    const port = new URL(daemon.mqttUrl).port;
    rig.configure({ embeddedBroker: { port: Number(port) } });
    headland('doctor', '--config', rig.configFile, '--only', 'clock', '--bundle', file);
    const status = Buffer.from(unzipSync(readFileSync(file))['status.json']!).toString();
    assert.equal(JSON.parse(status).position.state, 'fix', status);
    assert.doesNotMatch(status, /latitude|longitude/);
  });

  test('classifies on when the receiver is lost, and says where it last was in no message', async (t) => {
    const terminal = receiver(t);
    const rig = await Rig.create(t, {
      position: { source: 'serial', serial: { device: terminal.device }, maxAgeMs: 200 },
    });
    const daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    const isPrediction = ({ topic }: { topic: string }) => topic === 'headland/r1/prediction';
    await person.until((each) => isPrediction(each) && each.body.position !== undefined);
    terminal.close();
    const { body: alarm } = await person.until(
      ({ body }) => body.kind === 'alarm_raised' && body.details.alarm === 'position',
    );
    assert.equal(alarm.code, 'HL_SERIAL_UNREADABLE');
    assert.equal(alarm.severity, 'warning');
    person.forget();
    await person.until((each) => isPrediction(each) && each.body.position === undefined);
    const { data } = await person.command('status');
    assert.equal(data.position.state, 'silent');
    assert.equal(data.position.latitude, undefined);
  });
});

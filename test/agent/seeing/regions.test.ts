import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { TEST_HANG_MS } from '../../liveness.js';
import { Person, Rig } from '../daemon.js';

test('regions of one camera are decided on, shown, labelled and alerted one by one', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const half = { top: 0, width: 0.5, height: 1 };
  rig.configure({
    cameras: [
      {
        driver: 'replay',
        path: rig.photosDir,
        intervalMs: 20,
        name: 'boom',
        regions: [
          { name: 'left', left: 0, ...half },
          { name: 'right', left: 0.5, ...half },
        ],
      },
    ],
    alerts: {
      rules: ['left', 'right'].map((region) => ({
        name: `any-${region}`,
        labels: ['unknown', 'crop', 'weed', 'stone'],
        region,
        minProbability: 0,
        guesses: true,
      })),
    },
  });
  const daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  const prediction = (region: string, sequence?: number) =>
    person.until(
      ({ topic, body }) =>
        topic === 'headland/r1/prediction' &&
        body.region === region &&
        (sequence === undefined || body.sequence === sequence),
    );
  const { body: left } = await prediction('left');
  const { body: right } = await prediction('right', left.sequence);
  assert.deepEqual([left.camera, right.camera], ['boom', 'boom']);
  assert.notEqual(left.frame_id, right.frame_id);
  assert.equal(left.captured_at, right.captured_at);

  // Without a head everything is unknown.
  for (const region of ['left', 'right']) {
    const { body } = await person.until(
      (message) => message.body.kind === 'alert_raised' && message.body.details.region === region,
    );
    assert.equal(body.details.rule, `any-${region}`);
  }

  const seen = await person.command('snapshot', {
    camera: 'boom',
    region: 'right',
    include_picture: true,
  });
  assert.equal(seen.data.region, 'right');
  const picture = Buffer.from(seen.data.picture_base64, 'base64');
  assert.equal((await sharp(picture).metadata()).width, 24);
  const answer = await person.command('label', { sample: seen.data.sample_id, label: 'weed' });
  assert.equal(answer.ok, true, JSON.stringify(answer));
  const other = await person.command('snapshot', { camera: 'boom', region: 'middle' });
  assert.equal(other.error.code, 'HL_FRAME_NONE');

  const { data: status } = await person.command('status');
  assert.deepEqual(status.cameras[0].regions, ['left', 'right']);
  const page = (await (await fetch(new URL('/api/status', status.console))).json()) as {
    cameras: { name: string }[];
  };
  assert.deepEqual(
    page.cameras.map(({ name }) => name),
    ['boom/left', 'boom/right'],
  );
  const shown = await fetch(new URL('/api/frame.jpg?camera=boom%2Fright', status.console));
  const { camera } = JSON.parse(decodeURIComponent(shown.headers.get('x-headland-frame')!));
  assert.equal(camera, 'boom/right');
  const info = await person.until(({ topic }) => topic === 'headland/r1/info');
  assert.deepEqual(info.body.cameras[0].regions, ['left', 'right']);
  await daemon.stop();

  const store = rig.openSamples(t);
  assert.equal(store.get(seen.data.sample_id)?.source, 'boom/right');
});

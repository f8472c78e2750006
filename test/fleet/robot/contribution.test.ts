import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeEvaluation } from '../../../src/fleet/contract/evaluation-codec.js';
import { decodeMoment } from '../../../src/fleet/contract/moment-codec.js';
import {
  basisFromMoment,
  encodeBasis,
  identityBasis,
  project,
} from '../../../src/head/sums/basis.js';
import {
  candidatesOf,
  encodeCandidates,
  judgeCandidates,
} from '../../../src/head/sums/candidates.js';
import { gaussiansFromSums } from '../../../src/head/sums/gaussian-sums.js';
import { ridgeFromSums } from '../../../src/head/sums/ridge-sums.js';
import { decodeSums, sumsByClass } from '../../../src/head/sums/task-sums.js';
import { readLabelled } from '../../../src/training/data/collect.js';
import { originals } from '../../../src/training/data/feature-matrix.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { withoutMosquitto } from '../../telemetry/mosquitto.js';
import { type FleetRig, startFleet, teachFeatures } from './fleet-robot.js';

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

test('a moment is sent again when there is half as much more', options, async (t) => {
  const { hub, samples, backbone } = await startFleet(t);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  await hub.want({ moment_wanted: true });
  const first = decodeMoment((await hub.objects.until(() => true)).bytes);
  await hub.want({ moment_wanted: false });
  teachFeatures(samples, backbone, { labels: ['weed'], count: 6, seed: 2 });
  await sleep(2_500);
  assert.equal(hub.objects.all.length, 1);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 10, seed: 3 });
  const [, second] = await hub.objects.count(2);
  assert.ok(decodeMoment(second!.bytes).samples >= 1.3 * first.samples);
});

const IDENTITY = { checksum: 'identity', offer: null, directions: 24 } as const;

/** Training samples of some classes, read from the store of the robot. */
function rowsOf({ samples, backbone }: FleetRig, labels: readonly string[]) {
  const found = readLabelled(samples).filter(
    ({ holdout, label }) => !holdout && labels.includes(label),
  );
  const features = originals(samples, found, backbone) as Float32Array[];
  const all = new Float32Array(features.length * 24);
  for (const [row, vector] of features.entries()) all.set(vector, row * 24);
  return { all, features, names: found.map(({ label }) => label) };
}

test(
  'a robot shares the sums of its training samples, and nothing of a single one',
  options,
  async (t) => {
    const settings = { samples: { askMaxWaiting: 0, holdoutAfterSamples: 0 } };
    const rig = await startFleet(t, { neverShare: ['secret'] }, { settings });
    const { hub, samples, backbone } = rig;
    teachFeatures(samples, backbone, { labels: ['crop', 'weed', 'secret', 'here'], count: 24 });
    teachFeatures(samples, backbone, { labels: ['rare'], count: 4 });
    await hub.want({ basis: IDENTITY, local_labels: ['here'] });
    const { header, bytes } = await hub.objects.until(({ header: { kind } }) => kind === 'sums');
    const sums = decodeSums(bytes);
    assert.deepEqual(
      sums.classes.map(({ label }) => label),
      ['crop', 'weed'],
    );
    const { all, names, features } = rowsOf(rig, ['crop', 'weed']);
    assert.ok(names.length < 48, 'some are in the holdout');
    const expected = sumsByClass(
      project(identityBasis(24), all),
      24,
      names,
      new Float64Array(names.length).fill(1),
    );
    assert.deepEqual(sums.classes, expected);
    const report = await hub.reported((task) => task.sums?.object === header.object);
    const { version, basis, samples: shared } = report.tasks[0]!.sums!;
    assert.deepEqual([version, basis, shared], [header.version, 'identity', names.length]);

    const wire = Buffer.concat(hub.wire.map((message) => message.bytes));
    assert.equal(wire.includes(Buffer.from([0xff, 0xd8, 0xff])), false, 'a picture');
    for (const vector of features) {
      const raw = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
      assert.equal(wire.includes(raw.subarray(0, 16)), false, 'features of a sample');
    }
    assert.equal(wire.includes('secret'), false, 'a label that is never shared');
  },
);

test(
  'sums are in the basis of the fleet, and replaced as a whole when they change',
  options,
  async (t) => {
    const rig = await startFleet(t);
    const { hub, samples, backbone } = rig;
    teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
    await hub.want({ moment_wanted: true });
    const moment = decodeMoment((await hub.objects.until(() => true)).bytes);
    const basis = basisFromMoment(moment.values, 24, 6);
    const offer = hub.offer('basis', encodeBasis(basis));
    const wanted = { checksum: offer.object, offer, directions: 6 };
    await hub.want({ moment_wanted: false, basis: wanted });
    const first = await hub.objects.until(({ header }) => header.kind === 'sums');
    const { all, names } = rowsOf(rig, ['crop', 'weed']);
    const shares = new Float64Array(names.length).fill(1);
    assert.deepEqual(
      decodeSums(first.bytes).classes,
      sumsByClass(project(basis, all), 6, names, shares),
    );

    // Nothing has changed: after another interval nothing has come.
    await sleep(2_500);
    assert.equal(hub.objects.all.length, 2);
    teachFeatures(samples, backbone, { labels: ['weed'], count: 5, seed: 2 });
    const second = await hub.objects.until(
      ({ header }) => header.kind === 'sums' && header.version! > first.header.version!,
    );
    assert.equal(second.header.epoch, first.header.epoch);
    const [, weed] = decodeSums(second.bytes).classes;
    assert.ok(weed!.sums.samples > decodeSums(first.bytes).classes[1]!.sums.samples);
  },
);

test(
  'a robot judges candidates on its own samples, by the names of the fleet',
  options,
  async (t) => {
    const rig = await startFleet(t, { neverShare: ['secret'] });
    const { hub, samples, backbone } = rig;
    teachFeatures(samples, backbone, { labels: ['crop', 'old'], count: 20 });
    teachFeatures(samples, backbone, { labels: ['here'], count: 6 });
    teachFeatures(samples, backbone, { labels: ['secret'], count: 20 });
    await hub.want({ basis: IDENTITY, aliases: [{ label: 'old', instead: 'weed' }] });
    const sums = decodeSums((await hub.objects.until(() => true)).bytes);
    assert.deepEqual(
      sums.classes.map(({ label }) => label),
      ['crop', 'here', 'old'],
    );
    const [crop, , old] = sums.classes;
    // Another robot shares a class of the name that this one keeps.
    const secret = { label: 'secret', sums: crop!.sums };
    const classes = [crop!, secret, { label: 'weed', sums: old!.sums }];
    const candidates = candidatesOf(ridgeFromSums(classes), gaussiansFromSums(classes));
    const offered = hub.offer('candidates', encodeCandidates(candidates));
    await hub.want({ evaluate: { round: 3, candidates: offered } });
    const { header, bytes } = await hub.objects.until(
      ({ header: { kind } }) => kind === 'evaluation',
    );
    const evaluation = decodeEvaluation(bytes);
    const { all, names } = rowsOf(rig, ['crop', 'old', 'here']);
    const renamed = names.map((name) => (name === 'old' ? 'weed' : name));
    const shares = new Float64Array(names.length).fill(1);
    assert.deepEqual(
      evaluation.training,
      judgeCandidates(candidates, project(identityBasis(24), all), renamed, shares),
    );
    assert.ok(evaluation.training.notKnown > 0);
    assert.deepEqual([evaluation.round, evaluation.candidates], [3, offered.object]);
    await hub.reported(
      (task) => task.evaluated?.round === 3 && task.evaluated.object === header.object,
    );
  },
);

test(
  'with noise a robot sends as often as its privacy allows, and no exact count',
  options,
  async (t) => {
    const privacy = { epsilon: 5, releases: 2 };
    const { hub, samples, backbone } = await startFleet(t, { privacy });
    teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 400 });
    await hub.want({ basis: IDENTITY });
    const first = await hub.objects.until(() => true);
    const sums = decodeSums(first.bytes);
    assert.ok(sums.sigma > 0);
    for (const { sums: own } of sums.classes) assert.notEqual(own.samples, Math.round(own.samples));
    teachFeatures(samples, backbone, { labels: ['weed'], count: 5, seed: 2 });
    await hub.objects.count(2);
    teachFeatures(samples, backbone, { labels: ['weed'], count: 5, seed: 3 });
    const { tasks, privacy: left } = await hub.reported(
      (task) => task.problem?.code === 'HL_FLEET_PRIVACY_USED_UP',
    );
    assert.deepEqual([left?.releases_left, tasks[0]!.labels, tasks[0]!.sums?.samples], [0, [], 0]);
    assert.equal(hub.objects.all.length, 2);
  },
);

test('a class is sent again only after several of its samples have changed', options, async (t) => {
  const { hub, samples, backbone } = await startFleet(t);
  const after = async (version: number) => {
    const { header, bytes } = await hub.objects.until(
      (each) => each.header.version! > version,
      'the next sums',
    );
    return { version: header.version!, classes: decodeSums(bytes).classes };
  };
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  await hub.want({ basis: IDENTITY });
  const first = await after(0);
  const [crop, weed] = first.classes;

  // One sample of a class more, one less, and one that has another label.
  teachFeatures(samples, backbone, { labels: ['weed'], count: 1, seed: 2 });
  const own = readLabelled(samples).filter(({ holdout, label }) => !holdout && label === 'weed');
  samples.remove([own[0]!.id], 'console');
  samples.label(own[1]!.id, 'crop', 'console');
  await sleep(2_500);
  assert.equal(hub.objects.all.length, 1, 'a difference of few samples');

  teachFeatures(samples, backbone, { labels: ['crop'], count: 20, seed: 3 });
  const second = await after(first.version);
  assert.deepEqual(second.classes[1], weed, 'the class that has hardly changed');
  assert.ok(second.classes[0]!.sums.samples >= crop!.sums.samples + 5);

  teachFeatures(samples, backbone, { labels: ['weed'], count: 20, seed: 4 });
  const third = await after(second.version);
  const now = readLabelled(samples).filter(({ holdout, label }) => !holdout && label === 'weed');
  assert.equal(third.classes[1]!.sums.samples, now.length);
});

test('sums hold the samples of the moment, or several others', options, async (t) => {
  const { hub, samples, backbone } = await startFleet(t);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  await hub.want({ moment_wanted: true });
  const moment = decodeMoment((await hub.objects.until(() => true)).bytes);
  const [one] = readLabelled(samples).filter(({ holdout }) => !holdout);
  samples.label(one!.id, one!.label === 'crop' ? 'weed' : 'crop', 'console');
  await hub.want({ moment_wanted: false, basis: IDENTITY });
  const { bytes } = await hub.objects.until(({ header }) => header.kind === 'sums');
  const { classes } = decodeSums(bytes);
  const total = new Float64Array(moment.values.length);
  for (const { sums } of classes) {
    for (const [i, value] of sums.gram.entries()) total[i]! += value;
  }
  const differing = total.filter((value, i) => Math.abs(value - moment.values[i]!) > 1e-5);
  assert.equal(differing.length, 0);
  assert.ok(classes.every(({ sums }) => sums.samples <= 20));
});

const FOURS = { copies: 4, group: (index: number) => `pass-${Math.floor(index / 4)}` };

test('copies of a picture count as one, also towards the least number', options, async (t) => {
  const { hub, samples, backbone } = await startFleet(t);
  teachFeatures(samples, backbone, { labels: ['crop'], count: 40, ...FOURS });
  teachFeatures(samples, backbone, { labels: ['weed'], count: 16, ...FOURS });
  await hub.want({ basis: IDENTITY });
  const { classes } = decodeSums((await hub.objects.until(() => true)).bytes);
  assert.deepEqual(
    classes.map(({ label, sums }) => [label, Math.round(1e6 * sums.samples) / 1e6]),
    [['crop', 10]],
  );
});

test('with noise each sample weighs the same, whatever looks like it', options, async (t) => {
  const privacy = { epsilon: 90, releases: 1 };
  const { hub, samples, backbone } = await startFleet(t, { privacy });
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 40, ...FOURS });
  await hub.want({ basis: IDENTITY });
  const { classes, sigma } = decodeSums((await hub.objects.until(() => true)).bytes);
  for (const { sums } of classes) {
    // 10 if copies counted as one.
    assert.ok(Math.abs(sums.samples - 40) < 10 * sigma && sigma < 4, `${sums.samples} ${sigma}`);
  }
});

test('a robot that shares no more says so, and forgets what waits', options, async (t) => {
  const { hub, samples, backbone, robot } = await startFleet(t);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  await hub.want({ basis: IDENTITY });
  const { header } = await hub.objects.until(() => true);
  await hub.reported((task) => task.sums?.object === header.object);
  robot.agent.fleet!.withdraw(true);
  await hub.reported((task, { share }) => !share && task.sums === null);
  teachFeatures(samples, backbone, { labels: ['weed'], count: 5, seed: 2 });
  await sleep(2_500);
  assert.equal(hub.objects.all.length, 1);
  robot.agent.fleet!.withdraw(false);
  const again = await hub.objects.next();
  assert.ok(again.header.version! > header.version!);
});

test('a state from a backup counts its versions in a new epoch', options, async (t) => {
  const { hub, samples, backbone } = await startFleet(t);
  teachFeatures(samples, backbone, { labels: ['crop', 'weed'], count: 20 });
  await hub.want({ basis: IDENTITY });
  const { header } = await hub.objects.until(() => true);
  const next = hub.objects.next();
  await hub.want({ sums_accepted: { epoch: header.epoch!, version: 9 } });
  const again = await next;
  assert.notEqual(again.header.epoch, header.epoch);
});

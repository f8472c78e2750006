import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createRandom } from '../../src/base/random.js';
import { layOut, type Thing } from '../../src/camera/simulated/field-layout.js';
import { FieldPlan } from '../../src/camera/simulated/field-plan.js';
import { type FieldPicture, FieldScene } from '../../src/camera/simulated/field-scene.js';
import {
  FIELD_REGIONS,
  FIELD_TASKS,
  layOutBesideTrack,
} from '../../src/camera/simulated/field-track.js';
import { SimulatedDriver } from '../../src/camera/simulated/simulated-camera.js';
import { cameraConfig, collect } from './support.js';

function scene(seed: number, newWeedAfterFrames = 0): FieldScene {
  return new FieldScene({
    seed,
    widthPixels: 160,
    heightPixels: 120,
    newWeedAfterFrames,
    wheelTrack: false,
  });
}

function sceneWithTrack(seed: number): FieldScene {
  const size = { widthPixels: 160, heightPixels: 120 };
  return new FieldScene({ seed, ...size, newWeedAfterFrames: 100, wheelTrack: true });
}

/** Share of a region, in squares of 4 x 4 pixels, that is clearly green, 0..1. */
function greenShare({ data, width, height }: FieldPicture, region: string): number {
  const { left, width: share } = FIELD_REGIONS.find(({ name }) => name === region)!;
  const [from, to] = [Math.round(left * width), Math.round((left + share) * width)];
  let green = 0;
  let squares = 0;
  for (let y = 0; y + 4 <= height; y += 4) {
    for (let x = from; x + 4 <= to; x += 4) {
      const [r, g, b] = [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let i = 0; i < 16; i += 1) {
          sum += data[((y + (i >> 2)) * width + x + (i & 3)) * 3 + channel]!;
        }
        return sum;
      });
      if (g! > 1.2 * Math.max(r!, b!)) green += 1;
      squares += 1;
    }
  }
  return green / squares;
}

function fingerprint(field: FieldScene, frame: number): string {
  return createHash('sha256').update(field.draw(frame).data).digest('hex');
}

describe('FieldPlan', () => {
  it('drives in passes of 8 to 15 frames of one class, all classes within ten passes', () => {
    const plan = new FieldPlan(5, 0);
    const classes = new Set<string>();
    let frame = 0;
    for (let index = 0; index < 10; index += 1) {
      const pass = plan.passOf(frame);
      assert.equal(pass.index, index);
      assert.ok(pass.frames >= 8 && pass.frames <= 15);
      assert.deepEqual(plan.passOf(frame + pass.frames - 1), pass);
      classes.add(pass.fieldClass);
      frame += pass.frames;
    }
    assert.deepEqual([...classes].sort(), ['crop', 'obstacle', 'soil', 'weed']);
  });

  it('grows thistles from the first pass after the given frame on, never before', () => {
    const plan = new FieldPlan(5, 300);
    let first: number | null = null;
    for (let frame = 0; frame < 600; frame += 1) {
      const pass = plan.passOf(frame);
      if (pass.fieldClass === 'thistle') first ??= frame;
    }
    assert.ok(first !== null && first >= 300 && first < 300 + 15, `first at ${first}`);
    const never = new FieldPlan(5, 0);
    for (let frame = 0; frame < 3_000; frame += 8) {
      assert.notEqual(never.passOf(frame).fieldClass, 'thistle');
    }
  });

  it('knows a frame without those before it', () => {
    const inOrder = new FieldPlan(9, 200);
    const passes = Array.from({ length: 400 }, (_, frame) => inOrder.passOf(frame));
    for (const frame of [399, 0, 250, 199, 200]) {
      assert.deepEqual(new FieldPlan(9, 200).passOf(frame), passes[frame]);
      assert.deepEqual(inOrder.passOf(frame), passes[frame]);
    }
  });
});

describe('FieldPlan with a wheel track', () => {
  it('blocks the track in four passes of ten, whatever grows in the row', () => {
    const plan = new FieldPlan(5, 0, true);
    const pairs: string[] = [];
    let frame = 0;
    for (let index = 0; index < 100; index += 1) {
      const { frames, fieldClass, track } = plan.passOf(frame);
      pairs.push(`${fieldClass} ${track}`);
      frame += frames;
    }
    for (let ten = 0; ten < 100; ten += 10) {
      const blocked = pairs.slice(ten, ten + 10).filter((pair) => pair.endsWith('blocked'));
      assert.equal(blocked.length, 4);
    }
    assert.deepEqual([...new Set(pairs)].sort(), [
      'crop blocked',
      'crop free',
      'soil blocked',
      'soil free',
      'weed blocked',
      'weed free',
    ]);
  });
});

describe('FieldScene with a wheel track', () => {
  it('grows plants in the row and none in the track', () => {
    const field = sceneWithTrack(1);
    let planted = 0;
    for (let frame = 4; frame < 400; frame += 12) {
      const picture = field.draw(frame);
      const row = picture.references.find(({ region }) => region === 'row')!;
      assert.ok(greenShare(picture, 'track') < 0.02, `frame ${frame}: plants in the track`);
      if (row.label === 'crop' && greenShare(picture, 'row') > 0.04) planted += 1;
    }
    assert.ok(planted > 5, `${planted} frames with crop`);
  });

  it('lays an obstacle into view of every frame of a blocked track and of no other', () => {
    const view = { width: 640, skew: 0.04, length: 1_000 };
    const strip = (seed: number): Thing[] => layOut('weed', view.length, 9, createRandom(seed));
    for (let seed = 1; seed <= 20; seed += 1) {
      for (const state of ['free', 'blocked'] as const) {
        const things = layOutBesideTrack(strip(seed), state, view, createRandom(seed));
        const obstacles = things.filter(
          ({ kind, x, y, radius }) =>
            (kind === 'stone' || kind === 'post') &&
            radius > 40 &&
            Math.abs(x + view.skew * y + 0.3 * view.width) <= 45.001,
        );
        for (let middle = 0; middle + 240 <= view.length; middle += 10) {
          const inView = obstacles.filter(({ y }) => Math.abs(y - middle) < 240);
          assert.equal(inView.length > 0, state === 'blocked', `${state} at ${middle}`);
        }
      }
    }
  });

  it('knows the answer of each task in its region, the same for the same seed', () => {
    const field = sceneWithTrack(3);
    const labels = new Map<string, Set<string>>();
    for (let frame = 0; frame < 400; frame += 1) {
      const { references } = field.draw(frame);
      assert.deepEqual(
        references.map(({ region, task }) => ({ name: task, regions: [region] })),
        FIELD_TASKS,
      );
      if (frame % 50 === 0) assert.deepEqual(sceneWithTrack(3).draw(frame).references, references);
      for (const { task, label } of references) {
        labels.set(task!, (labels.get(task!) ?? new Set()).add(label));
      }
    }
    assert.deepEqual([...labels.get('weeds')!].sort(), ['crop', 'soil', 'thistle', 'weed']);
    assert.deepEqual([...labels.get('way')!].sort(), ['blocked', 'free']);
  });
});

describe('FieldScene', () => {
  it('draws the same frame for the same seed, whatever was drawn before', () => {
    const one = scene(3);
    const prints = [0, 1, 57, 58].map((frame) => fingerprint(one, frame));
    assert.equal(new Set(prints).size, 4);
    assert.equal(fingerprint(scene(3), 57), prints[2]);
    assert.equal(fingerprint(one, 0), prints[0]);
    assert.notEqual(fingerprint(scene(4), 0), prints[0]);
  });

  it('changes the light from pass to pass more than within one', () => {
    const field = scene(1);
    const plan = new FieldPlan(1, 0);
    const mean = (frame: number) => {
      const { data } = field.draw(frame);
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    };
    const passes: [number, number][] = [];
    for (let frame = 0; passes.length < 20; ) {
      const pass = plan.passOf(frame);
      passes.push([mean(frame), mean(frame + 3)]);
      frame += pass.frames;
    }
    const within = passes.map(([a, b]) => Math.abs(a - b));
    const between = passes.slice(1).map(([a], i) => Math.abs(a - passes[i]![0]));
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    assert.ok(sum(between) > 3 * sum(within), `${sum(between)} and ${sum(within)}`);
  });

  it('fills pictures of any allowed size', () => {
    for (const [widthPixels, heightPixels] of [
      [64, 64],
      [65, 301],
      [1_920, 64],
    ] as const) {
      const wheelTrack = heightPixels > 64;
      const field = new FieldScene({
        seed: 2,
        widthPixels,
        heightPixels,
        newWeedAfterFrames: 1,
        wheelTrack,
      });
      for (let frame = 0; frame < 120; frame += 12) {
        const { data, width, height } = field.draw(frame);
        assert.equal(data.length, width * height * 3);
        assert.ok(data.some((value) => value > 40));
      }
    }
  });
});

describe('SimulatedDriver', () => {
  const config = cameraConfig({
    driver: 'simulated',
    intervalMs: 0,
    widthPixels: 160,
    heightPixels: 120,
  });

  it('gives JPEGs with the true class and the pass, and calls itself simulated', async () => {
    const driver = new SimulatedDriver(config);
    assert.match(driver.description, /simulated/);
    const pictures = await collect(driver, 20);
    assert.equal((await sharp(pictures[0]!.jpeg).metadata()).format, 'jpeg');
    assert.ok(new Set(pictures.map(({ group }) => group)).size > 1);
    for (const { group, references } of pictures) {
      assert.equal(references?.length, 1);
      const same = pictures.filter((other) => other.group === group);
      for (const other of same) assert.deepEqual(other.references, references);
      assert.match(group!, /^simulated-1-pass-\d+$/);
    }
  });

  it('goes on with the next frame when it is opened again, and begins at startFrame', async () => {
    const driver = new SimulatedDriver(config);
    await collect(driver, 5);
    const [sixth] = await collect(driver, 1);
    const [same] = await collect(new SimulatedDriver({ ...config, startFrame: 5 }), 1);
    assert.deepEqual(sixth, same);
  });

  it('waits for a receiver that returns a promise', async () => {
    let taking = 0;
    let most = 0;
    let total = 0;
    const stop = new AbortController();
    await new SimulatedDriver(config).capture(async () => {
      taking += 1;
      most = Math.max(most, taking);
      total += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      taking -= 1;
      if (total >= 10) stop.abort();
    }, stop.signal);
    assert.equal(most, 1);
  });
});

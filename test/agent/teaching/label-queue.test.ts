import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { LabelQueue } from '../../../src/agent/teaching/label-queue.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import type { ServingHead } from '../../../src/perception/perception-protocol.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { learn } from '../../../src/training/instant/learn.js';
import { Draw } from '../../head/synthetic.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { newSample, temporaryStore } from '../../samples/support.js';

const CHECKSUM = 'c'.repeat(64);
const D = 64;
const INFERENCE = configSchema.parse({}).inference;

/** Samples of classes that lie apart, and the queue of the task that they wait for. */
class School {
  readonly store: SampleStore;
  readonly queue: LabelQueue;
  readonly #draw = new Draw(7);
  readonly #means = new Map<string, Float64Array>();
  serving: ServingHead | null = null;
  checksum: string | null = CHECKSUM;
  /** Samples whose features the queue has read. */
  reads = 0;
  #count = 0;

  constructor(t: TestContext) {
    this.store = temporaryStore(t).store;
    const perception = {
      get backbone() {
        return school.checksum === null
          ? null
          : {
              name: 'drawn',
              checksum: school.checksum,
              engine: 'drawn',
              featureSize: D,
              inputSize: 8,
              insteadOf: null,
            };
      },
      serving: () => this.serving,
    };
    const school = this;
    this.queue = new LabelQueue({
      task: 'main',
      perception,
      samples: {
        features: (ids, ...key) => {
          school.reads += ids.length;
          return school.store.features(ids, ...key);
        },
        get: (id) => school.store.get(id),
        labelCounts: () => school.store.labelCounts(),
        labelRevision: () => school.store.labelRevision(),
        labelsSince: (...range) => school.store.labelsSince(...range),
        list: (filter) => school.store.list(filter),
        waitingIds: () => school.store.waitingIds(),
      },
      inference: INFERENCE,
      log: silentLog(),
    });
    t.after(() => this.queue.stop());
  }

  features(kind: string, noise = 0.3): Float32Array {
    const mean = this.#means.get(kind) ?? this.#draw.normals(D);
    this.#means.set(kind, mean);
    return Float32Array.from(mean, (x) => Math.abs(x + noise * this.#draw.normal()));
  }

  /** A sample without features where they are null. */
  admit(features: Float32Array | null, label: string | null = null): string {
    const n = this.#count++;
    const { sample } = this.store.admit(
      newSample(`${n}`, { label, group: `g${n}`, capturedAtMs: n * 1_000 }),
    );
    const key = { sampleId: sample.id, backboneChecksum: CHECKSUM, recipe: '', view: 0 };
    if (features) this.store.putFeatures([{ ...key, features }]);
    return sample.id;
  }

  learn(): void {
    const learnt = learn(
      this.store,
      { backboneChecksum: CHECKSUM, base: null, sinceRevision: 0 },
      2,
    )!;
    const { head, prior } = learnt;
    this.serving = { version: null, head, ...(prior ? { prior } : {}) };
  }

  ids(limit = 100, skipped: string[] = []): string[] {
    return this.queue.next(limit, skipped).items.map(({ sample }) => sample.id);
  }
}

describe('the queue of questions', { timeout: TEST_HANG_MS }, () => {
  it('asks without a head about each thing once before it asks about look-alikes', (t) => {
    const school = new School(t);
    const kindOf = new Map<string, string>();
    for (const kind of ['crop', 'crop', 'crop', 'crop', 'weed', 'weed', 'stone', 'crop']) {
      kindOf.set(school.admit(school.features(kind, 0.02)), kind);
    }
    const { items, waiting } = school.queue.next(3);
    assert.equal(waiting, 8);
    assert.deepEqual(
      new Set(items.map(({ sample }) => kindOf.get(sample.id))),
      new Set(['crop', 'weed', 'stone']),
    );
    for (const item of items) {
      assert.deepEqual(
        [item.reason, item.guess, item.offered, item.others, item.why.key],
        ['different', null, false, [], 'ask.different'],
      );
    }
    const [first] = items;
    school.store.label(first!.sample.id, kindOf.get(first!.sample.id)!, 'console');
    const next = school.queue.next(2);
    assert.equal(next.waiting, 7);
    const labelled = kindOf.get(first!.sample.id);
    assert.ok(next.items.every(({ sample }) => kindOf.get(sample.id) !== labelled));
  });

  it('asks with a head about what lies between two classes, and says which', (t) => {
    const school = new School(t);
    for (let i = 0; i < 12; i++) {
      school.admit(school.features('crop'), 'crop');
      school.admit(school.features('weed'), 'weed');
    }
    const clear = [0, 1, 2].map(() => school.admit(school.features('crop', 0.1)));
    const crop = school.features('crop', 0.1);
    const weed = school.features('weed', 0.1);
    const between = school.admit(crop.map((x, j) => (x + weed[j]!) / 2));
    school.learn();
    const { items } = school.queue.next(9);
    assert.equal(items[0]!.sample.id, between);
    assert.equal(items[0]!.guess!.ranked.length, 2);
    const [best, second] = items[0]!.guess!.ranked;
    assert.ok(best!.probability >= second!.probability);
    assert.deepEqual(items[0]!.others, [second!.label]);
    const sure = items.find(({ sample }) => sample.id === clear[0])!;
    assert.deepEqual([sure.guess!.ranked[0]!.label, sure.offered], ['crop', true]);
    assert.deepEqual(new Set(school.ids()), new Set([between, ...clear]));
  });

  it('calls a thing that no class knows novel, and offers no guess for it', (t) => {
    const school = new School(t);
    for (let i = 0; i < 30; i++) {
      school.admit(school.features('crop'), 'crop');
      school.admit(school.features('weed'), 'weed');
    }
    const strange = school.admit(school.features('tractor'));
    school.admit(school.features('crop'));
    school.learn();
    const found = school.queue.next(9).items.find(({ sample }) => sample.id === strange)!;
    assert.deepEqual([found.reason, found.offered], ['novel', false]);
  });

  it('says that a thing may be of a rare class', (t) => {
    const school = new School(t);
    for (let i = 0; i < 12; i++) {
      school.admit(school.features('crop'), 'crop');
      school.admit(school.features('weed'), 'weed');
    }
    for (let i = 0; i < 2; i++) school.admit(school.features('stone', 0.05), 'stone');
    const rare = school.admit(school.features('stone', 0.05));
    const found = school.queue.next(1).items[0]!;
    assert.deepEqual(
      [found.sample.id, found.reason, found.why.values],
      [rare, 'rare', { label: 'stone', labels: 2 }],
    );
    // Without a head, the most frequent labels come first.
    assert.deepEqual(found.others, ['crop', 'weed', 'stone']);
  });

  it('asks first about what somebody requested, and last about what was skipped', (t) => {
    const school = new School(t);
    const ids = Array.from({ length: 6 }, (_, i) => school.admit(school.features(`kind ${i}`)));
    const unknown = school.admit(null);
    school.queue.request(ids[4]!);
    school.queue.request(ids[2]!);
    const order = school.ids(9, [ids[0]!, 'gone', ids[1]!]);
    assert.deepEqual(order.slice(0, 2), [ids[4], ids[2]]);
    assert.deepEqual(order.slice(-3), [unknown, ids[0], ids[1]]);
    assert.equal(school.queue.next(1).items[0]!.reason, 'requested');
    assert.deepEqual(school.ids(2, [ids[4]!])[0], ids[2], 'skipped although requested');
    assert.equal(school.ids(0).length, 0);
    school.store.label(ids[4]!, 'crop', 'console');
    assert.deepEqual(school.ids(1), [ids[2]]);
  });

  it('notices another label, a lost sample and another backbone', (t) => {
    const school = new School(t);
    for (let i = 0; i < 12; i++) school.admit(school.features('crop'), 'crop');
    const stone = school.admit(school.features('stone', 0.02), 'stonne');
    const rare = school.admit(school.features('stone', 0.02));
    const other = school.admit(school.features('crop'));
    const about = () => {
      const { items } = school.queue.next(9);
      return items.find(({ sample }) => sample.id === rare)!.why.values.label;
    };
    assert.equal(about(), 'stonne');
    school.store.label(stone, 'stone', 'console');
    assert.equal(about(), 'stone');
    school.store.removeOldestWaiting(1);
    assert.deepEqual(school.ids(), [other]);
    assert.equal(school.store.get(rare), null);
    school.checksum = 'd'.repeat(64);
    assert.deepEqual(school.ids(), [other], 'without features it is still asked about');
    school.checksum = null;
    assert.deepEqual(school.ids(), [other]);
  });

  it('orders anew after labels by another process, however many', (t) => {
    const school = new School(t);
    const waiting = school.admit(school.features('stone', 0.02));
    const crop = school.admit(school.features('crop', 0.02));
    school.ids();
    school.store.batch(() => {
      for (let i = 0; i < 520; i++) school.admit(school.features('crop', 0.02), 'crop');
    });
    assert.deepEqual(school.ids(1), [waiting]);
    school.store.batch(() => {
      for (let i = 0; i < 520; i++) school.admit(school.features('stone', 0.02), 'stone');
    });
    const [first] = school.queue.next(1).items;
    assert.ok([waiting, crop].includes(first!.sample.id));
  });

  it('asks a new head about the others in slices, and then orders by its answers', async (t) => {
    const school = new School(t);
    for (let i = 0; i < 12; i++) {
      school.admit(school.features('crop'), 'crop');
      school.admit(school.features('weed'), 'weed');
    }
    const crop = school.features('crop', 0.1);
    const weed = school.features('weed', 0.1);
    const between = school.admit(crop.map((x, j) => (x + weed[j]!) / 2));
    school.store.batch(() => {
      for (let i = 0; i < 1_500; i++) school.admit(school.features(i % 2 ? 'crop' : 'weed', 0.1));
    });
    school.learn();
    school.ids(1);
    // Without another request.
    while (school.reads < 1_500) await new Promise((resolve) => setTimeout(resolve, 20));
    while (school.ids(1)[0] !== between) await new Promise((resolve) => setTimeout(resolve, 20));
    const { head, ...rest } = school.serving!;
    // The same classes under other names: every answer of the previous head is out of date.
    school.serving = { ...rest, head: { ...head, labels: ['weed', 'crop'] } };
    const found = school.queue.next(1).items[0]!;
    assert.equal(found.sample.id, between);
  });
});

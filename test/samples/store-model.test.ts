import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHoldoutGroup } from '../../src/samples/holdout.js';
import type { SampleFilter, SampleStore } from '../../src/samples/store.js';
import type { Database } from '../../src/storage/database.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { newSample, openStore } from './support.js';

interface ModelSample {
  content: string;
  label: string | null;
  group: string;
  multiplicity: number;
  features: Map<string, number[]>;
}

/** What the store promises, as plainly as it can be said. */
interface Model {
  /** By id, in the order of admission. */
  samples: Map<string, ModelSample>;
  /** Held out, by group; null: no label so far. */
  holdout: Map<string, boolean | null>;
  history: string[];
}

interface Real {
  path: string;
  database: Database;
  store: SampleStore;
  holdoutShare: number;
}

/** Few, so that groups are held out, and returned, within a short run. */
const HOLDOUT_AFTER_SAMPLES = 2;

type Command = fc.Command<Model, Real>;

const command = (name: string, run: (model: Model, real: Real) => void): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

/** The n-th sample of the model, if there is any. */
const pick = ({ samples }: Model, n: number): string | undefined =>
  [...samples.keys()][samples.size === 0 ? 0 : n % samples.size];

function giveLabel(model: Model, id: string, label: string, holdoutShare: number): void {
  const sample = model.samples.get(id)!;
  if (sample.label === label) return;
  model.history.push(`${id} ${sample.label} ${label}`);
  const held = model.holdout.get(sample.group);
  if (held !== false) {
    const training = [...model.samples.values()].filter(
      (s) => s.label === label && !model.holdout.get(s.group),
    ).length;
    const chosen = held || isHoldoutGroup(sample.group, holdoutShare);
    model.holdout.set(sample.group, chosen && training >= HOLDOUT_AFTER_SAMPLES);
  }
  sample.label = label;
}

function forget(model: Model, id: string): void {
  const { label: old } = model.samples.get(id)!;
  if (old !== null) model.history.push(`${id} ${old} null`);
  model.samples.delete(id);
}

const content = fc.nat(25).map((n) => `content ${n}`);
const label = fc.constantFrom('weed', 'crop', 'stone');
const group = fc.constantFrom('g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7', 'g8');
const nth = fc.nat(50);
const backbone = fc.constantFrom('b1', 'b2');
const view = fc.nat(2);

const admit = fc
  .tuple(content, fc.option(label, { nil: null, freq: 2 }), group)
  .map(([what, given, inGroup]) =>
    command(`admit(${what}, ${given}, ${inGroup})`, (model, { store, holdoutShare }) => {
      const { sample, duplicate } = store.admit(newSample(what, { label: given, group: inGroup }));
      const known = [...model.samples].find(([, s]) => s.content === what);
      assert.equal(duplicate, known !== undefined);
      if (known) {
        assert.equal(sample.id, known[0]);
        known[1].multiplicity += 1;
      } else {
        if (!model.holdout.has(inGroup)) model.holdout.set(inGroup, null);
        model.samples.set(sample.id, {
          content: what,
          label: null,
          group: inGroup,
          multiplicity: 1,
          features: new Map(),
        });
      }
      if (given !== null) giveLabel(model, sample.id, given, holdoutShare);
    }),
  );

// Admissions thrice, so that stores grow faster than they shrink.
const commands = [
  admit,
  admit,
  admit,
  fc.tuple(nth, label).map(([n, given]) =>
    command(`label(${n}, ${given})`, (model, { store, holdoutShare }) => {
      const id = pick(model, n);
      if (id === undefined) {
        assert.throws(() => store.label('nobody', given, 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
        return;
      }
      giveLabel(model, id, given, holdoutShare);
      assert.equal(store.label(id, given, 'cli').label, given);
    }),
  ),
  nth.map((n) =>
    command(`remove(${n})`, (model, { store }) => {
      const id = pick(model, n);
      if (id === undefined) return;
      store.remove([id], 'cli');
      forget(model, id);
      assert.equal(store.get(id), null);
      store.emptyTrash();
      assert.equal(store.picture(id), null);
      assert.throws(() => store.remove([id], 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
    }),
  ),
  fc.nat(4).map((keep) =>
    command(`removeOldestWaiting(${keep})`, (model, { store }) => {
      const waiting = [...model.samples].filter(([, s]) => s.label === null).map(([id]) => id);
      const gone = waiting.slice(0, Math.max(0, waiting.length - keep));
      for (const id of gone) model.samples.delete(id);
      assert.equal(store.removeOldestWaiting(keep), gone.length);
    }),
  ),
  fc
    .tuple(nth, backbone, view, fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1 }))
    .map(([n, checksum, v, values]) =>
      command(`putFeatures(${n}, ${checksum}, ${v})`, (model, { store }) => {
        const id = pick(model, n) ?? 'nobody';
        const recipe = v === 0 ? '' : 'r';
        store.putFeatures([
          {
            sampleId: id,
            backboneChecksum: checksum,
            recipe,
            view: v,
            features: Float32Array.from(values),
          },
        ]);
        model.samples.get(id)?.features.set(`${checksum} ${v}`, values);
      }),
    ),
  backbone.map((kept) =>
    command(`dropFeatures(${kept})`, (model, { store }) => {
      let dropped = 0;
      for (const { features } of model.samples.values()) {
        for (const key of [...features.keys()].filter((k) => !k.startsWith(kept))) {
          features.delete(key);
          dropped += 1;
        }
      }
      assert.equal(store.dropFeatures({ exceptBackbone: kept }), dropped);
    }),
  ),
  fc
    .record(
      {
        labelled: fc.boolean(),
        label,
        holdout: fc.boolean(),
        limit: fc.integer({ min: 1, max: 4 }),
      },
      { requiredKeys: [] },
    )
    .map((filter) =>
      command(`list(${JSON.stringify(filter)})`, (model, { store }) =>
        compareList(model, store, filter),
      ),
    ),
  fc.constant(command('compare', compareAll)),
  fc.double({ min: 0.05, max: 0.5, noNaN: true }).map((holdoutShare) =>
    command(`restart(${holdoutShare})`, (model, real) => {
      real.database.close();
      Object.assign(
        real,
        openStore(real.path, { holdoutShare, holdoutAfterSamples: HOLDOUT_AFTER_SAMPLES }),
        { holdoutShare },
      );
      compareAll(model, real);
    }),
  ),
];

const isHoldout = ({ holdout }: Model, { group: name }: ModelSample): boolean =>
  holdout.get(name) ?? false;

function compareList(model: Model, store: SampleStore, filter: SampleFilter): void {
  const expected = [...model.samples]
    .filter(([, s]) => filter.labelled === undefined || (s.label !== null) === filter.labelled)
    .filter(([, s]) => filter.label === undefined || s.label === filter.label)
    .filter(([, s]) => filter.holdout === undefined || isHoldout(model, s) === filter.holdout)
    .map(([id, s]) => [id, s.label, s.group, isHoldout(model, s), s.multiplicity]);
  const listed = store.list(filter).map((s) => [s.id, s.label, s.group, s.holdout, s.multiplicity]);
  assert.deepEqual(listed, expected.slice(0, filter.limit));
}

function compareAll(model: Model, { store }: Real): void {
  compareList(model, store, {});
  const all = [...model.samples];
  for (const [id, { content: what, features }] of all) {
    assert.deepEqual(Buffer.from(store.picture(id)!), newSample(what).jpeg);
    for (const checksum of ['b1', 'b2']) {
      assert.deepEqual(
        store
          .features([id], checksum, 'r', 2)
          .get(id)!
          .map((f) => (f === null ? null : [...f])),
        [0, 1, 2].map((v) => features.get(`${checksum} ${v}`) ?? null),
      );
    }
  }
  const missing = all
    .filter(([, s]) => s.label !== null)
    .map(([sampleId, s]) => ({
      sampleId,
      views: (isHoldout(model, s) ? [0] : [0, 1, 2]).filter((v) => !s.features.has(`b1 ${v}`)),
    }))
    .filter(({ views }) => views.length > 0);
  assert.deepEqual(store.missingFeatures('b1', 'r', 2), missing);

  const labels = [...new Set(all.map(([, s]) => s.label))].filter((l) => l !== null).sort();
  const waiting = all.filter(([, s]) => s.label === null).length;
  assert.deepEqual(store.counts(), {
    total: all.length,
    labelled: all.length - waiting,
    waiting,
    excluded: 0,
    trash: 0,
    thinned: 0,
    pictureBytes: all.reduce((sum, [, s]) => sum + newSample(s.content).jpeg.length, 0),
    classes: labels.map((name) => {
      const members = all.filter(([, s]) => s.label === name).map(([, s]) => s);
      const holdout = members.filter((s) => isHoldout(model, s));
      return {
        label: name,
        training: members.length - holdout.length,
        holdout: holdout.length,
        groups: new Set(members.map((s) => s.group)).size,
        holdoutGroups: new Set(holdout.map((s) => s.group)).size,
      };
    }),
  });
  assert.equal(store.labelRevision(), model.history.length);
  assert.deepEqual(
    store.labelsSince(0).map((c) => `${c.sampleId} ${c.oldLabel} ${c.newLabel}`),
    model.history,
  );
}

test('whatever is done in whatever order, the store is what a plain map would be', (t) => {
  const folder = temporaryFolder(t);
  let run = 0;
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 50, size: 'max' }), (sequence) => {
      const path = join(folder, `${run++}.db`);
      const holdoutShare = 0.3;
      const real: Real = {
        path,
        holdoutShare,
        ...openStore(path, { holdoutShare, holdoutAfterSamples: HOLDOUT_AFTER_SAMPLES }),
      };
      const model: Model = { samples: new Map(), holdout: new Map(), history: [] };
      try {
        fc.modelRun(() => ({ model, real }), sequence);
        compareAll(model, real);
      } finally {
        real.database.close();
      }
    }),
    { numRuns: 50 },
  );
});

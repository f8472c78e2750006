import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planStudy } from '../../src/evaluation/study/study-plan.js';
import {
  DEFAULT_VARIANTS,
  parseVariants,
  variantName,
} from '../../src/evaluation/study/study-variants.js';

const wanted = {
  variants: parseVariants(DEFAULT_VARIANTS),
  photos: 240,
  batch: 16,
  folds: 5,
  epochs: 20,
  views: 4,
  budgetSeconds: 100_000,
};
const costs = { step: 0.05, predict: 0.001, augment: 0.001, forward: 0.03 };

test('what fits is run as it was asked for', () => {
  const { epochs, folds, views, seconds, perVariant } = planStudy(costs, wanted);
  assert.deepEqual({ epochs, folds, views }, { epochs: 20, folds: 5, views: 4 });
  const sum = Object.values(perVariant).reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - seconds) < 1e-6 * seconds);
});

test('fewer epochs down to ten, then fewer folds down to two, then fewer epochs', () => {
  const at = (budgetSeconds: number) => planStudy(costs, { ...wanted, budgetSeconds });
  const full = at(100_000).seconds;
  const some = at(full);
  assert.ok(some.epochs < 20 && some.epochs >= 10 && some.folds === 5, JSON.stringify(some));
  const fewer = at(full / 2.5);
  assert.ok(fewer.epochs >= 10 && fewer.folds < 5, JSON.stringify(fewer));
  const least = at(full / 20);
  assert.ok(least.epochs < 10 && least.epochs >= 1 && least.folds === 2, JSON.stringify(least));
});

test('a plan never asks for more than was wanted, and stays within the budget if anything can', () => {
  const positive = fc.double({ min: 1e-4, max: 2, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({ step: positive, predict: positive, augment: positive, forward: positive }),
      fc.integer({ min: 10, max: 5_000 }),
      fc.integer({ min: 2, max: 20 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 32 }),
      fc.integer({ min: 1, max: 100_000 }),
      (price, photos, folds, epochs, views, budgetSeconds) => {
        const plan = planStudy(price, { ...wanted, photos, folds, epochs, views, budgetSeconds });
        assert.ok(plan.epochs >= 1 && plan.epochs <= epochs);
        assert.ok(plan.folds >= 2 && plan.folds <= folds);
        assert.ok(plan.views >= 0 && plan.views <= views);
        const least = plan.epochs === 1 && plan.folds === 2;
        assert.ok(least || plan.seconds <= budgetSeconds, JSON.stringify(plan));
      },
    ),
  );
});

test('variants are read, named and written back', () => {
  const all = parseVariants('backbone, plain,lr=1e-3+augmentation+dropout=.5,l2=0.01,plain');
  assert.deepEqual(
    all.map((variant) => variant.id),
    ['backbone', 'plain', 'augmentation+dropout=0.5', 'l2=0.01'],
  );
  assert.equal(variantName(all[2]!), 'Network from scratch, augmentation, dropout 0.5');
  assert.deepEqual(
    parseVariants(all.map(({ id }) => id).join(',')),
    all,
    'a name says everything about its variant',
  );
});

test('a variant that means nothing is refused with the part that is wrong', () => {
  for (const [text, message] of [
    ['', /terms are/],
    ['plain,', /terms are/],
    ['rotation', /"rotation".*dropout=RATE/],
    ['dropout=1', /"dropout=1".*below 1/],
    ['dropout=', /"dropout="/],
    ['l2=-1', /"l2=-1".*above 0/],
    ['lr=fast', /"lr=fast"/],
    ['plain+l2=0.1', /terms are/],
    ['backbone+augmentation', /terms are/],
    ['l2=0.1+l2=0.2', /l2 twice/],
  ] as const) {
    assert.throws(() => parseVariants(text), { name: 'RangeError', message }, text);
  }
});

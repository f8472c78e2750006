import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renamedTrust } from '../../src/head/renamed-trust.js';
import { type JudgedAnswer, judgeTrust } from '../../src/head/trust.js';

/** @param counts answers of each class, all right but the first `wrong`, each in a group of its own */
function trustOf(counts: Record<string, number>, wrong = 0) {
  const labels = Object.keys(counts);
  const answers = labels.flatMap((label) =>
    Array.from({ length: counts[label]! }, (_, i): JudgedAnswer => {
      return { label, group: `${label} ${i}`, right: i >= wrong };
    }),
  );
  return { trust: judgeTrust(labels, answers), labels };
}

function named(counts: Record<string, number>, names: Record<string, string>, wrong = 0) {
  const { trust, labels } = trustOf(counts, wrong);
  return renamedTrust(trust, labels, new Map(Object.entries(names)));
}

describe('the trust in a head whose classes have other names', () => {
  it('is the same without other names', () => {
    const { trust, labels } = trustOf({ crop: 6, weed: 2 });
    assert.equal(renamedTrust(trust, labels, new Map()), trust);
  });

  it('names what needs labels as it is called now', () => {
    const trust = named({ crop: 6, weed: 2 }, { weed: 'thistle' });
    assert.deepEqual(trust.needs, [{ label: 'thistle', labels: 3 }]);
    assert.equal(trust.next, '"thistle" needs 3 more labels.');
    assert.equal(trust.level, 'beginner');
  });

  it('asks for nothing that a merged class has already', () => {
    const merged = named({ crop: 6, weed: 8, Distel: 3 }, { Distel: 'weed' });
    assert.deepEqual([merged.needs, merged.next], [[], 'Train again: its classes are others now.']);
    const other = named({ crop: 6, weed: 8, Distel: 3, stone: 4 }, { Distel: 'weed' });
    assert.deepEqual(other.needs, [{ label: 'stone', labels: 1 }]);
    const small = named({ crop: 6, weed: 2, Distel: 3 }, { Distel: 'weed' });
    assert.deepEqual(small.needs, [{ label: 'weed', labels: 2 }], 'both need labels');
    const into = named({ crop: 6, weed: 2, Distel: 9 }, { Distel: 'weed' });
    assert.deepEqual(into.needs, [], 'the class that was merged into needs none either');
  });

  it('names the weakest class as it is called now', () => {
    const trust = named({ crop: 12, weed: 12 }, { crop: 'maize' }, 12);
    assert.match(trust.next, /right on 0 of 12 "maize"/);
    assert.equal(trust.steps?.[0]?.values.label, 'maize');
  });
});

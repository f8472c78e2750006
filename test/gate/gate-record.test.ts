import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { isHeadlandError } from '../../src/base/errors.js';
import { createRandom } from '../../src/base/random.js';
import { decide } from '../../src/gate/decide.js';
import type { EvidenceSample } from '../../src/gate/evidence.js';
import type { GateInput } from '../../src/gate/gate-input.js';
import {
  decodeGateRecord,
  encodeGateRecord,
  type GateRecord,
  recompute,
} from '../../src/gate/gate-record.js';
import { goldenOutputs } from '../../src/gate/golden.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';

/** Sixty drawn answers of two heads, the challenger a little better. */
function someSamples(seed: number): EvidenceSample[] {
  const random = createRandom(seed);
  return Array.from({ length: 60 }, (_, i) => {
    const label = random.int(2) === 0 ? 'crop' : 'weed';
    const answer = (skill: number) => {
      const confidence = random.uniform(0.5, 1);
      const right = random.next() < skill;
      return {
        label: right === (label === 'crop') ? 'crop' : 'weed',
        confidence,
        probability: right ? confidence : 1 - confidence,
      };
    };
    const sample = { id: `s${i}`, label, group: `g${Math.floor(i / 4)}`, holdout: i % 8 < 4 };
    return { ...sample, challenger: answer(seed % 2 ? 0.95 : 0.5), champion: answer(0.7) };
  });
}

function someUnknownScores(): GateInput['unknownScores'] {
  return Array.from({ length: 8 }, (_, i) => ({
    group: `g${i % 4}`,
    challenger: { known: i === 0 ? null : -i, unknown: 1 - i / 2 },
    champion: { known: i === 0 ? null : -i, unknown: 2 - i },
  }));
}

function someRecord(seed = 1): GateRecord {
  const head = someHead(seed);
  const input: GateInput = {
    source: 'leave-group-out',
    note: 'The holdout is small',
    samples: someSamples(seed),
    compared: 'heads',
    champion: { version: 2, labels: ['crop', 'weed'], learnt: 35 },
    newlyLearnt: 5,
    learnt: 40,
    removed: 0,
    challengerLabels: ['crop', 'weed'],
    labelsWithSamples: ['crop', 'weed'],
    unknownScores: someUnknownScores(),
    golden: goldenOutputs(head, head, seed),
    settings: {
      learningExponent: 0.3,
      gainSpread: 0.03,
      evidenceSpread: 0.03,
      unknownAurocMargin: 0.02,
    },
  };
  return { schema: 3, input, decision: decide(input) };
}

describe('the record of a decision', () => {
  it('comes back from the disk with its version and gives the same decision again', async (t) => {
    const registry = new HeadRegistry(temporaryFolder(t), { keep: 5 });
    const record = someRecord();
    const head = someHead(1);
    const version = await registry.publish(head, someCard(head), ['g'], record);
    const read = await registry.gateRecord(version);
    assert.deepEqual(read, record);
    const stored = await registry.load(version);
    const again = recompute(read as GateRecord, stored.head)!;
    assert.deepEqual(again.differences, []);
    assert.ok(again.same);
    const without = await registry.publish(head, someCard(head), ['g']);
    assert.equal(await registry.gateRecord(without), null);
    await assert.rejects(registry.gateRecord(99), (error) =>
      isHeadlandError(error, 'HL_HEAD_UNKNOWN_VERSION'),
    );
  });

  it('gives the same decision again whatever was decided', () => {
    const decisions = new Set<boolean>();
    for (let seed = 1; seed <= 40; seed++) {
      const record = someRecord(seed);
      decisions.add(record.decision.promote);
      const again = recompute(
        decodeGateRecord(encodeGateRecord(record)) as GateRecord,
        someHead(seed),
      );
      assert.ok(again?.same, `seed ${seed}`);
    }
    assert.deepEqual([...decisions].sort(), [false, true], 'both kinds were drawn');
  });

  it('says when the decision does not follow from what it rests on', () => {
    const record = someRecord();
    const { decision } = record;
    const flipped = { ...record, decision: { ...decision, promote: !decision.promote } };
    const again = recompute(flipped, someHead(1))!;
    assert.equal(again.same, false);
    assert.match(again.differences[0] as string, /the gate would (promote|refuse) the head now/);
    const samples = record.input.samples.map((sample, i) =>
      i < 10 ? { ...sample, challenger: { ...sample.challenger, probability: 0 } } : sample,
    );
    const other = recompute({ ...record, input: { ...record.input, samples } }, someHead(1))!;
    assert.ok(other.differences.some((difference) => difference.startsWith('expected-gain: ')));
  });

  it('is none when an earlier rule decided', () => {
    const old = { schema: 1, input: { look: { count: 1 } }, decision: { promote: true } };
    const recordSha256 = createHash('sha256').update(JSON.stringify(old)).digest('hex');
    const bytes = new TextEncoder().encode(`${JSON.stringify({ ...old, recordSha256 })}\n`);
    assert.equal(decodeGateRecord(bytes), null);
  });

  it('says when the head on the disk is another one', () => {
    const again = recompute(someRecord(), someHead(2))!;
    assert.deepEqual(again.differences, [
      'the head on the disk gives other answers than the head that was judged',
    ]);
  });

  it('notices a changed byte', () => {
    const bytes = encodeGateRecord(someRecord());
    const text = new TextDecoder().decode(bytes);
    for (const changed of [
      text.replace('"promote":true', '"promote":false'),
      text.replace('"learnt":35', '"learnt":34'),
      text.slice(0, -10),
    ]) {
      assert.notEqual(changed, text);
      assert.throws(
        () => decodeGateRecord(new TextEncoder().encode(changed)),
        (error) => isHeadlandError(error, 'HL_HEAD_INVALID'),
      );
    }
  });
});

describe('golden outputs', () => {
  it('differ when one weight differs in its last bit', () => {
    const head = someHead(1);
    const weights = head.weights.slice();
    const bits = new Uint32Array(weights.buffer);
    bits[3]! ^= 1;
    const { trained, readBack } = goldenOutputs(head, { ...head, weights }, 1);
    assert.notEqual(trained, readBack);
    assert.equal(goldenOutputs(head, someHead(1), 1).readBack, trained);
  });
});

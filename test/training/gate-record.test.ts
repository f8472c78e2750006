import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/errors.js';
import { spentAlpha } from '../../src/head/compare.js';
import { calibrationError } from '../../src/head/metrics.js';
import type { EvidenceSample } from '../../src/training/evidence.js';
import { ExamLedger } from '../../src/training/exam-ledger.js';
import { decide } from '../../src/training/gate.js';
import type { GateInput } from '../../src/training/gate-input.js';
import {
  decodeGateRecord,
  encodeGateRecord,
  type GateRecord,
  recompute,
} from '../../src/training/gate-record.js';
import { goldenOutputs } from '../../src/training/golden.js';
import { calibrationExcess } from '../../src/training/paired.js';
import { HeadRegistry } from '../../src/training/registry.js';
import { createRandom } from '../../src/vision/random.js';
import { someCard, someHead, temporaryDirectory } from './fixture.js';

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
    const sample = { id: `s${i}`, label, group: `g${Math.floor(i / 4)}`, exam: i % 8 < 4 };
    return { ...sample, challenger: answer(0.95), champion: answer(0.7) };
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
    ...{ source: 'leave-group-out', note: 'The exam is small', samples: someSamples(seed) },
    ...{ compared: 'heads', champion: { version: 2, labels: ['crop', 'weed'] } },
    ...{ newlyLearnt: 5, learnt: 40, challengerLabels: ['crop', 'weed'] },
    ...{ labelsWithSamples: ['crop', 'weed'], unknownScores: someUnknownScores() },
    golden: goldenOutputs(head, head, seed),
    look: { count: 1, alpha: spentAlpha(1) },
    seed,
    settings: {
      ...{ macroF1Margin: 0.01, largeExamSamples: 1_000, lossMargin: 0.05 },
      ...{ unknownAurocMargin: 0.02, minExamSamples: 20, bootstrapDraws: 400 },
    },
  };
  return { schema: 1, input, decision: decide(input) };
}

describe('the record of a decision', () => {
  it('comes back from the disk with its version and gives the same decision again', async (t) => {
    const registry = new HeadRegistry(temporaryDirectory(t), { keep: 5 });
    const record = someRecord();
    const head = someHead(1);
    const version = await registry.publish(head, someCard(head), ['g'], record);
    const read = await registry.gateRecord(version);
    assert.deepEqual(read, record);
    const stored = await registry.load(version);
    const again = recompute(read as GateRecord, stored.head);
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
      const { same } = recompute(decodeGateRecord(encodeGateRecord(record)), someHead(seed));
      assert.ok(same, `seed ${seed}`);
    }
    assert.deepEqual([...decisions].sort(), [false, true], 'both kinds were drawn');
  });

  it('says when the decision does not follow from what it rests on', () => {
    const record = someRecord();
    const { decision } = record;
    const flipped = { ...record, decision: { ...decision, promote: !decision.promote } };
    const again = recompute(flipped, someHead(1));
    assert.equal(again.same, false);
    assert.match(again.differences[0] as string, /it would be (promoted|refused) now/);
    const samples = record.input.samples.map((sample, i) =>
      i < 10 ? { ...sample, challenger: { ...sample.challenger, label: 'stone' } } : sample,
    );
    const other = recompute({ ...record, input: { ...record.input, samples } }, someHead(1));
    assert.ok(other.differences.some((difference) => difference.startsWith('macro-f1: ')));
  });

  it('says when the head on the disk is another one', () => {
    const again = recompute(someRecord(), someHead(2));
    assert.deepEqual(again.differences, [
      'the head on the disk answers otherwise than the one that was judged',
    ]);
  });

  it('notices a changed byte', () => {
    const bytes = encodeGateRecord(someRecord());
    const text = new TextDecoder().decode(bytes);
    for (const changed of [
      text.replace('"promote":true', '"promote":false'),
      text.replace('"count":1', '"count":2'),
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

describe('the looks at an exam', () => {
  const SETTINGS = { totalError: 0.05, examRefreshShare: 0.2 };
  const groups = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `g${from + i}`);

  it('spend less and less, also over restarts', async (t) => {
    const dir = temporaryDirectory(t);
    const spent: number[] = [];
    for (let look = 1; look <= 12; look++) {
      const { count, alpha } = await new ExamLedger(dir, SETTINGS).look(7, groups(0, 20));
      assert.equal(count, look);
      assert.equal(alpha, spentAlpha(look));
      spent.push(alpha);
    }
    assert.ok(spent.reduce((sum, alpha) => sum + alpha, 0) < SETTINGS.totalError);
  });

  it('begin again with another exam or another serving head, not with a few new groups', async (t) => {
    const ledger = new ExamLedger(temporaryDirectory(t), SETTINGS);
    const count = async (of: string[], champion = 7): Promise<number> =>
      (await ledger.look(champion, of)).count;
    assert.equal(await count(groups(0, 20)), 1);
    assert.equal(await count(groups(0, 24)), 2, '4 of 24 are new');
    assert.equal(await count(groups(0, 25)), 1, '5 of 25 are new');
    assert.equal(await count(groups(0, 25)), 2);
    assert.equal(await count(groups(0, 10)), 3, 'fewer groups are no new exam');
    assert.equal(await count(groups(0, 10), 8), 1, 'another head to replace');
    assert.equal(await count(groups(0, 10), 8), 2);
  });

  it('go on when the ledger is damaged', async (t) => {
    const dir = temporaryDirectory(t);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'exam-looks.json'), '{"schema":1,"groups":');
    assert.equal((await new ExamLedger(dir, SETTINGS).look(7, groups(0, 3))).count, 1);
  });
});

describe('the calibration error of a comparison', () => {
  it('is that of the metrics', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const samples = someSamples(seed).map((sample) => ({
          ...sample,
          champion: sample.champion as NonNullable<typeof sample.champion>,
        }));
        const { challenger, champion, excess } = calibrationExcess(samples, 0.05, 1);
        const expected = (head: 'challenger' | 'champion'): number =>
          calibrationError(
            Float64Array.from(samples, (sample) => sample[head].confidence),
            Uint8Array.from(samples, (sample) => Number(sample[head].label === sample.label)),
          );
        assert.ok(Math.abs(challenger - expected('challenger')) < 1e-12);
        assert.ok(Math.abs(champion - expected('champion')) < 1e-12);
        assert.ok(Math.abs(excess - (challenger - 1.05 * champion)) < 1e-12);
      }),
      { numRuns: 50 },
    );
  });
});

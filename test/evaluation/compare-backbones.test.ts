import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  adviseBackbone,
  type MeasuredBackbone,
} from '../../src/evaluation/backbone/compare-advice.js';
import { pairedDifference } from '../../src/evaluation/backbone/compare-backbones.js';

function row(
  name: string,
  accuracy: number,
  forwardMs: number,
  behind = 0,
  error = 0,
): MeasuredBackbone {
  return {
    name,
    accuracy,
    macroF1: accuracy,
    macroLogLoss: 1,
    forwardMs,
    bytes: 1,
    featureSize: 1,
    inputSize: 1,
    learner: 'ridge',
    transform: 'l2',
    behind,
    behindStandardError: error,
  };
}

test('the fastest of those that the photos cannot tell from the best is recommended', () => {
  const big = row('big', 0.95, 40);
  const close = row('close', 0.947, 10, -0.003, 0.005);
  const worse = row('worse', 0.9, 5, -0.05, 0.01);
  const all = adviseBackbone([big, close, worse], 'big');
  assert.equal(all.backbone, 'close');
  assert.match(all.reasons.join('\n'), /as good as big .* 0\.3 points \(± 0\.5\) behind/);
  assert.match(all.reasons.join('\n'), /10\.0 ms instead of 40\.0 ms/);
  assert.match(all.reasons.join('\n'), /worse takes 5\.0 ms, and is 5\.0 points/);
  assert.match(all.reasons.join('\n'), /models\.backbone: close/);
  const kept = adviseBackbone([big, worse], 'big');
  assert.equal(kept.backbone, 'big');
  assert.match(kept.reasons.join('\n'), /It is the configured backbone/);
  assert.match(adviseBackbone([big], 'other').reasons.join('\n'), /only backbone here/);
});

test('equal ones keep what is configured, and a few per cent of time are no reason', () => {
  const twin = [row('a', 0.9, 10), row('b', 0.9, 10.5)];
  assert.equal(adviseBackbone(twin, 'b').backbone, 'b');
  assert.equal(adviseBackbone(twin, 'c').backbone, 'a');
  const slower = [row('a', 0.9, 10.5), row('b', 0.89, 10, -0.01, 0.02)];
  assert.equal(adviseBackbone(slower, 'c').backbone, 'a');
});

test('a difference is that of the accuracies, and groups widen its error, never shift it', () => {
  const answers = fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.nat(3)), {
    minLength: 2,
    maxLength: 60,
  });
  fc.assert(
    fc.property(answers, (rows) => {
      const own = Uint8Array.from(rows, ([a]) => Number(a));
      const best = Uint8Array.from(rows, ([, b]) => Number(b));
      const groups = rows.map(([, , g]) => String(g));
      const { behind, behindStandardError } = pairedDifference(own, best, groups);
      const share = (of: Uint8Array) => of.reduce((sum, v) => sum + v, 0) / of.length;
      assert.ok(Math.abs(behind - (share(own) - share(best))) < 1e-12);
      assert.ok(behindStandardError >= 0 && Number.isFinite(behindStandardError));
      assert.deepEqual(pairedDifference(own, own, groups), { behind: 0, behindStandardError: 0 });
      // Twice every photo in the same group: the same evidence, the same error.
      const twice = pairedDifference(
        Uint8Array.from([...own, ...own]),
        Uint8Array.from([...best, ...best]),
        [...groups, ...groups],
      );
      assert.ok(Math.abs(twice.behindStandardError - behindStandardError) < 1e-12);
    }),
  );
});

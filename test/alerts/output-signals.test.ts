import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { levelAt, OutputSignals, type Signal } from '../../src/alerts/output-signals.js';
import { configSchema } from '../../src/config/schema.js';

const partMs = fc.integer({ min: 20, max: 500 });
const signal: fc.Arbitrary<Signal> = fc.oneof(
  fc.constant<Signal>({ kind: 'steady' }),
  fc.record({ kind: fc.constant('pulse' as const), pulseMs: partMs }),
  fc.record({ kind: fc.constant('blink' as const), onMs: partMs, offMs: partMs }),
  fc.record({
    kind: fc.constant('pattern' as const),
    partsMs: fc.array(partMs, { minLength: 1, maxLength: 5 }),
    repeat: fc.boolean(),
  }),
);

/** Level in each millisecond, counted out. */
function countedOut(signal: Signal, forMs: number): boolean[] {
  if (signal.kind === 'steady') return new Array(forMs).fill(true);
  const [partsMs, repeat] =
    signal.kind === 'pattern'
      ? [signal.partsMs, signal.repeat]
      : signal.kind === 'pulse'
        ? [[signal.pulseMs], false]
        : [[signal.onMs, signal.offMs], true];
  const round = partsMs.flatMap((ms, index) => new Array<boolean>(ms).fill(index % 2 === 0));
  return Array.from({ length: forMs }, (_, ms) =>
    repeat ? round[ms % round.length]! : (round[ms] ?? false),
  );
}

describe('signals of outputs', () => {
  test('are at every moment what their durations say, and tell when they change next', () => {
    fc.assert(
      fc.property(signal, (each) => {
        const expected = countedOut(each, 3_000);
        for (let ms = 0; ms < 2_000; ms += 7) {
          const { lit, nextMs } = levelAt(each, ms);
          assert.equal(lit, expected[ms], `${ms}`);
          const change = expected.findIndex((level, at) => at > ms && level !== lit);
          // A change is never missed; a wake-up without a change does no harm.
          if (change !== -1) assert.ok(nextMs !== null && nextMs > ms && nextMs <= change);
          if (nextMs !== null && nextMs < 2_900 && nextMs < change) {
            assert.equal(expected[nextMs], lit);
          }
        }
      }),
    );
  });

  test('start with each alert anew, and are off without one', () => {
    const { outputs } = configSchema.parse({
      gpio: {
        outputs: [
          { name: 'horn', line: 1, signal: { kind: 'pulse', pulseMs: 100 } },
          { name: 'lamp', line: 2, signal: { kind: 'blink', onMs: 30, offMs: 70 } },
          { name: 'pump', line: 3 },
        ],
      },
    }).gpio;
    const signals = new OutputSignals(outputs);
    const lit = (nowMs: number, ...wanted: string[]): string =>
      [...signals.lit(new Set(wanted), nowMs)].sort().join(' ');
    assert.equal(lit(0), '');
    assert.equal(signals.nextMs, null);
    assert.equal(lit(10, 'horn', 'lamp', 'pump'), 'horn lamp pump');
    assert.equal(signals.nextMs, 40);
    assert.equal(lit(40, 'horn', 'lamp', 'pump'), 'horn pump');
    assert.equal(signals.nextMs, 110);
    assert.equal(lit(110, 'horn', 'lamp', 'pump'), 'lamp pump');
    assert.equal(lit(120, 'lamp'), 'lamp');
    assert.equal(lit(130, 'horn', 'lamp'), 'horn lamp', 'the horn sounds for the next alert');
    assert.equal(lit(150), '');
    assert.equal(signals.nextMs, null);
  });
});

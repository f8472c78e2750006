import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AttemptLimiter, ClientBuckets, clientOf } from '../../src/base/access/rate-limits.js';
import { tooManyAttempts } from '../../src/console/server/too-many.js';

describe('buckets of clients', () => {
  test('give what has come since, and never more than at once', () => {
    let nowMs = 0;
    const buckets = new ClientBuckets({ burst: 2, perSecond: 0.5 }, () => nowMs);
    assert.deepEqual(
      [buckets.take('a'), buckets.take('a'), buckets.take('a')],
      [true, true, false],
    );
    assert.equal(buckets.take('b'), true, 'another client');
    assert.equal(buckets.waitSeconds('a'), 2);
    nowMs = 1_999;
    assert.equal(buckets.take('a'), false);
    nowMs = 2_001;
    assert.equal(buckets.take('a'), true);
    nowMs = 1e9;
    assert.deepEqual(
      [buckets.take('a'), buckets.take('a'), buckets.take('a')],
      [true, true, false],
    );
  });

  test('remember a bounded number of clients, the last ones', () => {
    const buckets = new ClientBuckets({ burst: 1, perSecond: 0.001 }, () => 0, 10);
    for (let index = 0; index < 1_000; index += 1) buckets.take(`client ${index}`);
    assert.equal(buckets.size, 10);
    assert.equal(buckets.take('client 999'), false);
    assert.equal(buckets.take('client 0'), true);
  });

  test('let through no more than burst and rate, however the requests come', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, (gapsMs) => {
        let nowMs = 0;
        const buckets = new ClientBuckets({ burst: 5, perSecond: 2 }, () => nowMs);
        let taken = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          if (buckets.take('a')) taken += 1;
        }
        assert.ok(taken <= 5 + (nowMs / 1_000) * 2 + 1e-6);
      }),
    );
  });
});

describe('attempts', () => {
  const limits = {
    client: { burst: 3, perSecond: 0.001 },
    overall: { burst: 5, perSecond: 0.001 },
  };

  test('of a client are bounded before the next is compared', () => {
    const limiter = new AttemptLimiter(limits, tooManyAttempts, () => 0);
    for (let index = 0; index < 3; index += 1) {
      limiter.check('a');
      limiter.failed('a');
    }
    assert.throws(() => limiter.check('a'), { code: 'HL_CONSOLE_TOO_MANY_ATTEMPTS' });
    limiter.check('b');
  });

  test('of many clients together do not shut out one that knows the token', () => {
    const limiter = new AttemptLimiter(limits, tooManyAttempts, () => 0);
    limiter.succeeded('program');
    for (let index = 0; index < 5; index += 1) limiter.failed(`client ${index}`);
    assert.throws(() => limiter.check('another'), { code: 'HL_CONSOLE_TOO_MANY_ATTEMPTS' });
    limiter.check('program');
    for (let index = 0; index < 3; index += 1) limiter.failed('program');
    assert.throws(() => limiter.check('program'), { code: 'HL_CONSOLE_TOO_MANY_ATTEMPTS' });
  });
});

test('a device that changes its IPv6 address within its network stays the same client', () => {
  const groups = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 });
  const text = (numbers: number[]) => numbers.map((number) => number.toString(16)).join(':');
  fc.assert(
    fc.property(groups, groups, (one, other) => {
      const moved = [...one.slice(0, 4), ...other.slice(4)];
      assert.equal(clientOf(text(one)), clientOf(text(moved)));
      const elsewhere = [...other.slice(0, 3), (one[3]! % 0xffff) + 1, ...one.slice(4)];
      assert.notEqual(clientOf(text(one)), clientOf(text(elsewhere)));
    }),
  );
  assert.equal(clientOf('2001:db8::1'), clientOf('2001:db8:0:0:ffff::2'));
  assert.equal(clientOf('fe80::1%eth0'), clientOf('fe80::2%eth0'));
  assert.equal(clientOf('::ffff:192.168.4.1'), '192.168.4.1');
  assert.equal(clientOf('::1'), '::1');
});

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type OutboxClass, type OutboxMessage, sizeOf } from '../../src/storage/outbox-table.js';
import { temporaryFolder } from '../temporary-folder.js';
import { openOutbox } from './tools.js';

const message = (
  text: string,
  outboxClass: OutboxClass = 'event',
  extra: Partial<OutboxMessage> = {},
): OutboxMessage => ({
  topic: 't',
  payload: Buffer.from(text),
  qos: 1,
  retain: false,
  class: outboxClass,
  ...extra,
});
const texts = (messages: { payload: Uint8Array }[]) =>
  messages.map(({ payload }) => Buffer.from(payload).toString());
const HUNDRED = 'x'.repeat(100);
const HOUR_MS = 3_600_000;

/** The clocks of a machine. */
class Machine {
  wallMs: number;
  isTrusted: boolean;
  #monotonicMs = 1_000;
  #uptimeMs = 50_000;
  #boots = 1;

  constructor({ wallMs = Date.UTC(2026, 5, 1), isTrusted = false } = {}) {
    this.wallMs = wallMs;
    this.isTrusted = isTrusted;
  }

  readonly clocks = {
    monotonic: () => this.#monotonicMs,
    kernel: () => ({ boot: `boot-${this.#boots}`, uptimeMs: this.#uptimeMs }),
    now: () => this.wallMs,
    isDateTrusted: () => this.isTrusted,
  };

  runs(ms: number): void {
    this.#monotonicMs += ms;
    this.sleepsOrRestarts(ms);
  }

  /** Time that the process does not see. */
  sleepsOrRestarts(ms: number): void {
    this.#uptimeMs += ms;
    this.wallMs += ms;
  }

  boots(): void {
    this.#boots++;
    this.#uptimeMs = 20_000;
    this.#monotonicMs = 0;
  }
}

describe('outbox', () => {
  test('keeps everything across a restart, in order, until it is acknowledged', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const first = openOutbox(path);
    for (const text of ['a', 'b', 'c']) {
      assert.equal(first.outbox.enqueue(message(text)), 'stored');
    }
    const reader = openOutbox(path);
    assert.deepEqual(texts(reader.outbox.take(10)), ['a', 'b', 'c'], 'stored means on the disk');
    reader.close();
    const [a] = first.outbox.take(10);
    first.outbox.acknowledge(a!.id);
    first.close();
    const second = openOutbox(path);
    assert.deepEqual(texts(second.outbox.take(10)), ['b', 'c']);
    assert.equal(second.outbox.stats().messages, 2);
    second.close();
  });

  test('carries correlation, QoS, retain flag and topic', (t) => {
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'));
    outbox.enqueue(message('a', 'result', { correlation: Buffer.from([0, 255]), retain: true }));
    outbox.enqueue(message('b', 'event', { qos: 0 }));
    const [a, b] = outbox.take(2);
    assert.deepEqual([...a!.correlation!], [0, 255]);
    assert.deepEqual([a!.qos, a!.retain, a!.topic, a!.class], [1, true, 't', 'result']);
    assert.deepEqual([b!.qos, b!.retain, b!.correlation], [0, false, undefined]);
    close();
  });

  test('never hands out more than maxInFlight, and the same again after a lost connection', (t) => {
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), { maxInFlight: 3 });
    for (const text of 'abcde') outbox.enqueue(message(text));
    assert.deepEqual(texts(outbox.take(2)), ['a', 'b']);
    assert.deepEqual(texts(outbox.take(9)), ['c']);
    assert.deepEqual(texts(outbox.take(9)), []);
    outbox.acknowledge(2);
    assert.deepEqual(texts(outbox.take(9)), ['d']);
    outbox.release();
    assert.deepEqual(texts(outbox.take(9)), ['a', 'c', 'd']);
    close();
  });

  test('metrics ride along with what is urgent, and share its commit', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const { outbox, close } = openOutbox(path, { flushIntervalMs: 3_600_000 });
    assert.equal(outbox.enqueue(message('m', 'metrics')), 'waiting');
    assert.equal(outbox.enqueue(message('e')), 'stored');
    assert.deepEqual(texts(outbox.take(9)), ['m', 'e'], 'in the order in which they were said');
    close();
  });

  test('metrics that are acknowledged soon never touch the disk', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const { outbox, close } = openOutbox(path, { flushIntervalMs: 3_600_000 });
    const stored = () => {
      const reader = openOutbox(path);
      const count = reader.outbox.stats().messages;
      reader.close();
      return count;
    };
    let offered = 0;
    outbox.setListener(() => {
      offered += 1;
    });
    outbox.enqueue(message('m', 'metrics'));
    assert.equal(offered, 1, 'the sender hears of it at once');
    const [first] = outbox.take(9);
    assert.equal(stored(), 0);
    outbox.acknowledge(first!.id);
    outbox.flush();
    assert.deepEqual([stored(), outbox.stats().messages], [0, 0]);
    outbox.enqueue(message('n', 'metrics'));
    assert.deepEqual(texts(outbox.take(9)), ['n']);
    outbox.release();
    outbox.flush();
    assert.equal(stored(), 1, 'not acknowledged: kept on disk');
    close();
  });

  test('above the bound metrics go first, then the oldest of the rest; all are counted', (t) => {
    const maxBytes = 4 * sizeOf(message(HUNDRED));
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), { maxBytes });
    const put = (letter: string, outboxClass: OutboxClass) =>
      outbox.enqueue(message(letter.repeat(100), outboxClass));
    put('a', 'event');
    put('m', 'metrics');
    put('b', 'report');
    put('n', 'metrics');
    put('c', 'result');
    put('d', 'event');
    const letters = () => texts(outbox.take(99)).map((text) => text[0]);
    assert.deepEqual(letters(), ['a', 'b', 'c', 'd']);
    outbox.release();
    put('o', 'metrics');
    outbox.flush();
    assert.deepEqual(letters(), ['a', 'b', 'c', 'd'], 'a metric pushes nothing out');
    outbox.release();
    put('e', 'event');
    assert.deepEqual(letters(), ['b', 'c', 'd', 'e']);
    const { dropped, bytes } = outbox.stats();
    assert.deepEqual(dropped, { event: 1, report: 0, metrics: 3, result: 0, fleet: 0 });
    assert.equal(bytes, maxBytes);
    assert.equal(outbox.enqueue(message('x'.repeat(maxBytes))), 'too large');
    close();
  });

  test('drops what is too old or expired', (t) => {
    const machine = new Machine();
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      clocks: machine.clocks,
      maxAgeMs: HOUR_MS,
    });
    outbox.enqueue(message('event'));
    outbox.enqueue(message('short-lived', 'result', { expirySeconds: 30 }));
    machine.runs(60_000);
    outbox.flush();
    assert.deepEqual(outbox.stats().dropped, {
      event: 0,
      report: 0,
      metrics: 0,
      result: 1,
      fleet: 0,
    });
    assert.equal(outbox.stats().oldestSeconds, 60);
    machine.runs(HOUR_MS);
    outbox.flush();
    assert.deepEqual(outbox.stats().dropped, {
      event: 1,
      report: 0,
      metrics: 0,
      result: 1,
      fleet: 0,
    });
    assert.equal(outbox.stats().messages, 0);
    close();
  });

  test('a class has limits of its own, and keeps its oldest or its newest', (t) => {
    const maxBytes = 2 * sizeOf(message(HUNDRED));
    for (const drop of ['oldest', 'newest'] as const) {
      const path = join(temporaryFolder(t), `${drop}.db`);
      const rules = { maxBytes, maxAgeMs: null, drop };
      const { outbox, close } = openOutbox(path, { classes: { report: rules } });
      const put = (letter: string, outboxClass: OutboxClass) =>
        outbox.enqueue(message(letter.repeat(100), outboxClass));
      for (const letter of 'abc') put(letter, 'event');
      assert.equal(put('d', 'report'), 'stored');
      assert.equal(put('e', 'report'), 'stored');
      assert.equal(put('f', 'report'), drop === 'newest' ? 'full' : 'stored');
      const left = texts(outbox.take(9)).map((text) => text[0]);
      const kept = drop === 'newest' ? ['d', 'e'] : ['e', 'f'];
      assert.deepEqual(left, ['a', 'b', 'c', ...kept], 'others have room');
      assert.deepEqual(outbox.dropped, { event: 0, report: 1, metrics: 0, result: 0, fleet: 0 });
      assert.equal(outbox.lostToLimits, 1);
      assert.equal(outbox.enqueue(message('x'.repeat(maxBytes), 'report')), 'too large');
      close();
    }
  });

  test('a newer object replaces what waits of an older one, but not what is on its way', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    let { outbox, close } = openOutbox(path);
    const parts = (letters: string) => [...letters].map((letter) => message(letter, 'fleet'));
    outbox.enqueue(message('before', 'event'));
    assert.equal(outbox.replace('fleet', 'sums main', parts('abc')), true);
    assert.equal(outbox.replace('fleet', 'sums other', parts('xy')), true);
    assert.deepEqual(texts(outbox.take(2)), ['before', 'a']);
    assert.equal(outbox.replace('fleet', 'sums main', parts('de')), true);
    assert.equal(outbox.waitingOf('fleet', 'sums main'), 3);
    assert.deepEqual(texts(outbox.take(9)), ['x', 'y', 'd', 'e']);
    assert.equal(outbox.stats().messages, 6);
    assert.deepEqual(outbox.dropped, { event: 0, report: 0, metrics: 0, result: 0, fleet: 0 });
    close();
    ({ outbox, close } = openOutbox(path));
    assert.deepEqual(texts(outbox.take(9)), ['before', 'a', 'x', 'y', 'd', 'e']);
    assert.equal(outbox.replace('fleet', 'sums main', []), true);
    assert.equal(outbox.stats().messages, 6, 'all of it is on its way');
    close();
  });

  test('an object that does not fit into its class changes nothing', (t) => {
    const maxBytes = 3 * sizeOf(message(HUNDRED));
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      classes: { fleet: { maxBytes, maxAgeMs: null, drop: 'oldest' } },
    });
    const parts = (count: number) => Array.from({ length: count }, () => message(HUNDRED, 'fleet'));
    assert.equal(outbox.replace('fleet', 'sums', parts(3)), true);
    assert.equal(outbox.replace('fleet', 'sums', parts(4)), false);
    assert.equal(outbox.waitingOf('fleet', 'sums'), 3);
    close();
  });

  test('a class may be kept for a shorter time than others', (t) => {
    const machine = new Machine();
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      clocks: machine.clocks,
      classes: { metrics: { maxBytes: null, maxAgeMs: HOUR_MS, drop: 'oldest' } },
    });
    outbox.enqueue(message('metric', 'metrics'));
    outbox.enqueue(message('event'));
    machine.runs(2 * HOUR_MS);
    outbox.flush();
    assert.deepEqual(texts(outbox.take(9)), ['event']);
    assert.deepEqual(outbox.dropped, { event: 0, report: 0, metrics: 1, result: 0, fleet: 0 });
    close();
  });

  test('only what a limit has dropped counts as lost, and what expires unsent is counted', (t) => {
    const machine = new Machine();
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      clocks: machine.clocks,
      maxAgeMs: HOUR_MS,
    });
    outbox.enqueue(message('lasting', 'result'));
    outbox.enqueue(message('short-lived', 'result', { expirySeconds: 30 }));
    machine.runs(59_000);
    outbox.flush();
    assert.equal(outbox.dropped.result, 0, 'it stands behind a fresher one');
    assert.deepEqual(texts(outbox.take(9)), ['lasting']);
    outbox.flush();
    assert.equal(outbox.dropped.result, 1, 'it was its turn');
    assert.equal(outbox.lostToLimits, 0);
    outbox.release();
    machine.runs(HOUR_MS);
    outbox.flush();
    assert.deepEqual([outbox.dropped.result, outbox.lostToLimits, outbox.waiting], [2, 1, 0]);
    close();
  });

  test('many messages leave in their order, each once, while more come', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const { outbox, close } = openOutbox(path, { maxInFlight: 20 });
    const put = (from: number, to: number) => {
      for (let at = from; at < to; at++) outbox.enqueue(message(`${at}`));
    };
    put(0, 600);
    const seen: number[] = [];
    for (let next = 600; outbox.waiting > 0; ) {
      for (const { id, payload } of outbox.take(20)) {
        seen.push(Number(Buffer.from(payload).toString()));
        outbox.acknowledge(id);
      }
      outbox.readAhead();
      if (next < 700) {
        put(next, next + 5);
        next += 5;
      }
    }
    assert.deepEqual(seen, [...seen.keys()]);
    assert.equal(seen.length, 700);
    close();
    const after = openOutbox(path);
    assert.equal(after.outbox.waiting, 0);
    after.close();
  });

  test('what was read ahead and then dropped is not sent', (t) => {
    const maxBytes = 30 * sizeOf(message(HUNDRED));
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), { maxBytes });
    for (let at = 0; at < 30; at++) outbox.enqueue(message(`${at}`.padEnd(100)));
    outbox.take(1);
    outbox.readAhead();
    for (let at = 30; at < 35; at++) outbox.enqueue(message(`${at}`.padEnd(100)));
    assert.equal(outbox.dropped.event, 5);
    assert.deepEqual(texts(outbox.take(1)), ['5'.padEnd(100)]);
    close();
  });

  test('what has expired is not handed out, also before it is cleared away', (t) => {
    const machine = new Machine();
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      clocks: machine.clocks,
    });
    outbox.enqueue(message('short-lived', 'result', { expirySeconds: 30 }));
    outbox.enqueue(message('lasting'));
    machine.runs(30_000);
    assert.deepEqual(texts(outbox.take(9)), ['lasting']);
    assert.equal(outbox.stats().messages, 2);
    close();
  });

  test('a wall clock that is set ages nothing, whoever trusts it', (t) => {
    const year = 366 * 24 * HOUR_MS;
    const steps = [-56 * year, 56 * year, 24 * HOUR_MS, -24 * HOUR_MS, -HOUR_MS, 61_000];
    for (const stepMs of steps) {
      for (const isTrusted of [false, true]) {
        const machine = new Machine({ isTrusted });
        const { outbox, close } = openOutbox(join(temporaryFolder(t), `${stepMs} ${isTrusted}`), {
          clocks: machine.clocks,
          maxAgeMs: HOUR_MS,
          maxInFlight: 99,
        });
        outbox.enqueue(message('answer', 'result', { expirySeconds: 600 }));
        outbox.enqueue(message('event'));
        machine.wallMs += stepMs;
        machine.runs(120_000);
        outbox.flush();
        const offered = outbox.take(9);
        assert.deepEqual(texts(offered), ['answer', 'event'], `${stepMs}`);
        assert.equal(offered[0]!.expirySeconds, 480);
        outbox.release();
        machine.wallMs -= stepMs / 2;
        machine.runs(481_000);
        outbox.flush();
        assert.deepEqual(texts(outbox.take(9)), ['event'], 'the answer has expired');
        close();
      }
    }
  });

  test('a restart goes on with the ages, whatever the wall clock says at either end', (t) => {
    for (const writtenIn of [1970, 2026, 2060]) {
      for (const readIn of [1970, 2026, 2060]) {
        const machine = new Machine({ wallMs: Date.UTC(writtenIn, 5, 1) });
        const path = join(temporaryFolder(t), `${writtenIn}-${readIn}.db`);
        const options = { clocks: machine.clocks, maxAgeMs: 8 * HOUR_MS };
        const before = openOutbox(path, options);
        before.outbox.enqueue(message('event'));
        machine.runs(HOUR_MS);
        before.close();
        // Another process of the same boot: the uptime tells how long there was none.
        machine.sleepsOrRestarts(HOUR_MS);
        machine.wallMs = Date.UTC(readIn, 5, 1);
        const after = openOutbox(path, options);
        assert.equal(after.outbox.stats().oldestSeconds, 7_200);
        after.close();
        // Eight days ahead, or decades back, with nobody who trusts the date.
        machine.boots();
        machine.wallMs += 8 * 24 * HOUR_MS;
        const rebooted = openOutbox(path, options);
        rebooted.outbox.flush();
        assert.equal(rebooted.outbox.stats().oldestSeconds, 7_200);
        machine.runs(7 * HOUR_MS);
        rebooted.outbox.flush();
        assert.equal(rebooted.outbox.stats().messages, 0, 'the bound holds');
        rebooted.close();
      }
    }
  });

  test('time without power counts once a time server has set both dates', (t) => {
    const machine = new Machine({ isTrusted: true });
    const path = join(temporaryFolder(t), 'o.db');
    const options = { clocks: machine.clocks, maxAgeMs: 24 * HOUR_MS };
    const before = openOutbox(path, options);
    before.outbox.enqueue(message('old'));
    machine.runs(HOUR_MS);
    before.close();
    machine.boots();
    machine.isTrusted = false;
    machine.wallMs += 48 * HOUR_MS;
    const after = openOutbox(path, options);
    after.outbox.enqueue(message('new'));
    machine.runs(HOUR_MS);
    after.outbox.flush();
    assert.equal(after.outbox.stats().oldestSeconds, 7_200);
    machine.isTrusted = true;
    after.outbox.enqueue(message('after the time server has answered'));
    after.outbox.flush();
    machine.runs(60_000);
    after.outbox.flush();
    assert.deepEqual(texts(after.outbox.take(9)), ['new', 'after the time server has answered']);
    assert.equal(after.outbox.stats().dropped.event, 1);
    assert.equal(after.outbox.stats().oldestSeconds, 3_660);
    after.close();
  });

  test('what the broker refuses waits while others go on', (t) => {
    const machine = new Machine();
    const { outbox, close } = openOutbox(join(temporaryFolder(t), 'o.db'), {
      clocks: machine.clocks,
    });
    for (const text of 'abc') outbox.enqueue(message(text));
    const [a] = outbox.take(1);
    outbox.defer(a!.id, 1_000);
    assert.deepEqual(texts(outbox.take(9)), ['b', 'c']);
    outbox.release();
    assert.deepEqual(texts(outbox.take(1)), ['b'], 'a reconnect does not hurry it');
    outbox.defer(2, 10);
    assert.deepEqual(texts(outbox.take(9)), ['c']);
    machine.runs(11);
    assert.deepEqual(texts(outbox.take(9)), ['b'], 'whichever was refused first');
    machine.runs(990);
    assert.deepEqual(texts(outbox.take(9)), ['a']);
    close();
  });

  test('when the disk refuses, messages wait in memory, are sent from there, and come back', (t) => {
    const { outbox, db, close } = openOutbox(join(temporaryFolder(t), 'o.db'));
    outbox.enqueue(message('before'));
    const pages = Number(db.pragma('page_count')[0]!.page_count);
    db.pragma(`max_page_count = ${pages + 2}`);
    const filler = 'f'.repeat(60_000);
    const shortLived = { expirySeconds: 60 };
    assert.equal(outbox.enqueue(message(filler, 'result', shortLived)), 'waiting');
    assert.match(outbox.stats().lastError ?? '', /full/);
    assert.equal(db.inTransaction, false);
    const [before, waiting] = outbox.take(9);
    assert.deepEqual(texts([before!, waiting!]), ['before', filler]);
    assert.equal(waiting!.expiresAtMs, waiting!.queuedAtMs + 60_000, 'the broker is told');
    outbox.release();
    db.pragma('max_page_count = 100000');
    assert.equal(outbox.enqueue(message('after')), 'stored');
    assert.equal(outbox.stats().lastError, null);
    assert.deepEqual(texts(outbox.take(9)), ['before', filler, 'after']);
    close();
  });

  test('what the database cannot keep is refused at once, and what follows is kept', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const { outbox, close } = openOutbox(path);
    const bad: [OutboxClass, Partial<OutboxMessage>][] = [
      ['event', { topic: 'cut\0short' }],
      ['result', { expirySeconds: Number.NaN }],
      ['result', { expirySeconds: Number.POSITIVE_INFINITY }],
      ['report', { qos: true as unknown as 1 }],
      ['report', { payload: 'text\0' as unknown as Uint8Array }],
      ['event', { correlation: false as unknown as Uint8Array }],
    ];
    for (const [outboxClass, extra] of bad) {
      assert.equal(outbox.enqueue(message('bad', outboxClass, extra)), 'invalid');
    }
    assert.equal(outbox.enqueue(message('good')), 'stored');
    assert.equal(outbox.stats().lastError, null);
    const { dropped, messages, writeFailures } = outbox.stats();
    assert.deepEqual(dropped, { event: 2, report: 2, metrics: 0, result: 2, fleet: 0 });
    assert.deepEqual([messages, writeFailures], [1, 0]);
    close();
    const second = openOutbox(path);
    assert.deepEqual(texts(second.outbox.take(9)), ['good']);
    second.close();
  });

  test('a log with a damaged end costs only the messages there', (t) => {
    const folder = temporaryFolder(t);
    const before = openOutbox(join(folder, 'o.db'));
    for (let at = 0; at < 40; at++) before.outbox.enqueue(message(`${at}`));
    const log = readFileSync(join(folder, 'o.db-wal'));
    for (const [name, damaged] of [
      ['cut', log.subarray(0, log.length - 1_000)],
      ['torn', Buffer.concat([log.subarray(0, -9_000), Buffer.alloc(9_000, 0x55)])],
      ['empty', log.subarray(0, 0)],
    ] as const) {
      const path = join(folder, `${name}.db`);
      copyFileSync(join(folder, 'o.db'), path);
      writeFileSync(`${path}-wal`, damaged);
      const after = openOutbox(path, { maxInFlight: 99 });
      const kept = texts(after.outbox.take(99)).map(Number);
      assert.deepEqual(kept, [...kept.keys()], 'the oldest, without a gap');
      if (name !== 'empty') assert.ok(kept.length >= 30, `${name}: ${kept.length}`);
      assert.equal(after.outbox.enqueue(message('next')), 'stored');
      after.close();
    }
    before.close();
  });

  test('an outbox of a later headland is refused', (t) => {
    const path = join(temporaryFolder(t), 'o.db');
    const first = openOutbox(path);
    first.outbox.enqueue(message('a'));
    first.db.exec("UPDATE schema_versions SET version = version + 1 WHERE room = 'outbox'");
    first.close();
    assert.throws(() => openOutbox(path), { code: 'HL_STORE_NEWER' });
  });

  test('behaves like a list, through restarts and lost connections', (t) => {
    const dir = temporaryFolder(t);
    let run = 0;
    const action = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom<OutboxClass[]>('event', 'report', 'result', 'metrics'),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom('take' as const, 'acknowledge' as const, 'take all' as const),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('release' as const, 'restart' as const, 'flush' as const),
      },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const path = join(dir, `model-${run++}.db`);
        const options = { maxInFlight: 4, flushIntervalMs: 3_600_000 };
        let box = openOutbox(path, options);
        /** What must still be there, in order. */
        let model: string[] = [];
        let inFlight: { id: number; text: string }[] = [];
        let count = 0;
        const metrics = new Set<string>();
        // Metrics are sent from memory; after a lost connection they come behind what was stored.
        const ofRank = (all: readonly string[]): string[][] => [
          all.filter((text) => !metrics.has(text)),
          all.filter((text) => metrics.has(text)).sort(),
        ];
        const take = (limit: number) => {
          for (const { id, payload } of box.outbox.take(limit)) {
            inFlight.push({ id, text: Buffer.from(payload).toString() });
          }
          assert.ok(inFlight.length <= 4);
        };
        const enqueue = (outboxClass: OutboxClass) => {
          const text = `${count++}`;
          model.push(text);
          if (outboxClass === 'metrics') metrics.add(text);
          box.outbox.enqueue(message(text, outboxClass));
        };
        const acknowledge = () => {
          const done = inFlight.shift();
          if (!done) return;
          box.outbox.acknowledge(done.id);
          model = model.filter((text) => text !== done.text);
        };
        const perform = {
          event: () => enqueue('event'),
          report: () => enqueue('report'),
          result: () => enqueue('result'),
          metrics: () => enqueue('metrics'),
          fleet: () => enqueue('fleet'),
          take: () => take(1),
          'take all': () => take(99),
          acknowledge,
          flush: () => box.outbox.flush(),
          release: () => {
            box.outbox.release();
            inFlight = [];
          },
          restart: () => {
            box.close();
            box = openOutbox(path, options);
            inFlight = [];
          },
        };
        for (const step of actions) {
          perform[step]();
          assert.equal(box.outbox.stats().messages, model.length);
          const [first = []] = ofRank(inFlight.map(({ text }) => text));
          const sent = first.map(Number);
          assert.deepEqual(
            sent,
            [...sent].sort((a, b) => a - b),
          );
        }
        box.close();
        box = openOutbox(path, { ...options, maxInFlight: 1_000 });
        assert.deepEqual(ofRank(texts(box.outbox.take(1_000))), ofRank(model));
        const bytes = model.reduce((sum, text) => sum + sizeOf(message(text)), 0);
        assert.equal(box.outbox.stats().bytes, bytes);
        box.close();
      }),
      { numRuns: 40 },
    );
  });
});

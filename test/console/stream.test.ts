import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { type ConsoleLimits, ConsoleServer } from '../../src/console/server/console-server.js';
import { TEST_HANG_MS } from '../liveness.js';
import { quietScheduler } from '../recorder.js';
import { events } from './client.js';
import { createFieldSource, sourcesOf } from './field-source.js';
import { newAccess } from './test-access.js';

const decision = (totalMs: number) => ({
  label: 'maize',
  probability: 0.9,
  guess: false,
  top: [],
  headVersion: 1,
  noveltyPValue: null,
  totalMs,
});

async function open(t: TestContext, limits: Partial<ConsoleLimits>) {
  const source = createFieldSource();
  const server = new ConsoleServer({
    host: '127.0.0.1',
    port: 0,
    token: null,
    sources: sourcesOf([source]),
    access: newAccess(),
    version: '0.0.0',
    repeats: quietScheduler(),
    log: silentLog(),
    limits,
  });
  const { url } = await server.start();
  t.after(() => server.stop());
  return { source, url };
}

describe('the event stream', { timeout: TEST_HANG_MS }, () => {
  it('begins with the status and the newest frame, then sends events', async (t) => {
    const { source, url } = await open(t, { statusIntervalMs: 60_000 });
    const frameId = await source.advance(decision(1));
    const abort = new AbortController();
    const stream = events(url, abort.signal);
    const status = (await stream.next()).value!;
    assert.equal(status.type, 'status');
    assert.equal(status.data.robot, 'robot-7');
    assert.equal(typeof status.data.nowMs, 'number');
    const frame = (await stream.next()).value!;
    assert.deepEqual([frame.type, frame.data.frameId], ['decision', frameId]);
    assert.equal(frame.data.picture, undefined);
    await source.retrain();
    const training = (await stream.next()).value!;
    assert.equal(training.type, 'training');
    assert.equal(training.data.phase, 'embedding');
    await source.ask(null);
    const changed = (await stream.next()).value!;
    assert.deepEqual([changed.type, changed.data.samples.waiting], ['status', 1]);
    abort.abort();
  });

  it('limits the rate of decisions: the latest is always sent', async (t) => {
    const { source, url } = await open(t, { statusIntervalMs: 60_000, decisionIntervalMs: 200 });
    const abort = new AbortController();
    const stream = events(url, abort.signal);
    await stream.next();
    const frame = { frameId: '', camera: 'main', capturedAtMs: 1 };
    for (let number = 1; number <= 500; number++) {
      const data = { ...frame, frameId: String(number), decision: decision(number) };
      source.emit({ type: 'decision', data });
    }
    const other = { ...frame, camera: 'rear', frameId: 'rear-1', decision: null };
    source.emit({ type: 'decision', data: other });
    const seen: string[] = [];
    while (seen.at(-1) !== '500') seen.push((await stream.next()).value!.data.frameId);
    assert.deepEqual(seen, ['1', 'rear-1', '500']);
    abort.abort();
  });

  it('asks for the status once after many changes, and not while they happen', async (t) => {
    const { source, url } = await open(t, { statusIntervalMs: 60_000 });
    const abort = new AbortController();
    const stream = events(url, abort.signal);
    await stream.next();
    const status = source.status.bind(source);
    let asked = 0;
    source.status = () => {
      asked += 1;
      return status();
    };
    for (let change = 0; change < 50; change++) source.emit({ type: 'status' });
    assert.equal(asked, 0);
    source.facts = { temperatureC: 71 };
    assert.equal((await stream.next()).value!.data.temperatureC, 71);
    assert.equal(asked, 1);
    abort.abort();
  });

  it('repeats the status, so that a page can detect a lost connection', async (t) => {
    const { source, url } = await open(t, { statusIntervalMs: 50 });
    const abort = new AbortController();
    const stream = events(url, abort.signal);
    await stream.next();
    source.facts = { temperatureC: 71 };
    // Statuses that were on their way may come first.
    const temperature = async () => (await stream.next()).value!.data.temperatureC;
    while ((await temperature()) !== 71);
    assert.equal((await stream.next()).value!.type, 'status');
    abort.abort();
  });

  it('limits the number of clients and accepts a new one when one leaves', async (t) => {
    const { url } = await open(t, { maxListeners: 2 });
    const abort = new AbortController();
    const first = events(url, abort.signal);
    await first.next();
    const staying = new AbortController();
    await events(url, staying.signal).next();
    const third = await fetch(`${url}api/stream`);
    assert.equal(third.status, 503);
    assert.equal(third.headers.get('retry-after'), '10');
    const { error } = (await third.json()) as { error: { code: string } };
    assert.equal(error.code, 'HL_CONSOLE_BUSY');
    abort.abort();
    let status = 503;
    while (status === 503) {
      const response = await fetch(`${url}api/stream`);
      status = response.status;
      await response.body?.cancel();
    }
    assert.equal(status, 200);
    staying.abort();
  });

  it('drops a slow client', async (t) => {
    const { source, url } = await open(t, {
      statusIntervalMs: 60_000,
      decisionIntervalMs: 0,
      maxBacklogBytes: 200_000,
    });
    const outgoing = httpRequest(`${url}api/stream`, { agent: false }).end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.pause();
    response.on('error', () => undefined);
    const closed = new Promise((resolve) => response.once('close', resolve));
    source.facts = { version: 'x'.repeat(100_000) };
    // 40 MB are more than the buffers of both sockets hold.
    for (let count = 0; count < 400 && !response.destroyed; count++) {
      source.emit({ type: 'status' });
      // Changes that follow each other at once are sent as one.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    response.resume();
    await closed;
    assert.equal(response.complete, false, 'cut off, not ended');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alarms } from '../../src/base/alarms.js';
import { type ErrorCode, HeadlandError } from '../../src/base/errors.js';
import { SideService } from '../../src/base/side-service.js';

const error = (code: ErrorCode, message = 'it is so') =>
  new HeadlandError(code, message, { remedy: 'Mend it.' });

/** What an alarm board said, in order. */
function board(): { alarms: Alarms; said: string[]; next: () => Promise<void> } {
  const said: string[] = [];
  let wake = (): void => {};
  const say = (text: string): void => {
    said.push(text);
    wake();
  };
  const alarms = new Alarms({
    onRaised: ({ name, severity, error: { code } }) => say(`raised ${name} ${severity} ${code}`),
    onCleared: ({ name }, raisedForMs) => {
      assert.ok(raisedForMs >= 0);
      say(`cleared ${name}`);
    },
  });
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return { alarms, said, next };
}

describe('Alarms', () => {
  it('say the same once, another code anew, and the end once', () => {
    const { alarms, said } = board();
    alarms.clear('store');
    alarms.raise('store', error('HL_STORE_FULL'), 'critical');
    alarms.raise('store', error('HL_STORE_FULL', 'still'), 'critical');
    assert.equal(alarms.list()[0]?.error.message, 'still', 'the newest words');
    alarms.raise('store', error('HL_STORE_IO'), 'critical');
    alarms.raise('console', new TypeError('a defect'));
    assert.deepEqual(
      alarms.list().map(({ name }) => name),
      ['store', 'console'],
    );
    assert.equal(alarms.has('store'), true);
    alarms.clear('store');
    alarms.clear('store');
    alarms.clear('console');
    assert.deepEqual(said, [
      'raised store critical HL_STORE_FULL',
      'raised store critical HL_STORE_IO',
      'raised console warning HL_INTERNAL',
      'cleared store',
      'cleared console',
    ]);
    assert.deepEqual(alarms.list(), []);
  });
});

describe('SideService', () => {
  const retry = { initialMs: 1, maxMs: 5 };

  it('tries until it is open, and says when', async () => {
    const { alarms, said, next } = board();
    let attempts = 0;
    const service = new SideService({
      alarm: 'console',
      alarms,
      retry,
      open: async () => {
        attempts += 1;
        if (attempts < 4) throw error('HL_CONSOLE_LISTEN_FAILED');
      },
    });
    await service.start();
    assert.deepEqual(said, ['raised console warning HL_CONSOLE_LISTEN_FAILED']);
    await next();
    assert.deepEqual([attempts, said.at(-1)], [4, 'cleared console']);
    await service.stop();
  });

  it('is silent when all is well', async () => {
    const { alarms, said } = board();
    const service = new SideService({ alarm: 'broker', alarms, retry, open: () => {} });
    await service.start();
    await service.stop();
    assert.deepEqual(said, []);
  });

  it('opens again what was open and failed, however often that is told', async () => {
    const { alarms, said, next } = board();
    let attempts = 0;
    const service = new SideService({
      alarm: 'output-horn',
      severity: 'critical',
      alarms,
      retry,
      open: () => {
        attempts += 1;
      },
    });
    await service.start();
    for (let count = 0; count < 3; count++) service.failed(error('HL_GPIO_WRITE_FAILED'));
    await next();
    assert.deepEqual(said, [
      'raised output-horn critical HL_GPIO_WRITE_FAILED',
      'cleared output-horn',
    ]);
    assert.equal(attempts, 2);
    await service.stop();
  });

  it('tries no more once stopped, and takes what fails while it opens for one failure', async () => {
    const { alarms, said } = board();
    let attempts = 0;
    const service: SideService = new SideService({
      alarm: 'store',
      alarms,
      retry,
      open: () => {
        attempts += 1;
        service.failed(error('HL_STORE_IO'));
        throw error('HL_STORE_IO');
      },
    });
    await service.start();
    await service.stop();
    const before = attempts;
    service.failed(error('HL_STORE_FULL'));
    await service.start();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(attempts, before);
    assert.deepEqual(said, ['raised store warning HL_STORE_IO']);
  });
});

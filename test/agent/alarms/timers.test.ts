import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { type Daemon, Person, Rig } from '../daemon.js';

/** Runs in the daemon before all else: what befalls it when it is told. */
function told(script: string): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

/** As without free files: the table of processes cannot be read. */
const NO_MEMORY_USAGE = `
  const usage = process.memoryUsage;
  const fail = () => { throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }); };
  process.on('SIGUSR2', () => {
    process.memoryUsage = process.memoryUsage === usage ? Object.assign(fail, { rss: fail }) : usage;
  });`;
const REJECTION = `process.on('SIGUSR2', () => { Promise.reject(new Error('nobody waits for it')); });`;

async function robot(
  t: Parameters<typeof Mosquitto.start>[0],
  script: string,
): Promise<{ daemon: Daemon; person: Person }> {
  const broker = await Mosquitto.start(t);
  const rig = await Rig.create(t, { mqtt: { url: broker.url, metricsIntervalMs: 1_000 } });
  const person = await Person.listen(t, broker.url);
  const daemon = await rig.start({ env: told(script) });
  await person.until(({ topic }) => topic.endsWith('/prediction'));
  return { daemon, person };
}

async function decides(person: Person): Promise<void> {
  const seen = person.received.length;
  await person.until(
    (message) => person.received.indexOf(message) >= seen && message.topic.endsWith('/prediction'),
  );
}

describe('a defect beside the frames', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('of repeated work is an alarm until it works again', async (t) => {
    const { daemon, person } = await robot(t, NO_MEMORY_USAGE);
    daemon.process.kill('SIGUSR2');
    const raised = await person.until(({ body }) => body.kind === 'alarm_raised');
    assert.deepEqual(
      [raised.body.code, raised.body.details.alarm],
      ['HL_TIMER_FAILING', 'timer-metrics'],
    );
    assert.match(raised.body.message, /EMFILE/);
    await decides(person);
    daemon.process.kill('SIGUSR2');
    const cleared = await person.until(({ body }) => body.kind === 'alarm_cleared');
    assert.equal(cleared.body.details.alarm, 'timer-metrics');
    assert.equal((await daemon.stop()).code, 0);
  });

  test('of a promise that nobody waits for is an event', async (t) => {
    const { daemon, person } = await robot(t, REJECTION);
    daemon.process.kill('SIGUSR2');
    const { body } = await person.until((message) => message.body.kind === 'failure');
    assert.deepEqual([body.code, body.severity], ['HL_INTERNAL', 'critical']);
    await decides(person);
    assert.equal((await daemon.stop()).code, 0);
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { CLI } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { S3Server } from './s3-server.js';
import {
  AWS_ENVIRONMENT,
  admit,
  labelIn,
  openSyncRobot,
  passOf,
  pictureKey,
  s3Settings,
  sidecarKey,
  synchroniserOf,
} from './support.js';

const SAMPLES = 12;

test('killed at any request: nothing is lost, nothing changes in the store, no metadata comes first', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const store = await S3Server.start(t);
  const robot = openSyncRobot(t, s3Settings(store, { timeoutMs: 3_600_000 }));
  const samples = [];
  for (let number = 0; number < SAMPLES; number++) samples.push(await admit(robot, number));
  let kills = 0;
  for (const stored of [false, true]) {
    for (const at of [1, 2, 3, 4]) {
      const child = spawn(process.execPath, [CLI, 'sync', '--config', robot.configFile], {
        env: { PATH: process.env.PATH, ...AWS_ENVIRONMENT },
        stdio: 'inherit',
      });
      t.after(() => child.kill('SIGKILL'));
      let requests = 0;
      store.fault = (key, body) => {
        requests += 1;
        if (requests < at) return null;
        if (stored) store.puts.push({ key, body, type: '' });
        return () => void child.kill('SIGKILL');
      };
      const [, signal] = await once(child, 'close');
      assert.equal(signal, 'SIGKILL');
      kills += 1;
    }
  }
  store.fault = () => null;
  await passOf(synchroniserOf(robot));

  assert.deepEqual(
    [...store.objects().keys()].sort(),
    samples.flatMap((sample) => [pictureKey(sample), sidecarKey(sample)]).sort(),
  );
  const first = new Map<string, Buffer>();
  for (const { key, body } of store.puts) {
    assert.ok(body.equals(first.get(key) ?? body), `${key} never changes`);
    first.set(key, body);
  }
  const order = [...first.keys()];
  for (const sample of samples) {
    assert.ok(order.indexOf(pictureKey(sample)) < order.indexOf(sidecarKey(sample)));
    assert.equal(labelIn(first.get(sidecarKey(sample))), 'weed');
  }
  // The sample in hand at a kill is the only one that is sent again.
  assert.ok(store.puts.length <= 2 * (SAMPLES + kills), `${store.puts.length} requests`);
});

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { headland, Person, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';

test('status finds the daemon of a state folder, in six rows for people or as JSON', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const daemon = await rig.start();
  await Person.connect(t, daemon.mqttUrl);
  const { status, stdout, stderr } = headland('status', '--state', rig.stateDir, '--json');
  assert.equal(status, 0, stderr);
  const answer = JSON.parse(stdout);
  assert.equal(answer.pid, daemon.process.pid);
  assert.equal(answer.state_dir, rig.stateDir);
  assert.equal(answer.state, 'online');
  assert.equal(answer.mqtt.connected, true);
  assert.equal(answer.demo, false);

  const text = headland('status', '--state', rig.stateDir).stdout;
  assert.deepEqual(
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s+/)[0]),
    [answer.robot, 'cameras', 'head', 'labels', 'broker', 'alarms'],
    text,
  );
  assert.match(text, /^head +none yet\. Label two frames in each of two classes$/m);
  assert.ok(text.includes(`page ${daemon.consoleUrl}`), text);

  // Who cannot read the state learns who runs, and nothing else.
  rmSync(join(rig.stateDir, 'local-key'));
  const refused = headland('status', '--state', rig.stateDir);
  assert.equal(refused.status, 1, refused.stdout);
  assert.match(refused.stderr, /HL_STATUS_NO_ANSWER/);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import { topicPrefix } from '../../src/telemetry/contract/messages.js';
import { commandTopic, responseTopic } from '../../src/telemetry/contract/topics.js';
import { CLI } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { freePort } from '../ports.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';

test('send reaches the robot at another broker of the settings', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { url } = await Mosquitto.start(t);
  const robot = await connectAsync(url);
  t.after(() => robot.endAsync(true));
  await robot.subscribeAsync(topicPrefix('r1') + commandTopic('status'));
  robot.on('message', (_topic, payload) => {
    const { transaction } = JSON.parse(payload.toString());
    const answer = { schema: 'response/1', boot: 'b', seq: 1, at: new Date().toISOString() };
    const text = JSON.stringify({ ...answer, command: 'status', transaction, ok: true, data: 7 });
    robot.publish(topicPrefix('r1') + responseTopic('status'), text);
  });
  const config = join(temporaryFolder(t), 'headland.yaml');
  const mqtt = { url: `mqtt://127.0.0.1:${await freePort()}`, otherUrls: [url] };
  writeFileSync(config, JSON.stringify({ robot: { id: 'r1' }, mqtt }));
  const words = [CLI, 'send', 'status', '--config', config, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  assert.equal(JSON.parse(stdout).data, 7);
});

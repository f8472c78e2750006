import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { parse } from 'yaml';
import { z } from 'zod';
import type { CapturedPicture } from '../../src/camera/camera.js';
import { PipeDriver } from '../../src/camera/drivers/pipe/pipe.js';
import { COMMANDS } from '../../src/telemetry/contract/command-contract.js';
import { commandTopic, messageTopic } from '../../src/telemetry/contract/topics.js';
import { TestAgent } from '../agent/support.js';
import { cameraConfig } from '../camera/support.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { drawPicture } from '../training/fixture.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PACKAGE = join(ROOT, 'deploy/ros2/headland_ros');
const SCRIPT = join(ROOT, 'test/deploy/ros2_messages.py');
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const ROSBAGS = join(CACHE, 'headland-test-tools/rosbags');
const ENVIRONMENT = {
  ...process.env,
  PYTHONPATH: `${PACKAGE}:${ROSBAGS}`,
  PYTHONDONTWRITEBYTECODE: '1',
};

const python = (...args: string[]) =>
  spawnSync('python3', args, { encoding: 'utf8', env: ENVIRONMENT });
const withoutPython = python('--version').status !== 0 && 'python3 is missing';
const withoutRosbags =
  withoutPython ||
  (python('-c', 'import rosbags').status !== 0 &&
    'rosbags is missing: bash deploy/install-test-tools.sh');

/** Sends one image every 20 ms, and prints what hinders it whenever that changes. */
const SENDER = `
import sys, time
from headland_ros.frames import FrameSender
sender = FrameSender(sys.argv[1], retry_seconds=0.02)
jpeg = open(sys.argv[2], "rb").read() + bytes(1100)
told = ""
while True:
    sender.send(jpeg, 1_800_000_000_123_456_789)
    if sender.problem != told:
        told = sender.problem
        print(told, flush=True)
    time.sleep(0.02)
`;

function convert(...predictions: object[]): unknown[] {
  const input = predictions.map((each) => `${JSON.stringify(each)}\n`).join('');
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT, 'convert'], {
    encoding: 'utf8',
    env: ENVIRONMENT,
    input,
  });
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const bridged = z.record(
  z.string(),
  z.union([z.array(z.string()), z.object({ primitive: z.literal(true) }).loose()]),
);
const bridgeFile = z.object({
  '/**/*': z.object({
    ros__parameters: z.object({
      broker: z.object({ host: z.string(), port: z.literal(1883) }),
      bridge: z.object({ mqtt2ros: bridged, ros2mqtt: bridged }),
    }),
  }),
});

describe('deploy/ros2', { timeout: TEST_HANG_MS }, () => {
  test('compiles', { skip: withoutPython }, () => {
    const check = `
import pathlib, sys
files = sorted(pathlib.Path(sys.argv[1]).rglob("*.py"))
for file in files:
    compile(file.read_text(), str(file), "exec")
print(len(files))`;
    const { status, stdout, stderr } = python('-c', check, PACKAGE);
    assert.equal(status, 0, stderr);
    assert.equal(Number(stdout), 7);
  });

  test('connects to the camera whenever it is there, and tells why it is not', {
    skip: withoutPython,
  }, async (t) => {
    const dir = temporaryFolder(t);
    const socket = join(dir, 'front.sock');
    const file = join(dir, 'x.jpg');
    writeFileSync(file, await drawPicture('weed', 1));
    const sender = spawn('python3', ['-c', SENDER, socket, file], { env: ENVIRONMENT });
    t.after(() => sender.kill());
    const problems = new Recorder<string>();
    createInterface({ input: sender.stdout }).on('line', problems.add);
    await problems.until((line) => line.includes('No such file'), 'no socket');
    const camera = new PipeDriver(cameraConfig({ driver: 'pipe', socket }));
    for (const turn of [1, 2]) {
      const pictures = new Recorder<CapturedPicture>();
      const stop = new AbortController();
      const done = camera.capture(pictures.add, stop.signal);
      const [first] = await pictures.count(3, `pictures of turn ${turn}`);
      assert.equal(first?.capturedAtMs, 1_800_000_000_123);
      await problems.until((line) => line === 'None', 'no problem');
      stop.abort();
      await done;
    }
    const small = new PipeDriver(cameraConfig({ driver: 'pipe', socket, maxImageBytes: 1_024 }));
    const refused = small.capture(() => {}, new AbortController().signal);
    await assert.rejects(refused, { code: 'HL_CAMERA_FRAMING_REFUSED' });
    await problems.until((line) => line.startsWith('HL_CAMERA_FRAMING_REFUSED'), 'the reason');
  });

  test('bridges the topics of the contract, those of messages and commands that exist', () => {
    const file = parse(readFileSync(join(PACKAGE, 'config/mqtt_client.yaml'), 'utf8'));
    const { mqtt2ros, ros2mqtt } = bridgeFile.parse(file)['/**/*'].ros__parameters.bridge;
    const messages = (['prediction', 'event', 'status'] as const).map(
      (name) => `headland/robot1/${messageTopic(name, null)}`,
    );
    const { mqtt_topics, ...fromMqtt } = mqtt2ros;
    assert.deepEqual(mqtt_topics, messages);
    assert.deepEqual(Object.keys(fromMqtt), messages);
    const { ros_topics, ...fromRos } = ros2mqtt;
    assert.deepEqual(Object.keys(fromRos), ros_topics);
    const commands = Object.keys(COMMANDS).map((name) => `headland/robot1/${commandTopic(name)}`);
    for (const [topic, rule] of Object.entries(fromRos)) {
      const { mqtt_topic } = z.object({ mqtt_topic: z.string() }).parse(rule);
      assert.ok(commands.includes(mqtt_topic), topic);
    }
  });

  test('makes a classification of the prediction in the reference', {
    skip: withoutRosbags,
  }, () => {
    const page = readFileSync(join(ROOT, 'docs/reference/mqtt.md'), 'utf8');
    const [, text = ''] =
      /<!-- example: task\/<task>\/prediction -->\n```json\n([\s\S]*?)```/.exec(page) ?? [];
    const example = JSON.parse(text);
    const atMs = Date.parse(example.captured_at);
    const unknown = { ...example, label: 'unknown', probability: 0.9, region: 'left' };
    const [asIs, strange, none] = convert(example, unknown, { ...example, top: [] });
    const stamp = [Math.floor(atMs / 1_000), (atMs % 1_000) * 1e6];
    const top = example.top.map((each: { label: string; probability: number }) => [
      each.label,
      each.probability,
    ]);
    const frameId = example.region ? `${example.camera}/${example.region}` : example.camera;
    assert.deepEqual(asIs, { stamp, frame_id: frameId, results: top });
    assert.deepEqual(strange, {
      stamp,
      frame_id: `${example.camera}/left`,
      results: [['unknown', 0.9], ...top],
    });
    assert.deepEqual(none, { stamp, frame_id: frameId, results: [] });
    const input = `${JSON.stringify({ ...example, schema: 'prediction/2' })}\n`;
    const refused = spawnSync('python3', [SCRIPT, 'convert'], { env: ENVIRONMENT, input });
    assert.match(String(refused.stderr), /NotAPrediction: no message of the schema prediction\/1/);
  });

  test('sends images to a running daemon, whose predictions come back with their stamps', {
    skip: withoutRosbags || withoutMosquitto,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const dir = temporaryFolder(t);
    const socket = join(dir, 'ros.sock');
    const cameras = [{ name: 'front', driver: 'pipe', socket, quality: { intervalMs: 0 } }];
    const robot = await TestAgent.create(t, [], { cameras, mqtt: { url: broker.url } });
    const client = await connectAsync(broker.url, { protocolVersion: 5 });
    t.after(() => client.end(true));
    const predictions: object[] = [];
    client.on('message', (_topic, payload) => predictions.push(JSON.parse(payload.toString())));
    await client.subscribeAsync('headland/r1/prediction');
    await robot.agent.start();
    const files = await Promise.all(
      ['crop', 'weed', 'stone'].map(async (label) => {
        const file = join(dir, `${label}.jpg`);
        writeFileSync(file, await drawPicture(label, 1));
        return file;
      }),
    );
    while (!robot.agent.telemetry.connected) await new Promise((wait) => setTimeout(wait, 20));
    const ros = spawn('python3', [SCRIPT, 'send', socket, ...files], { env: ENVIRONMENT });
    let failure = '';
    ros.stderr.on('data', (text) => {
      failure += text;
    });
    const [status] = await once(ros, 'exit');
    assert.equal(status, 0, failure);
    const decided = await robot.decisions.count(3, 'decisions');
    assert.deepEqual(
      decided.map(({ frame }) => frame.capturedAtMs),
      [1_800_000_000_250, 1_800_000_000_350, 1_800_000_000_450],
    );
    while (predictions.length === 0) await new Promise((wait) => setTimeout(wait, 20));
    const [first] = convert(...predictions);
    // Without a head nothing is decided.
    const { frame_id, results, stamp } = z
      .object({
        frame_id: z.string(),
        results: z.array(z.unknown()),
        stamp: z.tuple([z.number(), z.number()]),
      })
      .parse(first);
    assert.deepEqual([frame_id, results, stamp[0]], ['front', [], 1_800_000_000]);
    assert.ok([250e6, 350e6, 450e6].includes(stamp[1]));
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type ModelStatus, modelStatus } from '../../src/agent/learning/model-status.js';
import { statusAnswer } from '../../src/agent/reporting/survey.js';
import { isLive } from '../../src/agent/seeing/is-live.js';
import { agentStatus, trainingStatus } from '../../src/agent/status.js';
import { configSchema } from '../../src/config/schema.js';
import type { TrainingReport } from '../../src/training/report.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { someCard, someHead } from '../training/fixture.js';
import { CLI } from './daemon.js';
import { TestAgent } from './support.js';

describe('the status', { timeout: TEST_HANG_MS }, () => {
  test('is what the parts of the daemon say', async (t) => {
    const { agent } = await TestAgent.start(t, ['crop', 'weed', 'stone']);
    const status = agentStatus(agent);
    assert.deepEqual(
      [status.robot, status.version, status.boot, status.state, status.paused],
      ['r1', '0.0.0-test', agent.boot, 'online', []],
    );
    assert.equal(status.mqtt.url, agent.telemetry.url);
    assert.equal(status.consoleUrl, agent.consoleUrl);
    assert.deepEqual(
      status.cameras.map(({ name, framesTotal, droppedTotal }) => [
        name,
        framesTotal,
        droppedTotal,
      ]),
      [['main', 3, 0]],
    );
    assert.equal(status.backbone?.name, 'tiny');
    const [only] = status.tasks;
    assert.equal(status.namedTasks, false);
    assert.deepEqual(only.model, {
      task: 'main',
      backbone: 'tiny',
      card: null,
      learnt: null,
      trust: null,
      next: null,
      nextSteps: [],
      pinned: false,
    });
    assert.equal(only.samples.total, 0);
    assert.deepEqual(only.training, {
      running: null,
      newLabels: 0,
      everyNewLabels: 0,
      minLabels: 4,
      instantLabelsPerClass: null,
      instantFailures: 0,
      last: null,
    });
    const { total, droppedTotal, perSecond, msP50, msP95 } = status.frames;
    assert.deepEqual([total, droppedTotal, perSecond], [3, 0, 3 / 5]);
    assert.ok(msP50! > 0 && msP95! >= msP50!);
    assert.ok(status.board.diskFreeBytes! > 0);
    assert.equal(status.simulated, true, 'a recording');
  });

  test('follows labels, pauses, trainings and the head that serves', async (t) => {
    const { agent, decisions } = await TestAgent.start(t, ['crop']);
    const { operations, state, perception } = agent;
    const by = { source: 'console' } as const;
    await operations.label({ frame: decisions.all[0]!.frameId }, 'crop', by);
    await operations.pause('inference', by);
    const trust = {
      level: 'useful' as const,
      answers: 12,
      groups: 4,
      meanRecall: 0.9,
      lowerBound: 0.7,
      needs: [],
      next: '"weed" needs 3 more labels.',
    };
    const head = { ...someHead(1), backboneChecksum: perception.backbone!.checksum };
    const version = await state.task().heads.publish(head, { ...someCard(head), trust }, []);
    await operations.promote(version, by);
    const { state: mode, paused, tasks } = agentStatus(agent);
    const [changed] = tasks;
    assert.deepEqual([mode, paused], ['paused', ['inference']]);
    assert.deepEqual([changed.samples.labelled, changed.training.newLabels], [1, 1]);
    assert.deepEqual(
      [changed.model.card?.version, changed.model.trust, changed.model.next],
      [1, 'useful', '"weed" needs 3 more labels.'],
    );

    const reports = new Recorder<TrainingReport>();
    agent.on('trainingReport', reports.add);
    const trainingId = await operations.retrain(by);
    assert.equal(trainingStatus(agent, agent.tasks[0]).running?.trainingId, trainingId);
    await reports.count(1);
    const { running, last, newLabels } = trainingStatus(agent, agent.tasks[0]);
    assert.deepEqual(
      [running, last?.trainingId, last?.outcome, newLabels],
      [null, trainingId, 'failed', 0],
    );
  });

  test('tells what the first labels made, and how little that is to be trusted', async (t) => {
    const { agent, decisions } = await TestAgent.start(t, ['crop', 'weed', 'crop', 'weed'], {
      training: { everyNewLabels: 0 },
    });
    const models = new Recorder<ModelStatus>();
    agent.on('status', () => models.add(modelStatus(agent.tasks[0])));
    for (const [index, { frameId }] of decisions.all.entries()) {
      const label = index % 2 ? 'weed' : 'crop';
      await agent.operations.label({ frame: frameId, group: `g${index}` }, label, {
        source: 'cli',
      });
    }
    const { card, trust, next } = await models.until(({ learnt }) => learnt?.labels === 4);
    assert.deepEqual([card, trust], [null, 'beginner']);
    assert.match(String(next), /needs \d more labels/);
    assert.equal(trainingStatus(agent, agent.tasks[0]).instantLabelsPerClass, 2);
  });

  test('passes nothing drawn or recorded off as what is there now', () => {
    const camera = (section: object) => configSchema.parse({ cameras: [section] }).cameras[0]!;
    for (const [section, there] of [
      [{ driver: 'simulated' }, false],
      [{ driver: 'replay', path: '/photos' }, false],
      [{ driver: 'ffmpeg', input: '/data/drive.mp4' }, false],
      [{ driver: 'ffmpeg', input: 'drive.mp4' }, false],
      [{ driver: 'ffmpeg', input: 'file:drive.mp4' }, false],
      [{ driver: 'webcam', device: 'TEST:' }, false],
      [{ driver: 'webcam', device: 'FILE:/data/photo.jpg' }, false],
      [{ driver: 'ffmpeg', input: '/dev/video0' }, true],
      [{ driver: 'ffmpeg', input: 'rtsp://camera.lan/stream' }, true],
      [{ driver: 'webcam', device: '/dev/video0' }, true],
      [{ driver: 'rpicam' }, true],
    ] as const) {
      assert.equal(isLive(camera(section)), there, JSON.stringify(section));
    }
  });

  test('is one, whoever asks: MQTT, the web page or the command line', async (t) => {
    const running = await TestAgent.start(t, ['crop', 'weed']);
    const { agent, decisions, dir, lines, url } = running;
    await lines.until(({ msg }) => msg === 'connected to the broker');
    const by = { source: 'cli' } as const;
    await agent.operations.label({ frame: decisions.all[0]!.frameId }, 'crop', by);
    agent.operations.snapshot(undefined);
    const head = { ...someHead(1), backboneChecksum: agent.perception.backbone!.checksum };
    await agent.operations.promote(
      await agent.state.task().heads.publish(head, someCard(head), []),
      by,
    );
    await agent.operations.pause('training', by);

    const answer = statusAnswer(agentStatus(agent), agent.written);
    const page = await (await fetch(`${url}/api/status`)).json();
    const config = join(dir, 'status.yaml');
    writeFileSync(config, stringify({ robot: { id: 'r1' }, mqtt: { url: agent.telemetry.url } }));
    const command = [CLI, 'status', '--config', config, '--json'];
    const asked = await promisify(execFile)(process.execPath, command);
    const told = JSON.parse(asked.stdout);
    // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
    const ofContract = (status: any) => ({
      state: status.state,
      paused: status.paused,
      version: status.version,
      mqtt: status.mqtt,
      backbone: status.backbone.checksum,
      head: status.model.head_version,
      frames: status.metrics.frames_total,
      camera: [status.cameras[0].name, status.cameras[0].phase, status.cameras[0].frames_total],
      labelled: status.samples.labelled,
      waiting: status.samples.waiting,
      newLabels: status.training.new_labels,
    });
    // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
    const ofPage = (status: any) => ({
      state: status.state,
      paused: status.paused,
      version: status.version,
      mqtt: status.mqtt,
      backbone: status.backbone.checksum,
      head: status.head.version,
      frames: status.cameras[0].framesTotal,
      camera: [status.cameras[0].name, status.cameras[0].phase, status.cameras[0].framesTotal],
      labelled: status.samples.labelled,
      waiting: status.samples.waiting,
      newLabels: status.training.newLabels,
    });
    const expected = {
      state: 'online',
      paused: ['training'],
      version: '0.0.0-test',
      mqtt: {
        url: agent.telemetry.url,
        connected: true,
        protocol: '5',
        problem: null,
        missing: ['shared_subscriptions'],
      },
      backbone: agent.perception.backbone!.checksum,
      head: 1,
      frames: 2,
      camera: ['main', 'ended', 2],
      labelled: 1,
      waiting: 1,
      newLabels: 1,
    };
    assert.deepEqual(ofContract(told), expected);
    assert.deepEqual(ofContract(answer), expected);
    assert.deepEqual(ofPage(page), expected);
  });
});

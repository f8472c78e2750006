import assert from 'node:assert/strict';
import { arch, hostname } from 'node:os';
import { describe, test } from 'node:test';
import type { ModelStatus } from '../../../src/agent/learning/model-status.js';
import {
  infoMessage,
  metricsMessage,
  statusAnswer,
  statusLine,
} from '../../../src/agent/reporting/survey.js';
import { type AgentStatus, agentStatus } from '../../../src/agent/status.js';
import type { CameraState } from '../../../src/camera/supervisor.js';
import type { SlowReason } from '../../../src/host/rate.js';
import type { Written } from '../../../src/host/written-bytes.js';
import { modelSchema } from '../../../src/telemetry/contract/messages.js';
import type { InstantHead } from '../../../src/training/instant/instant-protocol.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Observer } from '../../telemetry/tools.js';
import { someCard, someHead } from '../../training/fixture.js';
import { outgoing, TestAgent } from '../support.js';

/** What telemetry adds to the metrics. */
const OWN = {
  outbox: {
    messages: 0,
    bytes: 0,
    oldest_seconds: 0,
    dropped_total: { event: 0, report: 0, metrics: 0, result: 0, fleet: 0 },
  },
  predictions_dropped_total: 0,
  commands_total: 0,
  commands_refused_total: 0,
};
const FREE = { framesPerSecond: null, reason: null };
const LEARNT: InstantHead = {
  head: someHead(2),
  prior: null,
  labels: 7,
  newClasses: [],
  revision: 31,
  trust: null,
};

/** A robot that has two labels and a head. */
async function robot(t: Parameters<typeof TestAgent.start>[0]) {
  const running = await TestAgent.start(t, ['crop', 'weed']);
  const { agent, decisions } = running;
  const by = { source: 'cli' } as const;
  for (const [index, { frameId }] of decisions.all.entries()) {
    await agent.operations.label(
      { frame: frameId, group: `g${index}` },
      index ? 'weed' : 'crop',
      by,
    );
  }
  const head = { ...someHead(1), backboneChecksum: agent.perception.backbone!.checksum };
  await agent.operations.promote(
    await agent.state.task().heads.publish(head, someCard(head), []),
    by,
  );
  return { running, agent, status: agentStatus(agent) };
}

describe('what the robot tells of itself', { timeout: TEST_HANG_MS }, () => {
  test('info: what runs on it', async (t) => {
    const { agent } = await robot(t);
    const backbone = agent.perception.backbone!;
    const body = outgoing('info', infoMessage(agent, { ...backbone, insteadOf: 'tiny-int8' }));
    assert.deepEqual(
      [body.version, body.node, body.backbone, body.backbone_checksum, body.backbone_instead_of],
      ['0.0.0-test', process.version, 'tiny', backbone.checksum, 'tiny-int8'],
    );
    assert.deepEqual(body.cameras, [
      { name: 'main', driver: 'replay', simulated: false, regions: [] },
    ]);
    assert.deepEqual(body.labels, ['crop', 'weed']);
    assert.deepEqual([body.hostname, body.arch], [hostname(), arch()]);
  });

  test('metrics: how fast it is and what it has, within the contract', async (t) => {
    const { status } = await robot(t);
    const say = (changes: Partial<AgentStatus> = {}, written: Written | null = null) =>
      outgoing('metrics', Object.assign(metricsMessage({ ...status, ...changes }, written), OWN));
    const body = say();
    assert.deepEqual(
      [body.frames_total, body.dropped_total, body.frame_limit, body.samples],
      [2, 0, null, { total: 2, labelled: 2, waiting: 0, thinned: 0, holdout: 0 }],
    );
    assert.ok(body.uptime_seconds > 0 && body.frame_ms_p50! > 0 && body.rss_bytes > 1e6);
    const { board, frames } = status;
    const limited = (reason: SlowReason) =>
      say({ frames: { ...frames, limit: { framesPerSecond: 7.5, reason } } }).frame_limit;
    for (const reason of ['configured', 'heat', 'supply', 'battery'] as const) {
      assert.deepEqual(limited(reason), { frames_per_second: 7.5, reason });
    }
    const throttled = (slowed: boolean, underVoltage: boolean) =>
      say({ board: { ...board, throttled: { slowed, underVoltage } } }).throttled;
    assert.deepEqual(
      [throttled(false, false), throttled(true, false), throttled(false, true)],
      [false, true, true],
    );
    const pressure = { cpuPercent: 1.5, memoryPercent: null, ioPercent: 0 };
    const wear = { lifeUsedPercent: 20, reserve: 'low' as const, fileSystemErrors: 1 };
    const cared = say(
      { board: { ...board, pressure, wear, clock: 'rtc' } },
      { totalBytes: 7, lastDayBytes: 5 },
    );
    assert.deepEqual(cared.pressure, { cpu_percent: 1.5, memory_percent: null, io_percent: 0 });
    assert.deepEqual(cared.storage, {
      life_used_percent: 20,
      reserve: 'low',
      file_system_errors: 1,
    });
    assert.deepEqual(
      [cared.clock, cared.written_bytes_total, cared.written_bytes_last_day],
      ['rtc', 7, 5],
    );
    const silent = say({
      board: { ...board, throttled: null, temperatureC: null, diskFreeBytes: null },
      frames: { ...frames, msP50: null, msP95: null, limit: FREE },
    });
    assert.deepEqual(
      [silent.throttled, silent.temperature_c, silent.disk_free_bytes, silent.frame_ms_p50],
      [null, null, null, null],
    );
  });

  test('they go out as they are: info and model once, metrics at their interval', async (t) => {
    const running = await TestAgent.start(t, ['crop'], { mqtt: { metricsIntervalMs: 1_000 } });
    const observer = await Observer.connect(t, running.agent.telemetry.url, 4);
    const { json: info } = await observer.next('headland/r1/info');
    assert.equal(info.boot, running.agent.boot);
    assert.equal((await observer.next('headland/r1/model')).json.head_version, null);
    const { json: metrics } = await observer.next('headland/r1/metrics');
    assert.equal(metrics.frames_total, 1);
  });

  test('status: everything, the model and the metrics as in their own messages', async (t) => {
    const { agent, status } = await robot(t);
    // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what goes over the wire
    const answer: any = JSON.parse(JSON.stringify(statusAnswer(status, agent.written)));
    assert.deepEqual(
      [answer.state, answer.paused, answer.boot, answer.version, answer.console],
      ['online', [], agent.boot, '0.0.0-test', agent.consoleUrl],
    );
    assert.equal(Date.parse(answer.started_at), Math.trunc(status.startedAtMs));
    const envelope = { schema: 'model/1', boot: 'b', seq: 1, at: answer.started_at };
    assert.equal(modelSchema.parse({ ...envelope, ...answer.model }).head_version, 1);
    outgoing('metrics', Object.assign(answer.metrics, OWN));
    assert.deepEqual(answer.training, {
      running: false,
      new_labels: 2,
      every_new_labels: 0,
      instant_failures: 0,
      paused: null,
      last: null,
    });
    assert.equal(answer.samples.labelled, 2);
    assert.equal(answer.backbone.name, 'tiny');
  });

  test('status: cameras with their quality and why they were opened again', async (t) => {
    const { status } = await robot(t);
    const camera: CameraState & {
      droppedTotal: number;
      framesPerSecond: number;
      simulated: boolean;
    } = {
      ...status.cameras[0]!,
      phase: 'waiting',
      restarts: 3,
      invalidPictures: 2,
      stillFrames: 1,
      lastRestartReason: { code: 'HL_CAMERA_STALLED', message: 'no picture for 10 s', atMs: 0 },
      quality: { condition: 'dark', measuredAtMs: 0, measured: null, usualSharpness: null },
    };
    const [only] = status.tasks;
    // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what goes over the wire
    const answer: any = statusAnswer(
      {
        ...status,
        cameras: [camera],
        tasks: [
          {
            ...only,
            model: { ...only.model, card: null },
            training: {
              ...only.training,
              last: {
                trainingId: 't1',
                task: 'main',
                outcome: 'refused',
                reason: 'No gain.',
                headVersion: 2,
                finishedAt: '2026-01-01T00:00:00.000Z',
              },
            },
          },
        ],
      },
      null,
    );
    const [said] = answer.cameras;
    assert.deepEqual(
      [said.phase, said.restarts, said.invalid_pictures, said.still_frames],
      ['waiting', 3, 2, 1],
    );
    assert.deepEqual(said.last_restart_reason, {
      code: 'HL_CAMERA_STALLED',
      message: 'no picture for 10 s',
      at: '1970-01-01T00:00:00.000Z',
    });
    assert.equal(outgoing('camera_quality', said.quality).condition, 'dark');
    assert.equal(answer.model, null, 'no head serves');
    assert.deepEqual(answer.training.last, {
      training_id: 't1',
      outcome: 'refused',
      reason: 'No gain.',
      head_version: 2,
      finished_at: '2026-01-01T00:00:00.000Z',
    });
  });

  test('one line for systemd: what matters, and only that', async (t) => {
    const { status } = await robot(t);
    const frames = { ...status.frames, perSecond: 9.84, limit: FREE };
    const mqtt = { ...status.mqtt, connected: true };
    const base: AgentStatus = { ...status, frames, mqtt };
    const line = (changes: Partial<AgentStatus>): string => statusLine({ ...base, ...changes });
    assert.equal(line({}), '9.8 frames/s, head 1, 2 labels');
    assert.equal(line({ state: 'paused' }), 'paused, head 1, 2 labels');
    assert.equal(
      line({ mqtt: { ...mqtt, connected: false } }),
      '9.8 frames/s, head 1, 2 labels, no broker',
    );
    assert.equal(
      line({ frames: { ...frames, limit: { framesPerSecond: 2, reason: 'battery' } } }),
      '9.8 frames/s, at most 2.0 (battery), head 1, 2 labels',
    );
    const backbone = { ...status.backbone!, insteadOf: 'tiny-int8' };
    assert.equal(
      line({ backbone }),
      '9.8 frames/s, fp32 instead of 8-bit backbone, head 1, 2 labels',
    );
    const [only] = status.tasks;
    const running = {
      trainingId: 't1',
      trigger: 'cli' as const,
      startedAt: new Date(0),
      progress: null,
      paused: null,
      pid: null,
    };
    assert.equal(
      line({ tasks: [{ ...only, training: { ...only.training, running } }] }),
      '9.8 frames/s, head 1, 2 labels, training',
    );
    const paused = { ...running, paused: 'heat' as const };
    assert.equal(
      line({ tasks: [{ ...only, training: { ...only.training, running: paused } }] }),
      '9.8 frames/s, head 1, 2 labels, training paused: heat',
    );
    const head = (model: Partial<ModelStatus>): string =>
      line({ tasks: [{ ...only, model: { ...only.model, ...model } }] });
    assert.equal(head({ card: null }), '9.8 frames/s, no head yet, 2 labels');
    assert.equal(
      head({ card: null, learnt: LEARNT, trust: 'beginner' }),
      '9.8 frames/s, head of the first labels (beginner), 2 labels',
    );
    assert.equal(
      head({ learnt: LEARNT, trust: 'useful' }),
      '9.8 frames/s, head 1 and 7 labels (useful), 2 labels',
    );
    assert.equal(line({ backbone: null }), '9.8 frames/s, head 1, 2 labels');
  });
});

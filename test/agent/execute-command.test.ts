import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditTrail } from '../../src/agent/audit-trail.js';
import { executeCommand } from '../../src/agent/execute-command.js';
import { predictionMessage } from '../../src/agent/reporting/agent-messages.js';
import type { ErrorCode } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { parseCommand } from '../../src/telemetry/commands/command-parser.js';
import { COMMAND_NAMES } from '../../src/telemetry/contract/command-contract.js';
import { TEST_HANG_MS } from '../liveness.js';
import { someCard, someHead } from '../training/fixture.js';
import { TestAgent } from './support.js';

/** A running robot that is told what to do in the words of MQTT. */
async function robot(t: Parameters<typeof TestAgent.start>[0], photos = ['crop', 'weed']) {
  const running = await TestAgent.start(t, photos);
  const { agent, decisions } = running;
  // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what goes over the wire
  const send = async (name: string, fields: Record<string, unknown> = {}): Promise<any> =>
    executeCommand(
      parseCommand(name, Buffer.from(JSON.stringify(fields)), 16_384),
      agent.operations,
      () => ({ state: 'described' }),
      { signer: null, audit: new AuditTrail(agent.state.audit, silentLog()) },
    );
  const publish = async (seed: number): Promise<number> => {
    const head = { ...someHead(seed), backboneChecksum: agent.perception.backbone!.checksum };
    return agent.state.task().heads.publish(head, someCard(head), []);
  };
  return { agent, frames: decisions.all, send, publish };
}

describe('executeCommand', { timeout: TEST_HANG_MS }, () => {
  test('label: a frame with a group, then the sample anew', async (t) => {
    const { frames, send } = await robot(t);
    const { frameId } = frames[0]!;
    const first = await send('label', { frame: frameId, label: 'weed', group: 'row 1' });
    assert.deepEqual(first, {
      sample_id: first.sample_id,
      label: 'weed',
      group: 'row 1',
      holdout: false,
      label_revision: 1,
    });
    const second = await send('label', { sample: first.sample_id, label: 'crop' });
    assert.deepEqual(second, { ...first, label: 'crop', label_revision: 2 });
  });

  test('look_alikes and label: samples together, all or none', async (t) => {
    const { agent, send } = await robot(t, ['crop', 'crop', 'weed']);
    const { sample_id: sample } = await send('snapshot');
    const { samples } = agent.state.task();
    // The same picture again, as the camera of a robot that stands gives it.
    const [original] = samples
      .features([sample], agent.perception.backbone!.checksum, '', 0)
      .get(sample)!;
    const { id: twin } = samples.admit({
      ...samples.get(sample)!,
      jpeg: Buffer.from('another picture'),
      group: 'the next window',
    }).sample;
    samples.putFeatures([
      {
        sampleId: twin,
        backboneChecksum: agent.perception.backbone!.checksum,
        recipe: '',
        view: 0,
        features: original!,
      },
    ]);
    const { look_alikes } = await send('look_alikes', { sample });
    const { cosine } = look_alikes[0];
    assert.ok(cosine > 0.999);
    assert.deepEqual(look_alikes, [
      {
        sample_id: twin,
        cosine,
        captured_at: new Date(samples.get(twin)!.capturedAtMs).toISOString(),
      },
    ]);
    await assert.rejects(send('label', { samples: [sample, twin, 'gone'], label: 'crop' }), {
      code: 'HL_SAMPLE_UNKNOWN',
    });
    await assert.rejects(send('label', { samples: [sample], frame: 'f', label: 'crop' }), {
      code: 'HL_COMMAND_INVALID',
    });
    assert.equal(samples.labelRevision(), 0);
    const labelled = await send('label', { samples: [sample, twin], label: 'crop' });
    const { group, holdout } = samples.get(sample)!;
    assert.deepEqual(labelled, {
      samples: [sample, twin].map((id) => ({ sample_id: id, label: 'crop', group, holdout })),
      label_revision: 2,
    });
    const [{ detail } = assert.fail('no audit')] = agent.state.audit.list({ kind: 'command' });
    assert.deepEqual([detail.name, detail.samples, detail.ok], ['label', [sample, twin], true]);
    assert.deepEqual(await send('look_alikes', { sample }), { look_alikes: [] });
  });

  test('snapshot: the newest decision as a kept sample, with its picture when asked for', async (t) => {
    const { agent, frames, send } = await robot(t);
    const newest = frames.at(-1)!;
    const plain = await send('snapshot');
    const sampleId: string = plain.sample_id;
    assert.equal(agent.state.task().samples.get(sampleId)?.label, null);
    assert.deepEqual(plain, predictionMessage(newest, newest.perceived.answers[0]!, sampleId));
    assert.deepEqual(await send('snapshot', { include_picture: false }), plain);
    const whole = await send('snapshot', { camera: 'main', include_picture: true });
    const { picture_base64, ...rest } = whole;
    assert.deepEqual(rest, plain);
    assert.deepEqual(
      new Uint8Array(Buffer.from(picture_base64, 'base64')),
      new Uint8Array(newest.frame.jpeg),
    );
  });

  test('promote and rollback: the version that serves then', async (t) => {
    const { send, publish } = await robot(t);
    for (const seed of [1, 2]) await publish(seed);
    assert.deepEqual(await send('promote', { version: 1 }), { head_version: 1 });
    assert.deepEqual(await send('promote', { version: 2 }), { head_version: 2 });
    assert.deepEqual(await send('rollback'), { head_version: 1 });
    assert.deepEqual(await send('rollback', { version: 2 }), { head_version: 2 });
  });

  test('pause and resume: what is paused then', async (t) => {
    const { send } = await robot(t);
    assert.deepEqual(await send('pause', { what: 'training' }), { paused: ['training'] });
    assert.deepEqual(await send('pause', { what: 'inference' }), {
      paused: ['inference', 'training'],
    });
    assert.deepEqual(await send('resume', { what: 'training' }), { paused: ['inference'] });
    assert.deepEqual(await send('resume', { what: 'inference' }), { paused: [] });
  });

  test('hold: a running training pauses, until release', async (t) => {
    const { agent, send } = await robot(t);
    const { training } = agent.tasks[0];
    const until = async (paused: string | null) => {
      while (training.running !== null && training.running.paused !== paused) await sleep(5);
    };
    await send('retrain');
    await send('hold', { holder: 'sprayer', seconds: 600 });
    await until('held');
    assert.equal(training.running?.paused, 'held');
    await assert.rejects(send('rollback'), { code: 'HL_ROBOT_HELD' });
    await send('release', { holder: 'sprayer' });
    await until(null);
    await assert.rejects(send('rollback'), { code: 'HL_HEAD_NO_PREVIOUS' });
  });

  test('retrain: the id of the training that runs; status: what it is described by', async (t) => {
    const { agent, send } = await robot(t);
    const { training_id } = await send('retrain');
    assert.equal(agent.tasks[0].training.running?.trainingId, training_id);
    await assert.rejects(send('retrain'), { code: 'HL_TRAINING_RUNNING' });
    assert.deepEqual(await send('status'), { state: 'described' });
  });

  test('asks in the name of MQTT, with the transaction of the message', async (t) => {
    const { agent, send } = await robot(t);
    await send('pause', { what: 'training', transaction: 't7' });
    await assert.rejects(send('rollback', { transaction: 't8' }));
    assert.deepEqual(
      agent.state.audit.list({ kind: 'command' }).map(({ detail }) => detail),
      [
        {
          name: 'rollback',
          task: 'main',
          source: 'mqtt',
          transaction: 't8',
          ok: false,
          code: 'HL_HEAD_NO_PREVIOUS',
        },
        { name: 'pause', what: 'training', source: 'mqtt', transaction: 't7', ok: true },
      ],
    );
  });

  test('refuses by name what cannot be done, and what it does not understand', async (t) => {
    const { agent, frames, send } = await robot(t);
    const { frameId } = frames[0]!;
    const refusals: [string, Record<string, unknown>, ErrorCode][] = [
      ['label', { frame: 'gone-main-1', label: 'weed' }, 'HL_FRAME_GONE'],
      ['label', { sample: 'gone', label: 'weed' }, 'HL_SAMPLE_UNKNOWN'],
      ['label', { frame: frameId, label: 'unknown' }, 'HL_LABEL_INVALID'],
      ['label', { frame: frameId, label: 'a/b' }, 'HL_LABEL_INVALID'],
      ['label', { frame: frameId, label: '' }, 'HL_COMMAND_INVALID'],
      ['label', { label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { frame: frameId, sample: 'x', label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { frame: 7, label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { samples: [], label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { samples: Array(65).fill('x'), label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { samples: ['x'], group: 'g', label: 'weed' }, 'HL_COMMAND_INVALID'],
      ['label', { samples: ['gone'], label: 'weed' }, 'HL_SAMPLE_UNKNOWN'],
      ['look_alikes', {}, 'HL_COMMAND_INVALID'],
      ['look_alikes', { sample: 'gone' }, 'HL_SAMPLE_UNKNOWN'],
      ['snapshot', { camera: 'rear' }, 'HL_FRAME_NONE'],
      ['snapshot', { include_picture: 'yes' }, 'HL_COMMAND_INVALID'],
      ['rollback', {}, 'HL_HEAD_NO_PREVIOUS'],
      ['rollback', { version: 99 }, 'HL_HEAD_UNKNOWN_VERSION'],
      ['rollback', { version: '1' }, 'HL_COMMAND_INVALID'],
      ['promote', {}, 'HL_COMMAND_INVALID'],
      ['promote', { version: 0 }, 'HL_COMMAND_INVALID'],
      ['promote', { version: 99 }, 'HL_HEAD_UNKNOWN_VERSION'],
      ['pin', {}, 'HL_HEAD_NONE_SERVES'],
      ['pin', { version: '1' }, 'HL_COMMAND_INVALID'],
      ['unpin', { version: 1 }, 'HL_COMMAND_INVALID'],
      ['pause', { what: 'everything' }, 'HL_COMMAND_INVALID'],
      ['resume', {}, 'HL_COMMAND_INVALID'],
      ['retrain', { force: true }, 'HL_COMMAND_INVALID'],
      ['speed', { meters_per_second: -1 }, 'HL_COMMAND_INVALID'],
      ['acknowledge_alerts', { rule: 'horn' }, 'HL_ALERT_RULE_UNKNOWN'],
      ['acknowledge_alerts', { rules: [] }, 'HL_COMMAND_INVALID'],
      ['status', { of: 'camera' }, 'HL_COMMAND_INVALID'],
      ['hold', { holder: 'x', seconds: 3_601 }, 'HL_COMMAND_INVALID'],
      ['hold', { seconds: 1 }, 'HL_COMMAND_INVALID'],
      ['release', {}, 'HL_COMMAND_INVALID'],
      ['dance', {}, 'HL_COMMAND_UNKNOWN'],
    ];
    for (const [name, fields, code] of refusals) {
      await assert.rejects(send(name, fields), { code }, `${name} ${JSON.stringify(fields)}`);
    }
    const tried = new Set(refusals.map(([name]) => name));
    assert.deepEqual(
      COMMAND_NAMES.filter((name) => !tried.has(name)),
      [],
      'each command was tried',
    );
    assert.equal(agent.state.task().samples.counts().total, 0);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TimelineEntry } from '../../../src/console/contract/brain-contract.js';
import { CONTRACT, type JsonKey } from '../../../src/console/contract/contract.js';
import type { TrainingReport } from '../../../src/training/report.js';
import { ask, WRITE } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder } from '../../recorder.js';
import { drawPicture, groupNames } from '../../training/fixture.js';
import { TestAgent } from '../support.js';

type Test = Parameters<typeof TestAgent.start>[0];
// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = any;

/** A person at the page of a robot that trains on request. */
class Workshop {
  readonly #reports = new Recorder<TrainingReport>();

  constructor(
    readonly running: TestAgent,
    readonly groups: string[],
  ) {
    running.agent.on('trainingReport', this.#reports.add);
  }

  static async open(t: Test): Promise<Workshop> {
    const running = await TestAgent.start(t, ['crop'], {
      training: { everyNewLabels: 0, minLabels: 4, instant: false, learners: ['ridge'], nice: 0 },
      samples: { askMaxWaiting: 0, holdoutAfterSamples: 0 },
    });
    return new Workshop(running, groupNames({ training: 6, holdout: 2 }));
  }

  get samples() {
    return this.running.agent.state.task().samples;
  }

  /** One picture of each label in each group. */
  async teach(labels: string[], seed: number): Promise<void> {
    for (const [g, group] of this.groups.entries()) {
      for (const label of labels) {
        this.samples.admit({
          jpeg: await drawPicture(label, seed + g),
          label,
          labelSource: 'console',
          group,
          source: 'main',
          capturedAtMs: 1_700_000_000_000 + seed + g,
          dhash: '0000000000000000',
        });
      }
    }
  }

  async train(): Promise<TrainingReport> {
    const { trainingId } = await this.post('retrain');
    return this.#reports.until((report) => report.trainingId === trainingId);
  }

  /** The answer of a route, checked against the contract. */
  async get(key: JsonKey, path = key.slice('GET /api/'.length)): Promise<Body> {
    const { status, json } = await ask(`${this.running.url}/api/${path}`);
    assert.equal(status, 200, JSON.stringify(json));
    const { answer } = CONTRACT[key];
    assert.ok('parse' in answer);
    return answer.parse(json);
  }

  async post(path: string, body: object = {}): Promise<Body> {
    const { status, json } = await ask(
      `${this.running.url}/api/${path}`,
      'POST',
      WRITE,
      JSON.stringify(body),
    );
    assert.ok(status < 300, JSON.stringify(json));
    return json;
  }

  version(version: number): Promise<Body> {
    return this.get('GET /api/brain/versions/{version}', `brain/versions/${version}`);
  }

  async timeline(query = ''): Promise<{ entries: TimelineEntry[]; more: boolean } & Body> {
    return this.get('GET /api/brain/timeline', `brain/timeline${query}`);
  }
}

const told = (entries: TimelineEntry[]): string[] =>
  entries.map((entry) =>
    entry.kind === 'training'
      ? `training ${entry.version} ${entry.outcome}`
      : `${entry.how} ${entry.version} by ${entry.by}`,
  );

describe('the brain of a robot', { timeout: TEST_HANG_MS }, () => {
  test('is shown with every version, its figures and the samples behind them', async (t) => {
    const shop = await Workshop.open(t);
    assert.deepEqual((await shop.timeline()).entries, []);
    assert.deepEqual(await shop.get('GET /api/brain/curve'), { points: [] });
    assert.deepEqual(await shop.get('GET /api/teach/changes'), { trainingId: null, messages: [] });
    await shop.teach(['crop', 'weed'], 0);
    const first = await shop.train();
    assert.equal(first.outcome, 'promoted', first.reason);
    await shop.teach(['stone'], 500);
    const second = await shop.train();
    assert.equal(second.outcome, 'promoted', second.reason);

    const { entries, serving, pinned, more } = await shop.timeline();
    assert.deepEqual([serving, pinned, more], [2, null, false]);
    assert.deepEqual(told(entries), ['training 2 promoted', 'training 1 promoted']);
    const [newest, oldest] = entries as Extract<TimelineEntry, { kind: 'training' }>[];
    assert.deepEqual([newest!.labels, oldest!.labels], [24, 16]);
    assert.deepEqual([newest!.serving, oldest!.serving, oldest!.stored], [true, false, true]);
    assert.equal(oldest!.served[0]!.to, newest!.served[0]!.from);
    assert.equal(newest!.served[0]!.to, null);
    assert.equal(newest!.verdict.text, second.verdict.text);
    assert.deepEqual(await shop.timeline('?limit=1'), {
      entries: [newest],
      more: true,
      serving: 2,
      pinned: null,
    });
    const older = await shop.timeline(`?before=${newest!.at}`);
    assert.deepEqual(older.entries, [oldest]);

    const { points } = await shop.get('GET /api/brain/curve');
    assert.deepEqual(
      points.map((point: Body) => [point.version, point.labels]),
      [
        [1, 16],
        [2, 24],
      ],
    );
    assert.deepEqual(points[1].macroF1, newest!.macroF1);

    const changes = await shop.get('GET /api/teach/changes');
    assert.equal(changes.trainingId, second.trainingId);
    assert.equal(changes.messages[0].text, '8 labels: 8 "stone".');

    const version = await shop.version(2);
    assert.deepEqual([version.answersStored, version.comparedWith], [true, 1]);
    assert.deepEqual(version.labels, ['crop', 'stone', 'weed']);
    assert.deepEqual(version.macroF1, newest!.macroF1, 'one figure for one thing');
    const sum = (row: number[]): number => row.reduce((a, b) => a + b, 0);
    assert.equal(sum(version.confusion.map(sum)), version.samples);
    assert.deepEqual(
      version.confusion.map(sum),
      version.classes.map((each: Body) => each.samples),
    );
    assert.equal(sum(version.reliability.map((bin: Body) => bin.samples)), version.samples);
    assert.ok(version.details.some(({ key }: Body) => key === 'check.expected-gain'));
    assert.ok(version.better.every((pair: Body) => pair.after.label === pair.label));

    const compared = await shop.get('GET /api/brain/compare', 'brain/compare?a=1&b=2');
    const { onlyARight, onlyBRight, bothRight, bothWrong } = compared;
    assert.equal(onlyARight.samples + onlyBRight.samples + bothRight + bothWrong, compared.samples);
    assert.ok(compared.samples > 0);
    const back = await shop.get('GET /api/brain/compare', 'brain/compare?a=2&b=1');
    assert.equal(back.onlyARight.samples, onlyBRight.samples);
    const unknown = await ask(`${shop.running.url}/api/brain/compare?a=1&b=9`);
    assert.deepEqual([unknown.status, unknown.json.error?.code], [404, 'HL_HEAD_UNKNOWN_VERSION']);
  });

  test('respects labels that are corrected or removed after a training', async (t) => {
    const shop = await Workshop.open(t);
    await shop.teach(['crop', 'weed'], 0);
    await shop.train();
    const { answers } = shop.running.agent.tasks[0];
    const before = (await answers.of())!;
    assert.equal(before.stored.card.version, 1);
    const right = before.answers.find(
      ({ right, judged, confidence }) => right && judged && confidence > 0.75,
    )!;
    const { samples } = shop;
    const other = right.truth === 'crop' ? 'weed' : 'crop';
    samples.label(right.id, other, 'console');
    const corrected = (await answers.of(1))!;
    assert.deepEqual(
      [corrected.byId.get(right.id)!.truth, corrected.byId.get(right.id)!.right],
      [other, false],
    );
    assert.deepEqual(corrected.marks.get(right.id), {
      wrong: true,
      doubtful: false,
      suspect: true,
    });
    const { suspects, confusion, labels } = await shop.version(1);
    assert.equal(suspects, [...corrected.marks.values()].filter((mark) => mark.suspect).length);
    const cell = confusion[labels.indexOf(other)][labels.indexOf(right.truth)];
    const behind = corrected.answers.filter(
      (answer) => answer.judged && answer.truth === other && answer.label === right.truth,
    );
    assert.equal(cell, behind.length);
    samples.remove([right.id], 'console');
    const without = (await answers.of())!;
    assert.equal(without.byId.has(right.id), false);
    assert.equal(without.answers.length, before.answers.length - 1);
  });

  test('keeps a pinned head, and tells of switches and of versions that are gone', async (t) => {
    const shop = await Workshop.open(t);
    await shop.teach(['crop', 'weed'], 0);
    await shop.train();
    await shop.teach(['stone'], 500);
    await shop.train();
    await shop.post('rollback', {});
    assert.deepEqual(await shop.post('pin', { version: 1 }), { pinned: 1 });
    const status = await shop.get('GET /api/status');
    assert.deepEqual([status.head.version, status.pinned], [1, true]);
    const held = await shop.train();
    assert.deepEqual([held.outcome, held.verdict.key], ['refused', 'verdict.pinned']);
    assert.deepEqual(await shop.post('pin', { version: 2 }), { pinned: 2 }, 'it begins to serve');
    assert.deepEqual(await shop.post('pin', { version: null }), { pinned: null });
    const { entries, serving, pinned } = await shop.timeline();
    assert.deepEqual([serving, pinned], [2, null]);
    assert.deepEqual(told(entries), [
      'unpinned 2 by console',
      'pinned 2 by console',
      'rolled_back 2 by console',
      'training 3 refused',
      'pinned 1 by console',
      'rolled_back 1 by console',
      'training 2 promoted',
      'training 1 promoted',
    ]);
    const audited = shop.running.agent.state.audit
      .list({ kind: 'command' })
      .map(({ detail }) => detail.name);
    assert.deepEqual(audited.slice(0, 2), ['unpin', 'pin']);

    const { heads } = shop.running.agent.state.task();
    const { rmSync } = await import('node:fs');
    rmSync(`${heads.dir}/1`, { recursive: true });
    const after = await shop.timeline();
    const gone = after.entries.find(
      (entry: TimelineEntry) => entry.kind === 'training' && entry.version === 1,
    );
    assert.ok(gone && gone.kind === 'training' && !gone.stored && gone.macroF1);
  });

  test('gives a version as one ONNX file', async (t) => {
    const shop = await Workshop.open(t);
    await shop.teach(['crop', 'weed'], 0);
    await shop.train();
    const { status, headers, bytes } = await ask(`${shop.running.url}/api/brain/versions/1/onnx`);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/octet-stream');
    assert.equal(headers['content-disposition'], 'attachment; filename="headland-r1-main-v1.onnx"');
    const runtime = await import('onnxruntime-node');
    const session = await runtime.InferenceSession.create(new Uint8Array(bytes));
    assert.deepEqual(session.inputNames, ['pixels']);
    assert.deepEqual([...session.outputNames].sort(), ['features', 'probabilities']);
    await session.release();
    const none = await ask(`${shop.running.url}/api/brain/versions/9/onnx`);
    assert.deepEqual([none.status, none.json.error?.code], [404, 'HL_HEAD_UNKNOWN_VERSION']);
  });
});

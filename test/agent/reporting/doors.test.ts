import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SampleStore } from '../../../src/samples/store.js';
import { openDatabase } from '../../../src/storage/database.js';
import { type Daemon, headland, Person, Rig } from '../daemon.js';

interface Outcome {
  /** Null: it was done. */
  code: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
  data: any;
}

/** One way into the daemon; the fields of an order are those of MQTT. */
interface Door {
  source: 'mqtt' | 'console';
  order(name: string, fields?: Record<string, unknown>): Promise<Outcome>;
  /** Keeps the newest frame. */
  snapshot(): Promise<{ sample: string; frame: string; picture: Uint8Array }>;
}

function mqttDoor(person: Person): Door {
  const order = async (name: string, fields = {}): Promise<Outcome> => {
    const { ok, data, error } = await person.command(name, fields);
    return { code: ok ? null : error.code, data };
  };
  return {
    source: 'mqtt',
    order,
    async snapshot() {
      const { data } = await order('snapshot', { include_picture: true });
      const picture = Buffer.from(data.picture_base64, 'base64');
      return { sample: data.sample_id, frame: data.frame_id, picture };
    },
  };
}

function consoleDoor(url: string): Door {
  const names: Record<string, string> = { sample: 'sampleId', frame: 'frameId' };
  const order = async (name: string, fields = {}): Promise<Outcome> => {
    const body = Object.entries(fields).map(([field, value]) => [names[field] ?? field, value]);
    const response = await fetch(`${url}api/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-headland': '1' },
      body: JSON.stringify(Object.fromEntries(body)),
    });
    // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
    const data: any = await response.json();
    return { code: response.ok ? null : data.error.code, data };
  };
  return {
    source: 'console',
    order,
    async snapshot() {
      const { data } = await order('snapshot');
      const response = await fetch(`${url}api/samples/${data.sampleId}/picture`);
      const picture = new Uint8Array(await response.arrayBuffer());
      return { sample: data.sampleId, frame: data.frame.frameId, picture };
    },
  };
}

const HOLDOUT = { holdoutShare: 0.2, holdoutAfterSamples: 60 };
const NOWHERE = '01900000-0000-7000-8000-000000000000';

/** Does everything that a person can do, and tells what came of it; ids are left out. */
async function live(
  rig: Rig,
  person: Person,
  door: Door,
): Promise<{ codes: (string | null)[]; triggers: string[] }> {
  const codes: (string | null)[] = [];
  const order = async (name: string, fields?: Record<string, unknown>): Promise<Outcome> => {
    const outcome = await door.order(name, fields);
    codes.push(outcome.code);
    return outcome;
  };
  const isReport = ({ topic }: { topic: string }) => topic === 'headland/r1/training/report';
  const reports = () => person.received.filter(isReport);
  await person.until(({ topic }) => topic === 'headland/r1/prediction');

  await order('label', { sample: NOWHERE, label: 'weed' });
  await order('label', { frame: 'gone-main-1', label: 'weed' });
  await order('rollback');
  await order('promote', { version: 99 });
  await order('pause', { what: 'training' });
  await order('retrain');
  const first = await door.snapshot();
  await order('label', { sample: first.sample, label: 'Unknown' });
  await order('label', { frame: first.frame, label: 'a/b', group: 'row 1' });
  await order('resume', { what: 'training' });

  // A frame is labelled, then its label is corrected.
  await order('label', { frame: first.frame, label: 'mistake', group: 'row 1' });
  await order('label', { sample: first.sample, label: rig.labelOf(first.picture) });
  const labelled = new Set([first.sample]);
  while (reports().length === 0) {
    const { sample, picture } = await door.snapshot();
    const label = rig.labelOf(picture);
    if (label === null || labelled.has(sample)) continue;
    labelled.add(sample);
    const { code } = await door.order('label', { sample, label });
    assert.equal(code, null);
  }
  const status = await person.command('status');
  assert.ok(status.data.samples.labelled >= 12);
  let answer = await order('retrain');
  while (answer.code === 'HL_TRAINING_RUNNING') {
    // The labels that came during the first training may have started another.
    const seen = reports().length;
    await person.until(() => reports().length > seen);
    answer = await order('retrain');
  }
  const { code, data } = answer;
  assert.equal(code, null);
  const trainingId = data.training_id ?? data.trainingId;
  const { body } = await person.until((m) => isReport(m) && m.body.training_id === trainingId);
  assert.equal(body.trigger, door.source);
  await order('promote', { version: 1 });
  await order('promote', { version: 2 });
  await order('rollback');
  const model = await person.command('status');
  assert.equal(model.data.model.head_version, 1);
  const triggers = reports().map(({ body: { trigger } }) => trigger);
  return { codes, triggers: triggers.map((name) => (name === door.source ? 'asked' : name)) };
}

interface AuditLine {
  kind: string;
  detail: Record<string, unknown>;
}

/** They change nothing; only over MQTT they are commands, and then in the audit by their count. */
const QUERIES: readonly unknown[] = ['status', 'speed', 'snapshot', 'look_alikes'];

function commandsOf(rig: Rig): Record<string, unknown>[] {
  const { stdout } = headland('audit', '--config', rig.configFile, '--json', '--limit', '1000');
  const lines: AuditLine[] = JSON.parse(stdout).entries;
  return lines
    .filter(({ kind, detail }) => kind === 'command' && !QUERIES.includes(detail.name))
    .map(({ detail }) => detail)
    .reverse();
}

/** What must be the same whoever asked: ids, and what a frame happened to show, are left out. */
function comparable(lines: Record<string, unknown>[]): string[] {
  const texts = lines.map(({ source: _, transaction: __, ...detail }) => {
    if (detail.sample !== undefined && detail.sample !== NOWHERE) detail.sample = 'id';
    if (detail.frame !== undefined && detail.frame !== 'gone-main-1') detail.frame = 'id';
    if (['crop', 'weed', 'stone'].includes(detail.label as string)) detail.label = 'shown';
    return JSON.stringify(detail);
  });
  return texts.filter((text, index) => text !== texts[index - 1]);
}

describe('an operation', { concurrency: false }, () => {
  test('has the same effect, audit and refusal by MQTT and by the web page', {
    timeout: 300_000,
  }, async (t) => {
    const lived: Record<string, { codes: unknown; triggers: string[]; audit: string[] }> = {};
    for (const source of ['mqtt', 'console'] as const) {
      const rig = await Rig.create(t, {
        training: { everyNewLabels: 500, minLabels: 12, learners: ['ridge'] },
        samples: { askMaxWaiting: 0 },
      });
      const daemon: Daemon = await rig.start();
      const person = await Person.connect(t, daemon.mqttUrl);
      const door = source === 'mqtt' ? mqttDoor(person) : consoleDoor(daemon.consoleUrl);
      const { codes, triggers } = await live(rig, person, door);
      assert.equal((await daemon.stop()).code, 0);
      const commands = commandsOf(rig);
      assert.deepEqual([...new Set(commands.map((line) => line.source))], [source]);
      lived[source] = { codes, triggers, audit: comparable(commands) };
    }
    assert.deepEqual(lived.console, lived.mqtt);
    assert.deepEqual(lived.mqtt?.codes, [
      'HL_SAMPLE_UNKNOWN',
      'HL_FRAME_GONE',
      'HL_HEAD_NO_PREVIOUS',
      'HL_HEAD_UNKNOWN_VERSION',
      null,
      'HL_TRAINING_PAUSED',
      'HL_LABEL_INVALID',
      'HL_LABEL_INVALID',
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    assert.deepEqual(lived.mqtt?.triggers, ['labels', 'asked']);
    assert.ok(
      lived.mqtt?.audit.some((line) => /"name":"label".*"label":"mistake".*true/.test(line)),
    );
  });

  test('by the command line is in the audit, and a daemon trains on its labels', {
    timeout: 120_000,
  }, async (t) => {
    const rig = await Rig.create(t, {
      training: { everyNewLabels: 500, minLabels: 12, learners: ['ridge'] },
      samples: { askMaxWaiting: 0 },
    });
    const daemon: Daemon = await rig.start();
    const person = await Person.connect(t, daemon.mqttUrl);
    const door = mqttDoor(person);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
    const kept = new Map<string, string>();
    while (kept.size < 12) {
      const { sample, picture } = await door.snapshot();
      kept.set(sample, rig.labelOf(picture) ?? 'crop');
    }
    const [[sample, label], ...others] = [...kept] as [[string, string], ...[string, string][]];
    const database = openDatabase(join(rig.stateDir, 'headland.db'));
    const store = new SampleStore(database, { ...HOLDOUT, maxPictureStoreBytes: 1e9 });
    for (const [id, shown] of others) store.label(id, shown, 'import');
    database.close();
    const { status, stderr } = headland('label', sample, label, '--config', rig.configFile);
    assert.equal(status, 0, stderr);
    await daemon.logged((line) => line.msg === 'training starts' && line.trigger === 'labels');
    const refused = headland('label', NOWHERE, 'weed', '--config', rig.configFile);
    assert.match(refused.stderr, /HL_SAMPLE_UNKNOWN/);
    assert.equal((await daemon.stop()).code, 0);
    const back = headland('rollback', '99', '--config', rig.configFile);
    assert.match(back.stderr, /HL_HEAD_UNKNOWN_VERSION/);
    assert.deepEqual(comparable(commandsOf(rig)), [
      JSON.stringify({ name: 'label', task: 'main', sample: 'id', label: 'shown', ok: true }),
      `{"name":"label","task":"main","sample":"${NOWHERE}","label":"shown","ok":false,"code":"HL_SAMPLE_UNKNOWN"}`,
      '{"name":"rollback","task":"main","version":99,"ok":false,"code":"HL_HEAD_UNKNOWN_VERSION"}',
    ]);
    const line = { name: 'label', task: 'main', sample, label, source: 'cli', ok: true };
    assert.deepEqual(commandsOf(rig)[0], line);
  });
});

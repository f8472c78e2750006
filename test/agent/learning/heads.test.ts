import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { installBackbone } from '../../training/fixture.js';
import { type Daemon, headland, Person, Rig } from '../daemon.js';

type Topic = 'prediction' | 'event' | 'model' | 'training/report';

/** A robot with labels for all of its photos, and a person who listens to it. */
class TaughtRobot {
  #seen = 0;

  private constructor(
    readonly rig: Rig,
    readonly daemon: Daemon,
    readonly person: Person,
  ) {}

  static async start(t: Parameters<typeof Person.connect>[0], rig: Rig): Promise<TaughtRobot> {
    const daemon = await rig.start();
    return new TaughtRobot(rig, daemon, await Person.connect(t, daemon.mqttUrl));
  }

  /** Messages from now on. */
  forget(): void {
    this.#seen = this.person.received.length;
  }

  // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
  async next(topic: Topic, matches: (body: any) => boolean = () => true): Promise<any> {
    const found = await this.person.until(
      (message) =>
        message.topic === `headland/r1/${topic}` &&
        this.person.received.indexOf(message) >= this.#seen &&
        matches(message.body),
    );
    return found.body;
  }

  // biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
  async retrain(): Promise<any> {
    this.forget();
    const answer = await this.person.command('retrain');
    assert.equal(answer.ok, true, JSON.stringify(answer));
    return this.next('training/report');
  }

  /** Frames that come from now on are decided by this version. */
  async servesAndGoesOn(version: number): Promise<void> {
    this.forget();
    const first = await this.next('prediction');
    const later = await this.next('prediction', ({ seq }) => seq > first.seq + 2);
    assert.deepEqual([first.head_version, later.head_version], [version, version]);
    const { data } = await this.person.command('status');
    assert.equal(data.model.head_version, version);
    assert.equal(this.pointer, `${version}\n`);
  }

  get pointer(): string {
    return readFileSync(join(this.rig.stateDir, 'heads', 'main', 'current'), 'utf8');
  }

  set pointer(text: string) {
    writeFileSync(join(this.rig.stateDir, 'heads', 'main', 'current'), text);
  }
}

async function taughtRig(
  t: Parameters<typeof Rig.create>[0],
  training: Record<string, unknown> = {},
): Promise<Rig> {
  // Labels that are learnt at once would answer where no trained head does.
  const rig = await Rig.create(t, {
    training: {
      everyNewLabels: 0,
      minLabels: 12,
      instant: false,
      learners: ['ridge'],
      ...training,
    },
  });
  const pattern = '_(\\d+)';
  const imported = headland(
    'import',
    rig.photosDir,
    '--config',
    rig.configFile,
    '--group-pattern',
    pattern,
  );
  assert.equal(imported.status, 0, imported.stderr);
  return rig;
}

describe('a head that cannot be put to work', { concurrency: false }, () => {
  test('after its training: the promotion is taken back, and a start with its backbone uses it', {
    timeout: 180_000,
  }, async (t) => {
    const rig = await taughtRig(t);
    const robot = await TaughtRobot.start(t, rig);
    assert.equal((await robot.retrain()).outcome, 'promoted');
    await robot.servesAndGoesOn(1);

    // Somebody puts another backbone into the place of the one that runs.
    await installBackbone(rig.dir, 'tiny', 2);
    const pulled = headland('models', 'pull', 'tiny', '--config', rig.configFile);
    assert.equal(pulled.status, 0, pulled.stderr);
    const report = await robot.retrain();
    assert.equal(report.outcome, 'failed', report.reason);
    assert.equal(report.error.code, 'HL_HEAD_BACKBONE_MISMATCH');
    assert.equal(report.head_version, 2);
    await robot.servesAndGoesOn(1);
    for (const name of ['promote', 'rollback']) {
      const answer = await robot.person.command(name, { version: 2 });
      assert.equal(answer.error?.code, 'HL_HEAD_BACKBONE_MISMATCH', name);
    }
    await robot.servesAndGoesOn(1);

    // `headland train` in another process moves the pointer without asking the daemon.
    robot.forget();
    robot.pointer = '2\n';
    const event = await robot.next('event', ({ kind }) => kind === 'head_changed');
    assert.equal(event.code, 'HL_HEAD_BACKBONE_MISMATCH');
    assert.deepEqual([event.details.from_version, event.details.to_version], [2, 1]);
    await robot.daemon.logged((line) => line.version === 2 && line.instead === 1);
    await robot.servesAndGoesOn(1);
    assert.equal((await robot.daemon.stop()).code, 0);

    // Now the new backbone runs: head 1 is the one that does not fit.
    const again = await TaughtRobot.start(t, rig);
    await again.daemon.logged((line) => line.version === 1 && line.instead === 2);
    await again.servesAndGoesOn(2);
    assert.equal((await again.daemon.stop()).code, 0);
  });

  test('because another process pointed at a damaged one: the serving head stays', {
    timeout: 180_000,
  }, async (t) => {
    const rig = await taughtRig(t);
    const robot = await TaughtRobot.start(t, rig);
    assert.equal((await robot.retrain()).outcome, 'promoted');
    assert.equal((await robot.retrain()).head_version, 2);
    for (const version of [2, 1]) await robot.person.command('promote', { version });
    await robot.servesAndGoesOn(1);
    const weights = join(rig.stateDir, 'heads', 'main', '2', 'weights');
    const bytes = readFileSync(weights);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(weights, bytes);

    robot.forget();
    robot.pointer = '2\n';
    const event = await robot.next('event', ({ kind }) => kind === 'head_changed');
    assert.equal(event.code, 'HL_HEAD_INVALID');
    assert.match(event.message, /head 2 cannot serve; head 1 serves instead/);
    await robot.servesAndGoesOn(1);
    await robot.daemon.stop('SIGKILL');

    robot.pointer = '7\n';
    const again = await TaughtRobot.start(t, rig);
    await again.daemon.logged((line) => line.code === 'HL_HEAD_UNKNOWN_VERSION');
    await again.servesAndGoesOn(1);
    assert.equal((await again.daemon.stop()).code, 0);
  });
});

describe('a serving head whose file is damaged', () => {
  test('raises an alarm, and its labels are learnt again without a command', {
    timeout: 180_000,
  }, async (t) => {
    const rig = await taughtRig(t, { everyNewLabels: 50 });
    const robot = await TaughtRobot.start(t, rig);
    await robot.daemon.logged((line) => line.msg === 'head serving' && line.version === 1);
    await robot.daemon.stop('SIGKILL');
    writeFileSync(join(rig.stateDir, 'heads', 'main', '1', 'weights'), 'garbage');

    const again = await TaughtRobot.start(t, rig);
    const isHead = ({ details }: { details?: { alarm?: string } }) => details?.alarm === 'head';
    const raised = await again.next(
      'event',
      (body) => body.kind === 'alarm_raised' && isHead(body),
    );
    assert.deepEqual([raised.code, raised.severity], ['HL_HEAD_LOST', 'critical']);
    const report = await again.next('training/report');
    assert.deepEqual([report.outcome, report.trigger], ['promoted', 'labels'], report.reason);
    await again.next('event', (body) => body.kind === 'alarm_cleared' && isHead(body));
    await again.servesAndGoesOn(2);
    const { data } = await again.person.command('status');
    assert.deepEqual(
      data.alarms.filter(({ alarm }: { alarm: string }) => alarm === 'head'),
      [],
    );
    assert.equal((await again.daemon.stop()).code, 0);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { HeadService } from '../../../src/agent/learning/head-service.js';
import { ShadowService } from '../../../src/agent/learning/shadow-service.js';
import { openState, type State } from '../../../src/agent/open-state.js';
import { trialMessage } from '../../../src/agent/reporting/agent-messages.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { decide } from '../../../src/gate/decide.js';
import type { GateInput, GateSettings } from '../../../src/gate/gate-input.js';
import { goldenOutputs } from '../../../src/gate/golden.js';
import { alarmAt, describeTrial, type ShadowTrial } from '../../../src/gate/shadow.js';
import type { Head } from '../../../src/head/head.js';
import { EVENT_KINDS } from '../../../src/telemetry/contract/messages.js';
import { quietScheduler } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { someCard, someHead } from '../../training/fixture.js';
import { CLI } from '../daemon.js';

const CHECKSUM = 'b'.repeat(64);
const FEATURES = 24;

/** Says crop where the first feature is set, weed where the second is; or the other way round. */
function headThat(knows: boolean): Head {
  const weights = new Float32Array(2 * FEATURES);
  weights[knows ? 0 : 1] = 5;
  weights[FEATURES + (knows ? 1 : 0)] = 5;
  return { ...someHead(1), transform: 'none', weights, bias: new Float32Array(2), temperature: 1 };
}

/** What is left of a robot's daemon without cameras and MQTT: state, heads and the shadow. */
class Robot {
  readonly switched: ShadowTrial[] = [];
  readonly state: State;
  readonly heads: HeadService;
  readonly shadow: ShadowService;
  #pictures = 0;
  #stopped = false;

  constructor(
    readonly dir: string,
    shadowLabels = 50,
  ) {
    const config = configSchema.parse({ paths: { stateDir: dir }, gate: { shadowLabels } });
    this.state = openState(config);
    this.heads = new HeadService(
      this.state.task().heads,
      () => undefined,
      () => CHECKSUM,
      { onPinned: () => undefined, onServing: () => undefined, onUnusable: () => undefined },
      silentLog(),
      quietScheduler(),
    );
    this.shadow = new ShadowService({
      registry: this.state.task().heads,
      samples: this.state.task().samples,
      heads: this.heads,
      settings: config.gate,
      repeats: quietScheduler(),
      log: silentLog(),
      onSwitched: (trial) => this.switched.push(trial),
    });
    this.#pictures = this.state.task().samples.counts().total;
  }

  static async start(t: TestContext, dir: string, shadowLabels?: number): Promise<Robot> {
    const robot = new Robot(dir, shadowLabels);
    t.after(() => robot.stop());
    await robot.heads.start();
    return robot;
  }

  async stop(): Promise<void> {
    await this.shadow.stop();
    this.heads.stop();
    if (!this.#stopped) this.state.close();
    this.#stopped = true;
  }

  /** A new version that serves from now on. */
  async promote(head: Head, groups: string[]): Promise<number> {
    const version = await this.state.task().heads.publish(head, someCard(head), groups);
    await this.heads.promote(version);
    await this.shadow.check();
    return version;
  }

  /** A new version that the gate preferred the serving one to, or refused for another reason. */
  async refuse(head: Head, groups: string[], failing = 'expected-gain'): Promise<number> {
    const answer = { label: 'crop', confidence: 0.6, probability: 0.6 };
    const worse = { label: 'weed', confidence: 0.9, probability: 0.1 };
    const input: GateInput = {
      source: 'holdout',
      note: null,
      compared: 'heads',
      samples: Array.from({ length: 20 }, (_, i) => ({
        id: `s${i}`,
        label: 'crop',
        group: `g${i}`,
        holdout: true,
        challenger: failing === 'expected-gain' && i % 2 ? worse : answer,
        champion: answer,
      })),
      champion: { version: 1, labels: [...head.labels], learnt: 10 },
      newlyLearnt: 1,
      learnt: 11,
      removed: 0,
      unknownScores: null,
      challengerLabels: [...head.labels],
      labelsWithSamples: [...head.labels],
      golden: {
        ...goldenOutputs(head, head, 1),
        ...(failing === 'reproduces' && { trained: '0'.repeat(64) }),
      },
      settings: gateSettings(),
    };
    const decision = decide(input);
    assert.deepEqual(
      decision.checks.filter(({ passed }) => !passed).map(({ name }) => name),
      [failing],
    );
    const version = await this.state
      .task()
      .heads.publish(
        head,
        { ...someCard(head), gate: decision, refused: decision.reason },
        groups,
        { schema: 3, input, decision },
      );
    await this.shadow.check();
    return version;
  }

  /** A frame that a person names; `wrongly`: by the other name. */
  label(group: string, wrongly = false): void {
    const number = this.#pictures++;
    const crop = number % 2 === 0;
    const { sample } = this.state.task().samples.admit({
      jpeg: new TextEncoder().encode(`picture ${number}`),
      label: null,
      labelSource: null,
      group,
      source: 'main',
      capturedAtMs: 1_700_000_000_000 + number,
      dhash: '0000000000000000',
    });
    const features = new Float32Array(FEATURES);
    features[crop ? 0 : 1] = 1;
    this.state
      .task()
      .samples.putFeatures([
        { sampleId: sample.id, backboneChecksum: CHECKSUM, recipe: '', view: 0, features },
      ]);
    this.state.task().samples.label(sample.id, crop !== wrongly ? 'crop' : 'weed', 'mqtt');
  }
}

function gateSettings(): GateSettings {
  const { learningExponent, gainSpread, evidenceSpread, unknownAurocMargin } = configSchema.parse(
    {},
  ).gate;
  return { learningExponent, gainSpread, evidenceSpread, unknownAurocMargin };
}

/** A function, for what it returns changes between two questions. */
function trialOf(robot: Robot): ShadowTrial | null {
  return robot.shadow.trial;
}

describe('the replaced head in the shadow', () => {
  it('does not take over while the new one is pinned, but as soon as it is free', async (t) => {
    const robot = await Robot.start(t, temporaryFolder(t));
    await robot.promote(headThat(true), ['old']);
    await robot.promote(headThat(false), ['old', 'newer']);
    await robot.heads.pin(2, 'console');
    for (let labels = 0; labels < 50; labels++) {
      robot.label(`pass-${labels}`);
      await robot.shadow.check();
    }
    assert.equal(trialOf(robot)?.outcome, 'rolled-back', 'it is decided');
    assert.equal(robot.heads.serving?.card.version, 2);
    await robot.heads.pin(null, 'console');
    await robot.shadow.check();
    assert.equal(robot.heads.serving?.card.version, 1);
    const { switches } = await robot.state.task().heads.history();
    assert.equal(switches.at(-1)?.by, 'shadow');
  });

  it('comes back within 50 labels when the new one is bad', async (t) => {
    const robot = await Robot.start(t, temporaryFolder(t));
    await robot.promote(headThat(true), ['old']);
    assert.equal(trialOf(robot), null, 'a first head replaces none');
    await robot.promote(headThat(false), ['old', 'newer']);
    assert.equal(trialOf(robot)?.previous, 1);

    let labels = 0;
    while (robot.heads.serving?.card.version === 2 && labels < 50) {
      // One label in five is wrong, and says the converse.
      robot.label(`pass-${labels >> 2}`, labels % 5 === 4);
      labels += 1;
      await robot.shadow.check();
    }
    assert.equal(robot.heads.serving?.card.version, 1, `after ${labels} labels`);
    assert.equal(await robot.state.task().heads.current(), 1);
    const [trial] = robot.switched as [ShadowTrial];
    assert.equal(robot.switched.length, 1);
    assert.equal(trial.outcome, 'rolled-back');
    assert.equal(trial.observations.length, labels);
    assert.deepEqual(await robot.state.task().heads.shadowTrial(2), trial, 'the record is kept');
    assert.equal((await robot.state.task().heads.lastSwitch())?.event, 'rolled-back');
    const event = trialMessage('main', trial);
    assert.ok(EVENT_KINDS.includes(event.kind));
    assert.match(event.message, /^head 1 serves again; rolled back to head 1: of \d+ new labels/);
    assert.deepEqual([event.details.from_version, event.details.to_version], [2, 1]);

    robot.label('afterwards');
    await robot.shadow.check();
    assert.equal(trialOf(robot), null, 'going back begins no trial');

    const { status, stdout } = spawnSync(
      process.execPath,
      [CLI, 'models', 'why', '2', '--state', robot.dir],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0);
    assert.match(stdout, /rolled back to head 1: of \d+ new labels, head 2 alone was right on \d+/);
  });

  it('goes when the new one has passed its trial', async (t) => {
    const robot = await Robot.start(t, temporaryFolder(t), 12);
    await robot.promote(headThat(false), ['old']);
    await robot.promote(headThat(true), ['old']);
    for (let i = 0; i < 30; i++) robot.label(`pass-${i}`);
    await robot.shadow.check();
    assert.equal(robot.shadow.trial?.outcome, 'passed');
    assert.equal(robot.shadow.trial.observations.length, 12);
    assert.equal(robot.heads.serving?.card.version, 2);
  });

  it('is held only against samples that neither has learnt, each once', async (t) => {
    const robot = await Robot.start(t, temporaryFolder(t));
    await robot.promote(headThat(true), ['old']);
    await robot.promote(headThat(false), ['newer']);
    for (const group of ['old', 'newer', 'neither']) robot.label(group);
    await robot.shadow.check();
    const [sample] = robot.state.task().samples.list({ order: 'newest', limit: 1 });
    robot.state.task().samples.label(sample!.id, 'stone', 'cli');
    await robot.shadow.check();
    assert.deepEqual(
      robot.shadow.trial?.observations.map(({ sampleId, group }) => [sampleId, group]),
      [[sample!.id, 'neither']],
    );
  });

  it('serves although the gate refused it when new labels favour it', async (t) => {
    const dir = temporaryFolder(t);
    const before = await Robot.start(t, dir);
    await before.promote(headThat(false), ['old']);
    const version = await before.refuse(headThat(true), ['old', 'newer']);
    before.label('newer');
    before.label('pass-0');
    await before.shadow.check();
    assert.deepEqual(
      before.shadow.candidate?.observations.map(({ group }) => group),
      ['pass-0'],
    );
    assert.match(
      describeTrial(before.shadow.candidate),
      /^in the shadow until 50 labels: of 1 new/,
    );
    await before.stop();

    const after = await Robot.start(t, dir);
    let labels = 0;
    while (after.heads.serving?.card.version === 1 && labels < 50) {
      after.label(`later-${labels}`, labels % 5 === 4);
      labels += 1;
      await after.shadow.check();
    }
    assert.equal(after.heads.serving?.card.version, version, `after ${labels} labels`);
    const [trial] = after.switched as [ShadowTrial];
    assert.deepEqual([trial.outcome, trial.observations.length], ['promoted', labels + 1]);
    assert.match(
      trialMessage('main', trial).message,
      /^head 2 serves now; proved better than head 1/,
    );
    assert.equal((await after.state.task().heads.lastSwitch())?.event, 'promoted');
    await after.shadow.check();
    assert.equal(after.shadow.trial?.role, 'serving', 'now it is on trial itself');
    assert.equal(after.shadow.candidate, null);
  });

  it('does not serve when new labels do not favour it, and a newer one takes its place', async (t) => {
    const robot = await Robot.start(t, temporaryFolder(t), 12);
    await robot.promote(headThat(true), ['old']);
    await robot.refuse(headThat(false), ['old']);
    for (let i = 0; i < 12; i++) robot.label(`pass-${i}`);
    await robot.shadow.check();
    assert.equal(robot.shadow.candidate?.outcome, 'passed');
    assert.equal(robot.heads.serving?.card.version, 1);
    const newer = await robot.refuse(headThat(false), ['old', 'pass-0']);
    assert.equal(robot.shadow.candidate?.version, newer);
    assert.equal(robot.shadow.candidate.observations.length, 0);
    await robot.refuse(headThat(false), ['old'], 'reproduces');
    assert.equal(robot.shadow.candidate, null, 'a damaged head is no candidate');
  });

  it('has to outweigh what the gate was sure of', () => {
    const settings = { trialAlarm: 5, rollbackAlarm: 20 };
    const check = (mean: number) => ({
      name: 'expected-gain',
      passed: true,
      detail: '',
      values: { mean, deviation: 0.02 },
    });
    const at = (mean: number): number => alarmAt([check(mean)], settings);
    assert.equal(at(0.001), 5);
    assert.ok(Math.abs(at(0.02) - Math.exp(1.702)) < 1e-9);
    assert.equal(at(0.02), at(-0.02));
    assert.equal(at(0.2), 20);
    assert.equal(alarmAt([], settings), 20, 'a person decided');
  });

  it('is remembered over a restart, with what came meanwhile', async (t) => {
    const dir = temporaryFolder(t);
    const before = await Robot.start(t, dir);
    await before.promote(headThat(true), ['old']);
    await before.promote(headThat(false), ['old']);
    before.label('pass-0');
    await before.shadow.check();
    assert.equal(before.shadow.trial?.observations.length, 1);
    before.label('pass-1');
    await before.stop();

    const after = await Robot.start(t, dir);
    assert.equal(after.heads.serving?.card.version, 2);
    await after.shadow.check();
    assert.equal(after.shadow.trial?.observations.length, 2, 'labels of the meantime count');
    after.label('pass-2');
    await after.shadow.check();
    assert.equal(
      after.heads.serving?.card.version,
      1,
      'three clear losses in a row are odds of more than 10',
    );
  });

  it('does not come when it is gone or when nobody wants it', async (t) => {
    const dir = temporaryFolder(t);
    const robot = await Robot.start(t, dir, 0);
    robot.shadow.start();
    await robot.promote(headThat(true), ['old']);
    const second = await robot.state
      .task()
      .heads.publish(headThat(false), someCard(headThat(false)), []);
    rmSync(join(dir, 'heads', 'main', '1', 'weights'));
    await robot.heads.promote(second);
    await robot.shadow.check();
    assert.equal(robot.shadow.trial, null);
    for (let i = 0; i < 10; i++) robot.label(`pass-${i}`);
    await robot.shadow.check();
    assert.equal(robot.heads.serving?.card.version, 2);
  });
});

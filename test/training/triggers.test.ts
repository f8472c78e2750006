import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import type { TrainingTrigger } from '../../src/training/report.js';
import { decideOnLabels, TrainingTriggers } from '../../src/training/triggers.js';
import { type LogLine, type Recorder, recordedLog } from '../recorder.js';

class Bench {
  revision = 0;
  paused = false;
  training = false;
  /** What the serving head knows; null: none serves. */
  known: string[] | null = ['crop', 'weed'];
  classes: { label: string; training: number }[] = [];
  remembered: number | null = null;
  /** Another task trains. */
  others = false;
  started: TrainingTrigger[] = [];
  readonly lines: Recorder<LogLine>;
  readonly triggers: TrainingTriggers;

  constructor(settings: { everyNewLabels?: number; cron?: string; minLabels?: number } = {}) {
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.triggers = new TrainingTriggers({
      settings: {
        everyNewLabels: settings.everyNewLabels ?? 5,
        cron: settings.cron ?? null,
        minLabels: settings.minLabels ?? 3,
      },
      memory: {
        get: () => this.remembered,
        set: (revision) => {
          this.remembered = revision;
        },
      },
      labelRevision: () => this.revision,
      labelCountSince: (revision) => Math.max(0, this.revision - revision),
      labels: () => this.classes.map(({ label }) => label),
      trainingCount: (label) => this.classes.find((each) => each.label === label)!.training,
      labelledCount: () => this.revision,
      knownLabels: () => this.known,
      isPaused: () => this.paused,
      isTraining: () => this.training,
      othersTrain: () => this.others,
      start: (trigger) => {
        this.started.push(trigger);
        this.training = true;
        this.triggers.trainingStarted();
      },
      log,
    });
  }

  label(n: number): void {
    for (let i = 0; i < n; i++) {
      this.revision += 1;
      this.triggers.labelsChanged();
    }
  }

  end(): void {
    this.training = false;
    this.triggers.trainingEnded();
    this.triggers.labelsChanged();
  }
}

describe('new labels as a trigger', () => {
  it('trains every N labels, also those that come during a training', () => {
    const bench = new Bench();
    bench.label(4);
    assert.deepEqual(bench.started, []);
    bench.label(1);
    assert.deepEqual(bench.started, ['labels']);
    bench.label(3);
    bench.end();
    assert.equal(bench.started.length, 1);
    bench.label(2);
    assert.equal(bench.started.length, 2);
    bench.label(7);
    bench.end();
    assert.equal(bench.started.length, 3, 'seven labels came while it trained');
  });

  it('trains for the first time at ten labels, then every N', () => {
    const bench = new Bench({ everyNewLabels: 20 });
    bench.known = null;
    bench.label(9);
    assert.deepEqual(bench.started, []);
    bench.label(1);
    assert.equal(bench.started.length, 1);
    bench.known = ['crop', 'weed'];
    bench.end();
    bench.label(19);
    assert.equal(bench.started.length, 1);
    bench.label(1);
    assert.equal(bench.started.length, 2);
  });

  it('trains once for each step of a class that the head does not know', () => {
    const bench = new Bench({ everyNewLabels: 100, minLabels: 1 });
    const stones = (training: number): void => {
      bench.classes = [
        { label: 'crop', training: 40 },
        { label: 'stone', training },
      ];
      bench.label(1);
    };
    stones(1);
    assert.equal(bench.started.length, 0);
    stones(2);
    assert.equal(bench.started.length, 1);
    bench.end();
    stones(3);
    stones(4);
    assert.equal(bench.started.length, 1, 'no training after the other while the gate refuses it');
    stones(5);
    assert.equal(bench.started.length, 2);
    bench.known = ['crop', 'stone', 'weed'];
    bench.end();
    stones(10);
    assert.equal(bench.started.length, 2, 'it is known now');
    bench.known = ['crop', 'weed'];
    stones(11);
    assert.equal(bench.started.length, 3, 'a rollback forgot it');
  });

  it('does not train by labels at all when it is to train every 0', () => {
    const bench = new Bench({ everyNewLabels: 0 });
    bench.label(100);
    bench.known = null;
    bench.label(100);
    assert.deepEqual(bench.started, []);
  });

  it('does not train while paused, and makes up for it', () => {
    const bench = new Bench();
    bench.paused = true;
    bench.label(9);
    assert.deepEqual(bench.started, []);
    bench.paused = false;
    bench.triggers.labelsChanged();
    assert.deepEqual(bench.started, ['labels']);
  });

  it('says once that there are too few labels, and trains when there are enough', () => {
    const bench = new Bench({ everyNewLabels: 2, minLabels: 6 });
    bench.label(5);
    assert.equal(bench.lines.all.length, 1);
    assert.deepEqual(bench.started, []);
    bench.label(1);
    assert.deepEqual(bench.started, ['labels']);
  });

  it('does not start a failed training again with the next label', () => {
    const bench = new Bench();
    bench.label(5);
    bench.end();
    bench.label(4);
    assert.equal(bench.started.length, 1);
  });

  it('remembers across a restart what was trained, but not what a power cut ended', () => {
    const bench = new Bench();
    bench.label(5);
    const restarted = new Bench();
    restarted.revision = bench.revision;
    restarted.remembered = bench.remembered;
    restarted.triggers.start();
    assert.deepEqual(restarted.started, ['labels']);
    restarted.end();
    const again = new Bench();
    again.revision = restarted.revision;
    again.remembered = restarted.remembered;
    again.triggers.start();
    assert.deepEqual(again.started, []);
  });

  it('counts from nothing when the store is older than what was remembered', () => {
    const bench = new Bench();
    bench.remembered = 1_000;
    bench.revision = 10;
    bench.triggers.start();
    assert.equal(bench.triggers.newLabels(), 0);
    bench.label(4);
    assert.deepEqual(bench.started, []);
    bench.label(1);
    assert.deepEqual(bench.started, ['labels']);
  });

  it('never trains when it may not, whatever the numbers', () => {
    fc.assert(
      fc.property(
        fc.record({
          newLabels: fc.nat(100),
          enoughLabels: fc.boolean(),
          everyNewLabels: fc.nat(50),
          paused: fc.boolean(),
          training: fc.boolean(),
          headServes: fc.boolean(),
          newClass: fc.boolean(),
          headLost: fc.boolean(),
        }),
        (s) => {
          const decision = decideOnLabels(s);
          const enough = s.headServes ? s.everyNewLabels : Math.min(10, s.everyNewLabels);
          const due =
            s.everyNewLabels > 0 &&
            (s.newLabels >= enough || (s.newClass && s.newLabels > 0) || s.headLost);
          if (s.paused || s.training || !due) assert.equal(decision, 'wait');
          else assert.equal(decision, s.enoughLabels ? 'train' : 'too-few');
        },
      ),
    );
  });
});

describe('a head that is lost', () => {
  it('has its labels learnt again, once', () => {
    const bench = new Bench({ everyNewLabels: 50 });
    bench.revision = 6;
    bench.remembered = 6;
    bench.known = null;
    bench.triggers.start();
    assert.deepEqual(bench.started, []);
    bench.triggers.headLost(4);
    assert.equal(bench.triggers.newLabels(), 2);
    bench.triggers.labelsChanged();
    assert.deepEqual(bench.started, ['labels']);
    bench.training = false;
    bench.triggers.trainingEnded();
    bench.triggers.labelsChanged();
    assert.deepEqual(bench.started, ['labels']);
    bench.triggers.stop();
  });

  it('is not learnt again by itself where trainings by labels are off', () => {
    const bench = new Bench({ everyNewLabels: 0 });
    bench.revision = 6;
    bench.triggers.headLost(0);
    bench.triggers.start();
    assert.deepEqual(bench.started, []);
    bench.triggers.stop();
  });
});

describe('the clock as a trigger', () => {
  it('trains when the second comes, and not while training', async () => {
    const bench = new Bench({ everyNewLabels: 0, cron: '* * * * * *' });
    bench.triggers.start();
    try {
      await bench.lines.until(({ msg }) => msg.includes('cannot start now'));
      assert.deepEqual(bench.started, ['cron']);
    } finally {
      bench.triggers.stop();
    }
  });

  it('waits for the training of another task, and then starts once', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2026, 0, 1, 2, 59, 59) });
    const bench = new Bench({ everyNewLabels: 0, cron: '0 3 * * *' });
    bench.triggers.start();
    bench.others = true;
    t.mock.timers.tick(2_000);
    assert.deepEqual(bench.started, []);
    bench.triggers.labelsChanged();
    assert.deepEqual(bench.started, [], 'not while it trains');
    bench.others = false;
    bench.triggers.labelsChanged();
    bench.end();
    bench.triggers.labelsChanged();
    assert.deepEqual(bench.started, ['cron']);
    bench.triggers.stop();
  });

  it('reads the expression in UTC', () => {
    const bench = new Bench({ cron: '30 3 * * *' });
    bench.triggers.start();
    const next = bench.triggers.nextByClock();
    bench.triggers.stop();
    assert.equal(next?.getUTCHours(), 3);
    assert.equal(next?.getUTCMinutes(), 30);
  });

  it('names the expression it cannot read', () => {
    const bench = new Bench({ cron: 'every night' });
    assert.throws(
      () => bench.triggers.start(),
      (error) =>
        isHeadlandError(error, 'HL_TRAINING_CRON_INVALID') && /every night/.test(error.message),
    );
  });
});

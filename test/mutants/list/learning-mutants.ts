import type { Mutant } from '../mutant.js';

const REGISTRY = 'src/registry/registry.ts';
const VERSIONS = 'src/registry/version-directory.ts';
const POINTER_TESTS = [{ file: 'test/registry/pointer.test.ts' }];
const HISTORY_TESTS = [{ file: 'test/registry/history.test.ts' }];
const TRIGGERS = 'src/training/triggers.ts';
const TRIGGERS_TESTS = [
  { file: 'test/training/triggers.test.ts', names: 'new labels as a trigger' },
];
const TRAINER = 'src/training/trainer.ts';
const TRAINER_TESTS = 'test/training/trainer.test.ts';

export const LEARNING_MUTANTS: readonly Mutant[] = [
  {
    promise: 'labels of other tasks do not count towards a training',
    file: 'src/samples/counting/changed-labels.ts',
    text: 'WHERE task = ?1 AND revision > ?2 AND renamed = 0 GROUP BY sample_id',
    replacement: 'WHERE revision > ?2 AND renamed = 0 GROUP BY sample_id',
    tests: [{ file: 'test/samples/tasks.test.ts' }],
  },
  {
    promise: 'a task that is always due lets the others train',
    file: 'src/agent/learning/training-service.ts',
    text: 'if (!this.#stopped) this.#count(report);',
    replacement: 'if (!this.#stopped) { this.#count(report); this.#startIfDue(report); }',
    tests: [{ file: 'test/agent/learning/training-service.test.ts', names: 'that has waited' }],
  },
  {
    promise: 'the pointer to the serving head is replaced whole and outlives a power cut',
    file: 'src/registry/pointer.ts',
    text: 'await writeFileDurably(path, `${version}\\n`);',
    replacement: "await (await import('node:fs/promises')).writeFile(path, `${version}\\n`);",
    tests: POINTER_TESTS,
  },
  {
    promise: 'that no head serves any more outlives a power cut',
    file: 'src/registry/pointer.ts',
    text: 'await syncDirectory(this.#dir);',
    replacement: '',
    tests: POINTER_TESTS,
  },
  {
    promise: 'a switch of heads is in the history when it has returned',
    file: 'src/registry/history.ts',
    text: 'return appendLineDurably(path, JSON.stringify(record), 0o644);',
    replacement:
      'void appendLineDurably(path, JSON.stringify(record), 0o644);\n  return Promise.resolve();',
    tests: POINTER_TESTS,
  },
  {
    promise: 'two rollbacks go two versions back',
    file: 'src/registry/history.ts',
    text: 'stack.length = stack.lastIndexOf(version) + 1',
    replacement: 'stack.push(version)',
    tests: HISTORY_TESTS,
  },
  {
    promise: 'a rollback never goes to the head that serves',
    file: REGISTRY,
    text: 'stack.filter((v) => v !== current)',
    replacement: 'stack',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'rolls back step by step' }],
  },
  {
    promise: 'a rollback moves the pointer',
    file: REGISTRY,
    text: "await this.#move(stored.card.version, 'rolled-back', by);",
    replacement: '',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'rolls back step by step' }],
  },
  {
    promise: 'a promotion that could not be put to work is taken back',
    file: 'src/agent/learning/head-service.ts',
    text: 'await this.#withdraw(before, pinned);',
    replacement: '',
    tests: [{ file: 'test/agent/learning/head-service.test.ts', names: 'is taken back' }],
  },
  {
    promise: 'a head of another backbone does not serve',
    file: 'src/agent/learning/head-service.ts',
    text: 'head.backboneChecksum === running',
    replacement: "head.backboneChecksum !== ''",
    tests: [{ file: 'test/agent/learning/head-service.test.ts', names: 'fits the backbone' }],
  },
  {
    promise: 'a refused head is never fallen back to',
    file: REGISTRY,
    text: 'if (card?.gate.promote) passed.push(version);',
    replacement: 'if (card) passed.push(version);',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'never falls back' }],
  },
  {
    promise: 'a version number is never given out again',
    file: REGISTRY,
    text: 'Math.max(0, ...valid, ...corrupt,',
    replacement: 'Math.max(0, ...valid,',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'gives a number out again' }],
  },
  {
    promise: 'a version is never read with the weights of another',
    file: VERSIONS,
    text: 'sha256Hex(weights) !== card.weightsSha256',
    replacement: "card.weightsSha256 === ''",
    tests: [{ file: 'test/registry/registry.test.ts', names: 'those of another version' }],
  },
  {
    promise: 'a flipped byte in the list of training groups is noticed',
    file: VERSIONS,
    text: 'sha256Hex(groups) !== card.trainingGroupsSha256',
    replacement: "card.trainingGroupsSha256 === ''",
    tests: [{ file: 'test/registry/registry.test.ts', names: 'every flipped byte' }],
  },
  {
    promise: 'the serving head is never removed',
    file: VERSIONS,
    text: 'const kept = new Set([\n    current,',
    replacement: 'const kept = new Set([',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'however old' }],
  },
  {
    promise: 'as many versions are kept as the setting says',
    file: VERSIONS,
    text: 'formerly.slice(-(keep - 1))',
    replacement: 'formerly.slice(-keep)',
    tests: [{ file: 'test/registry/registry.test.ts', names: 'keeps the last that served' }],
  },
  {
    promise: 'new labels start a training from their bound on',
    file: TRIGGERS,
    text: 'newLabels < enough &&',
    replacement: 'newLabels <= enough &&',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'zero switches training by labels off',
    file: TRIGGERS,
    text: 'everyNewLabels === 0 || paused || training',
    replacement: 'paused || training',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'no training starts while training is paused',
    file: TRIGGERS,
    text: 'everyNewLabels === 0 || paused || training',
    replacement: 'everyNewLabels === 0 || training',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'the first head comes with ten labels',
    file: TRIGGERS,
    text: 'const FIRST_LABELS = 10;',
    replacement: 'const FIRST_LABELS = 11;',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'a class that the head does not know starts a training at its steps',
    file: TRIGGERS,
    text: 'const NEW_CLASS_LABELS = [2, 5, 10];',
    replacement: 'const NEW_CLASS_LABELS = [3, 5, 10];',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'a training that a power cut ended is due again',
    file: TRIGGERS,
    text: 'this.#revisionAtStart = this.#options.labelRevision();',
    replacement:
      'this.#revisionAtStart = this.#options.labelRevision();\n    this.#options.memory.set(this.#revisionAtStart);',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'labels that came during a training are not forgotten',
    file: TRIGGERS,
    text: 'this.#options.memory.set(this.#revisionAtStart);',
    replacement: 'this.#options.memory.set(this.#options.labelRevision());',
    tests: TRIGGERS_TESTS,
  },
  {
    promise: 'the clock that starts trainings is that of UTC',
    file: TRIGGERS,
    text: "timezone: 'UTC'",
    replacement: "timezone: 'Asia/Kolkata'",
    tests: [{ file: 'test/training/triggers.test.ts', names: 'expression in UTC' }],
  },
  {
    promise: 'one training runs at a time',
    file: TRAINER,
    text: 'if (this.#run) {\n      throw',
    replacement: "if (this.#run && options.trigger === 'cron') {\n      throw",
    tests: [{ file: TRAINER_TESTS, names: 'one training at a time' }],
  },
  {
    promise: 'a head is not promoted over one that it was not compared with',
    file: TRAINER,
    text: 'current !== result.championVersion',
    replacement: 'current === -1',
    tests: [{ file: TRAINER_TESTS, names: 'was not compared with' }],
  },
  {
    promise: 'a cancelled training promotes nothing',
    file: TRAINER,
    text: 'if (run.cancelled) job.stop();',
    replacement: '',
    tests: [{ file: TRAINER_TESTS, names: 'hardly begun' }],
  },
  {
    promise: 'a training that does not listen is killed',
    file: 'src/training/job/job-process.ts',
    text: 'void endChild(child, KILL_AFTER_MS)',
    replacement: "void child.kill('SIGTERM')",
    tests: [{ file: TRAINER_TESTS, names: 'does not listen' }],
  },
  {
    promise: 'a training ends after its time',
    file: 'src/training/job/job-process.ts',
    text: 'void endChild(child, 0);',
    replacement: '',
    tests: [{ file: TRAINER_TESTS, names: 'takes too long' }],
  },
  {
    promise: 'a paused training does nothing',
    file: 'src/training/job/pause-gate.ts',
    text: 'while (this.#opened) await this.#opened;',
    replacement: '',
    tests: [{ file: TRAINER_TESTS, names: 'does nothing meanwhile' }],
  },
  {
    promise: 'a pause does not count against the time limit of a training',
    file: 'src/training/job/job-process.ts',
    text: "timeLimit.stop();\n      send(child, { type: 'pause' });",
    replacement: "send(child, { type: 'pause' });",
    tests: [{ file: TRAINER_TESTS, names: 'does not run out of time' }],
  },
  {
    promise: 'a training runs at its niceness, with every thread',
    file: 'src/training/job/low-priority.ts',
    text: '=== wanted ? command : []',
    replacement: '[]',
    tests: [{ file: TRAINER_TESTS, names: 'niceness with every thread' }],
  },
  {
    promise: 'no secret of the daemon reaches a training',
    file: 'src/training/job/job-process.ts',
    text: 'filter(([name]) => wanted(name))',
    replacement: "filter(([name]) => wanted(name) || name.includes('_'))",
    tests: [{ file: TRAINER_TESTS, names: 'clean environment' }],
  },
  {
    promise: 'no training starts on a hot board',
    file: 'src/agent/care/sparing.ts',
    text: 'temperatureC < trainBelowC',
    replacement: 'temperatureC < 2 * trainBelowC',
    tests: [{ file: 'test/agent/care/sparing.test.ts' }],
  },
  {
    promise: 'the less the gate was sure, the sooner labels overrule it',
    file: 'src/gate/shadow.ts',
    text: 'Math.exp((LOGISTIC_SCALE * Math.abs(mean)) / deviation)',
    replacement: 'Math.exp((LOGISTIC_SCALE * mean) / deviation)',
    tests: [
      { file: 'test/agent/learning/shadow-service.test.ts', names: 'what the gate was sure of' },
    ],
  },
  {
    promise: 'the alarm of a trial is never above its bound',
    file: 'src/gate/shadow.ts',
    text: 'Math.min(odds, rollbackAlarm)',
    replacement: 'odds',
    tests: [
      { file: 'test/agent/learning/shadow-service.test.ts', names: 'what the gate was sure of' },
    ],
  },
  {
    promise: 'the newest frame of a camera takes the place of one that waits',
    file: 'src/perception/perception.ts',
    text: 'this.#waiting.delete(eye);\n      replaced',
    replacement:
      'if (this.#waiting.size > 0) return Promise.resolve(replaced.settled());\n      replaced',
    tests: [{ file: 'test/perception/perception.test.ts', names: 'takes the place' }],
  },
  {
    promise: 'no frame is begun beyond the limit of the rate',
    file: 'src/perception/pace.ts',
    text: 'return Math.max(0, limitedMs, overlapMs);',
    replacement: 'return Math.max(0, overlapMs);',
    tests: [{ file: 'test/perception/pace.test.ts' }],
  },
];

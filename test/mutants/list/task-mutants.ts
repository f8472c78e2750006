import type { Mutant } from '../mutant.js';

const samples = (names: string) => [{ file: 'test/samples/tasks.test.ts', names }];
const folders = (names: string) => [
  { file: 'test/samples/folder/tasks/import-tasks.test.ts', names },
];
const commands = (names: string) => [{ file: 'test/cli/tasks.test.ts', names }];
const oldState = (names: string) => [{ file: 'test/agent/old-state.test.ts', names }];
const robot = (names: string) => [{ file: 'test/agent/tasks.test.ts', names }];
const broker = (names: string) => [{ file: 'test/telemetry/client.test.ts', names }];

export const TASK_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a label for one task changes no label of another',
    file: 'src/samples/editing/label-writer.ts',
    text: 'WHERE task = ? AND sample_id = ?`,\n      )\n      .run(mark.label, mark.labelSource, mark.labelledAtMs, mark.excluded, this.task, id)',
    replacement:
      'WHERE sample_id = ?`,\n      )\n      .run(mark.label, mark.labelSource, mark.labelledAtMs, mark.excluded, id)',
    tests: samples('is stored once'),
  },
  {
    promise: 'a label for one task is no news for another',
    file: 'src/samples/store.ts',
    text: "'SELECT coalesce(max(revision), 0) AS revision FROM label_history WHERE task = ?',",
    replacement:
      "'SELECT coalesce(max(revision), 0) AS revision FROM label_history WHERE ? IS NOT NULL',",
    tests: samples('is stored once'),
  },
  {
    promise: 'the holdout of one task is not that of another',
    file: 'src/samples/holdout.ts',
    text: ".prepare<Side>('SELECT holdout, open, kept FROM task_groups WHERE task = ? AND name = ?')\n    .get(task, group);",
    replacement:
      ".prepare<Side>('SELECT holdout, open, kept FROM task_groups WHERE ? IS NOT NULL AND name = ? ORDER BY open')\n    .get(task, group);",
    tests: samples('never sees or changes'),
  },
  {
    promise: 'a task that is left out where there are several is not taken for the first',
    file: 'src/agent/open-state.ts',
    text: 'if (tasks.length === 1) return tasks[0];',
    replacement: 'return tasks[0];',
    tests: robot('learn, decide, roll back'),
  },
  {
    promise: 'each task has a folder of heads of its own',
    file: 'src/registry/heads-folder.ts',
    text: 'return task === DEFAULT_TASK && !moved ? heads : join(heads, task);',
    replacement: 'return task === DEFAULT_TASK && !moved ? heads : join(heads, DEFAULT_TASK);',
    tests: robot('learn, decide, roll back'),
  },
  {
    promise: 'heads of a headland without tasks move to those of the task `main`',
    file: 'src/registry/heads-folder.ts',
    text: 'if (isUntasked(heads)) renameSync(heads, moving);',
    replacement: '',
    tests: oldState('move to the folder of the task'),
  },
  {
    promise: 'a move of heads that a power cut interrupted is finished',
    file: 'src/registry/heads-folder.ts',
    text: 'if (!existsSync(moving)) return true;',
    replacement: 'if (!existsSync(moving) || !existsSync(heads)) return true;',
    tests: oldState('after a power cut'),
  },
  {
    promise: 'an alert rule watches its task only',
    file: 'src/alerts/rules.ts',
    text: 'rule.task === null || rule.task === task',
    replacement: 'rule.task === null || task !== null',
    tests: robot('decide on their own cameras'),
  },
  {
    promise: 'the topics of a robot without named tasks have no task in them',
    file: 'src/telemetry/telemetry-client.ts',
    text: 'this.#options.namedTasks && task !== undefined',
    replacement: 'task !== undefined',
    tests: oldState('opens, keeps its head serving'),
  },
  {
    promise: 'the retained model from before tasks were named is withdrawn',
    file: 'src/telemetry/telemetry-client.ts',
    text: 'if (options.namedTasks) this.#withdrawUnnamedModel();',
    replacement: '',
    tests: broker('the model from before them is withdrawn'),
  },
  {
    promise: 'a table gives each label in its task',
    file: 'src/samples/folder/annotations/records.ts',
    text: 'label: columnOf(task) ?? null,',
    replacement: "label: columnOf(tasks[0] ?? '') ?? null,",
    tests: folders('each label in its task'),
  },
  {
    promise: 'a picture of several tasks counts once, however many tasks it is imported for',
    file: 'src/samples/folder/import-read.ts',
    text: 'const known = this.store.findStored(sha256);\n    const restored',
    replacement: 'const known = this.store.findPicture(sha256);\n    const restored',
    tests: folders('each label in its task'),
  },
  {
    promise: 'a picture with a label for another task is not reported as left out',
    file: 'src/samples/folder/annotations/labelled-parts.ts',
    text: 'whole.length + boxes.length === 0 && !elsewhere',
    replacement: 'whole.length + boxes.length === 0',
    tests: folders('each label in its task'),
  },
  {
    promise: 'a group that a table names for the test part never joins training',
    file: 'src/samples/folder/kept-out.ts',
    text: 'if (picture.keptOut && picture.group !== null) {',
    replacement: 'if (picture.keptOut && picture.group === null) {',
    tests: folders('names the groups'),
  },
  {
    promise: 'columns that are read for no task are named',
    file: 'src/samples/folder/annotations/records.ts',
    text: 'if (unread.length > 0) messages.push(notOfTasks(unread, tasks));',
    replacement: '',
    tests: folders('names columns'),
  },
  {
    promise: 'labels that name no task are not imported for the first one',
    file: 'src/samples/folder/tasks/import-tasks.ts',
    text: 'if (tasks.size > 0) return [...tasks];',
    replacement: 'if (tasks.size >= 0) return names.slice(0, 1);',
    tests: folders('is refused when no column'),
  },
  {
    promise: 'an import groups new pictures with those that other tasks stored',
    file: 'src/samples/folder/import-folder.ts',
    text: 'for (const task of new Set([store.task, ...store.tasks()])) {',
    replacement: 'for (const task of [store.task]) {',
    tests: folders('in the same moment'),
  },
  {
    promise: 'the holdout of a further task comes back from an export',
    file: 'src/samples/store.ts',
    text: 'this.decideSide(known.group, normalised, isNew ? restored : {});',
    replacement: 'this.decideSide(known.group, normalised, {});',
    tests: folders('comes back whole'),
  },
  {
    promise: 'the time of a label of a further task comes back from an export',
    file: 'src/samples/store.ts',
    text: 'this.writeLabel(id, normalised, labelSource!, restored.labelledAtMs ?? this.now());',
    replacement: 'this.writeLabel(id, normalised, labelSource!, this.now());',
    tests: folders('comes back whole'),
  },
  {
    promise: 'an export of tasks that the robot does not have is refused before anything is stored',
    file: 'src/samples/folder/tasks/import-tasks.ts',
    text: 'if (chosen === null && unknown.length === 0) return listed;',
    replacement: 'if (chosen === null) return listed;',
    tests: folders('refused for tasks'),
  },
  {
    promise: 'an 8-bit backbone that one task loses too much by is refused',
    file: 'src/evaluation/backbone/quantize-run.ts',
    text: '.sort((a, b) => excess(b) - excess(a))',
    replacement: '.sort((a, b) => excess(a) - excess(b))',
    tests: [{ file: 'test/evaluation/quantize.test.ts', names: 'the task that loses most' }],
  },
  {
    promise: 'the audit of a robot without named tasks does not mention one',
    file: 'src/cli/audit-command.ts',
    text: 'config.tasks.length > 0 ? detail : { ...detail, task: undefined }',
    replacement: 'detail',
    tests: commands('no output mentions tasks'),
  },
];

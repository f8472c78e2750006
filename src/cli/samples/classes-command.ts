import { Command } from 'commander';
import type { ClassOutcome, Operations } from '../../agent/operations.js';
import { printJson, printLine, printNote, table } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';
import { openedState, operationsOn } from './opened-state.js';

interface ClassOptions extends TaskOptions {
  json?: boolean;
}

const BY = { source: 'cli' } as const;
/** Changes that `list` shows. */
const LISTED_CHANGES = 10;

/** Lists the classes of a task and changes whole classes. A running daemon follows within seconds. */
export function classesCommand(): Command {
  return new Command('classes')
    .addCommand(listCommand())
    .addCommand(
      changeCommand(
        new Command('rename')
          .description('give a class another name')
          .argument('<from>', 'name of the class')
          .argument('<to>', 'new name'),
        (operations, [from, to], task) => operations.renameClass(from, to, BY, task),
      ),
    )
    .addCommand(
      changeCommand(
        new Command('merge')
          .description('make the samples of a class those of another class')
          .argument('<from>', 'class that ends')
          .argument('<into>', 'class that stays'),
        (operations, [from, into], task) => operations.mergeClass(from, into, BY, task),
      ),
    )
    .addCommand(
      changeCommand(
        new Command('ignore')
          .description('neither learn from the samples of a class nor ask about them')
          .argument('<label>', 'name of the class'),
        (operations, [label], task) => operations.ignoreClass(label, BY, task),
      ),
    )
    .addCommand(undoCommand());
}

function listCommand(): Command {
  return withTaskOptions(new Command('list').description('list the classes and their changes'))
    .option('--json', 'print one JSON object')
    .action(async (options: ClassOptions) => {
      const state = await openedState(options);
      try {
        const { samples } = state.task(options.task);
        const { classes, waiting, excluded, trash } = samples.counts();
        const changes = samples.classChanges(LISTED_CHANGES);
        if (options.json) return printJson({ classes, waiting, excluded, trash, changes });
        if (classes.length === 0) printLine('no sample has a label yet');
        else {
          printLine('class, samples for training, samples of the holdout:');
          printLine(
            table(
              classes.map(({ label, training, holdout }) => [
                label,
                String(training),
                String(holdout),
              ]),
            ),
          );
        }
        printLine(`${waiting} waiting, ${excluded} excluded, ${trash} in the trash`);
        if (changes.length === 0) return;
        printLine('changes, newest first; `headland classes undo NUMBER` takes one back:');
        printLine(
          table(
            changes.map(({ id, kind, from, to, samples: count, undone }) => [
              String(id),
              kind,
              to === null ? from : `${from} -> ${to}`,
              `${count} samples${undone ? ' (undone)' : ''}`,
            ]),
          ),
        );
      } finally {
        state.close();
      }
    });
}

function changeCommand(
  command: Command,
  work: (
    operations: Operations,
    names: [string, string],
    task: string | undefined,
  ) => Promise<ClassOutcome>,
): Command {
  return withTaskOptions(command)
    .option('--json', 'print one JSON object')
    .action(async (...given: unknown[]) => {
      const { args } = given.at(-1) as Command;
      const options = given.at(-2) as ClassOptions;
      const state = await openedState(options);
      try {
        const operations = await operationsOn(state);
        const names: [string, string] = [args[0] ?? '', args[1] ?? ''];
        const outcome = await work(operations, names, options.task);
        if (options.json) printJson(outcome);
        else print(outcome);
      } finally {
        state.close();
      }
    });
}

function undoCommand(): Command {
  return withTaskOptions(
    new Command('undo')
      .description('take a change of a class back')
      .argument(
        '<number>',
        'number of the change in `headland classes list`',
        parseWhole(1, Number.MAX_SAFE_INTEGER),
      ),
  )
    .option('--json', 'print one JSON object')
    .action(async (id: number, options: ClassOptions) => {
      const state = await openedState(options);
      try {
        const operations = await operationsOn(state);
        const undone = await operations.undo(`class-${id}`, BY, options.task);
        if (options.json) printJson(undone);
        else printLine(`undone: ${undone.changed} samples`);
      } finally {
        state.close();
      }
    });
}

function print({ change, rules }: ClassOutcome): void {
  const { id, kind, from, to, samples } = change;
  const what = kind === 'ignore' ? `"${from}" is ignored` : `"${from}" is now "${to}"`;
  printLine(`${what}: ${samples} samples; to undo: headland classes undo ${id}`);
  if (rules.length > 0) {
    printNote(`alert rules that still name "${from}" and will not rise: ${rules.join(', ')}`);
  }
}

import { Command } from 'commander';
import { openState } from '../agent/open-state.js';
import { type GateRecord, type Recomputed, recompute } from '../gate/gate-record.js';
import { describeTrial, type ShadowTrial, tally } from '../gate/shadow.js';
import { verdictOf } from '../gate/verdict.js';
import type { HeadCard } from '../registry/head-card.js';
import { parseVersion } from './rollback-command.js';
import { EXIT, printJson, printLine, table } from './support/output.js';
import { resolveConfig } from './support/resolve-config.js';
import type { TaskOptions } from './support/state-options.js';

interface WhyOptions extends TaskOptions {
  json?: boolean;
  recompute?: boolean;
}

/** Explains the gate's decision about a head: its checks, its record and its shadow trial. */
export function whyCommand(): Command {
  return new Command('why')
    .argument('<version>', 'a version that `headland models heads` lists', parseVersion)
    .option('--recompute', 'recompute the decision from its record and compare')
    .action(async (version: number, options: WhyOptions) => {
      const state = openState(resolveConfig(options));
      try {
        const { heads } = state.task(options.task);
        const { head, card } = await heads.load(version);
        const record = await heads.gateRecord(version);
        const trial = await heads.shadowTrial(version);
        const again = options.recompute && record ? recompute(record, head) : null;
        if (options.json) {
          const odds = trial && tally(trial);
          printJson({ version, decision: card.gate, record, trial, odds, recomputed: again });
        } else {
          printWhy(card, record, trial);
          if (options.recompute) printRecomputed(again);
        }
        if (again && !again.same) process.exitCode = EXIT.failed;
      } finally {
        state.close();
      }
    });
}

function printWhy(card: HeadCard, record: GateRecord | null, trial: ShadowTrial | null): void {
  const { version, learner, createdAt, gate } = card;
  const verdict = gate.promote ? 'promoted' : 'refused';
  const sentence = record
    ? verdictOf(record.input, record.decision, card.trust?.level ?? null)
    : null;
  printLine(`head ${version} (${learner}, trained ${createdAt}), ${verdict}.`);
  if (sentence) printLine(sentence.text);
  printLine(`\n${gate.reason}`);
  const cells = gate.checks.map(({ name, passed, detail }) => [
    passed ? 'passed' : 'FAILED',
    name,
    detail,
  ]);
  if (cells.length > 0) printLine(`\n${table(cells)}`);
  if (record) printLine(`\n${describeInput(record)}`);
  else printLine('\nthe record of the gate is not available');
  if (trial) printLine(describeTrial(trial));
}

function describeInput({ input }: GateRecord): string {
  const { samples, champion, compared } = input;
  const groups = new Set(samples.map(({ group }) => group)).size;
  const holdout = samples.filter((sample) => sample.holdout).length;
  const against =
    champion && compared === 'heads' ? `against head ${champion.version}` : 'without comparison';
  return `judged ${against} on ${samples.length} samples of ${groups} groups, ${holdout} of them in the holdout`;
}

function printRecomputed(again: Recomputed | null): void {
  if (!again) printLine('nothing to recompute');
  else if (again.same) printLine('recomputed: same decision, answers identical bit for bit');
  else printLine(`recomputed: DIFFERENT: ${again.differences.join('; ')}`);
}

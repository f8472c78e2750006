import { Command } from 'commander';
import { openState } from '../../agent/open-state.js';
import { firstSentence } from '../../base/words/message.js';
import type { HeadCard } from '../../registry/head-card.js';
import { printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { TaskOptions } from '../support/state-options.js';

interface HeadsOptions extends TaskOptions {
  json?: boolean;
}

export function headsCommand(): Command {
  return new Command('heads').action(async (options: HeadsOptions) => {
    const state = openState(resolveConfig(options));
    try {
      const registry = state.task(options.task).heads;
      const [heads, pinned] = await Promise.all([registry.list(), registry.pinned()]);
      if (options.json) {
        return printJson(heads.map((head) => ({ ...head, pinned: head.version === pinned })));
      }
      if (heads.length === 0) return printLine('no head yet: label some frames, then train');
      const cells = heads.map(({ version, card, current, served }) => [
        `${version}${current ? ' *' : ''}`,
        card ? card.createdAt : 'damaged',
        ...factsOf(card),
        version === pinned ? 'serving, pinned' : useOf({ current, served }),
        card?.fleet ? `fleet head ${card.fleet.version}` : '',
        card ? firstSentence(card.gate.reason) : '',
      ]);
      printLine(table(cells, ''));
      const serving = heads.find(({ current }) => current)?.card?.trust;
      if (serving) printLine(`\n* ${serving.level}: ${serving.next}`);
    } finally {
      state.close();
    }
  });
}

/** Learner, trust and score. */
function factsOf(card: HeadCard | null): string[] {
  return [
    card?.learner ?? '-',
    card?.trust?.level ?? '-',
    card?.holdout ? `macro-F1 ${card.holdout.macroF1.toFixed(3)}` : '-',
  ];
}

function useOf({ current, served }: { current: boolean; served: boolean }): string {
  if (current) return 'serving';
  return served ? 'has served' : 'never served';
}

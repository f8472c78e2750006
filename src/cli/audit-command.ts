import { Command } from 'commander';
import { createStateDir } from '../agent/lifetime/state-folder.js';
import { openWholeDatabase } from '../agent/safekeeping/examine-state.js';
import { AuditLog } from '../storage/audit-table.js';
import { printJson, printLine, table } from './support/output.js';
import { parseWhole } from './support/parse-whole.js';
import { resolveConfig } from './support/resolve-config.js';
import { type StateOptions, withStateOptions } from './support/state-options.js';

interface AuditOptions extends StateOptions {
  kind?: string;
  limit: number;
  json?: boolean;
}

/** Lists the audit log, newest first. */
export function auditCommand(): Command {
  return withStateOptions(new Command('audit'))
    .option(
      '--kind <kind>',
      'only entries of this kind: started, command, training, serving, rolled-back, promoted or thinned',
    )
    .option('--limit <n>', 'maximum number of entries, newest first', parseWhole(1, 100_000), 100)
    .option('--json', 'print one JSON object')
    .action(({ kind, limit, json, ...where }: AuditOptions) => {
      const config = resolveConfig(where);
      createStateDir(config.paths.stateDir);
      const database = openWholeDatabase(config);
      try {
        const entries = new AuditLog(database).list({
          ...(kind === undefined ? {} : { kind }),
          limit,
        });
        if (json) return printJson({ entries });
        if (entries.length === 0) return printLine('no entries');
        printLine(
          table(
            entries.map(({ atMs, kind: what, detail }) => [
              new Date(atMs).toISOString(),
              what,
              describe(config.tasks.length > 0 ? detail : { ...detail, task: undefined }),
            ]),
            '',
          ),
        );
      } finally {
        database.close();
      }
    });
}

function describe(detail: object): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

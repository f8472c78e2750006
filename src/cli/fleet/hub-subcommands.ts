import type { CommandEntry } from '../command-table.js';

/** Commands of the hub of a fleet, in the order of the help. */
export const HUB_COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    usage: '[options]',
    summary: 'run the hub of a fleet: merge what robots learnt, and roll out heads',
    load: async () => (await import('./hub-serve.js')).serveCommand(),
  },
];

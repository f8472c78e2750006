import { createLog, type Log } from '../../base/log.js';

/** Log of commands: to standard error, because standard output is for data. */
export function commandLog(verbose = false): Log {
  return createLog({ level: verbose ? 'debug' : 'warn', fileDescriptor: 2 });
}

import { createLog, type Log } from '../../base/log.js';

/** Log of commands: to standard error, because standard output is for data. */
export function commandLog(verbose = false): Log {
  return createLog({ level: verbose ? 'debug' : 'warn', fileDescriptor: 2 });
}

/** As {@link commandLog}, for commands that only log a failure: until then no logger is loaded. */
export const failureLog = {
  error: (facts: object, text: string): void => commandLog().error(facts, text),
};

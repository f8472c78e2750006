import type { Mutant } from '../mutant.js';

const SCHEDULER = 'src/base/timers/scheduler.ts';
const STORE_WATCH = 'src/agent/store-watch.ts';
const WATCHDOG = 'src/agent/watchdog.ts';
const AGENT = 'src/agent/agent.ts';
const timers = (names: string) => [{ file: 'test/base/timers/scheduler.test.ts', names }];
const disk = (names: string) => [{ file: 'test/agent/store-watch.test.ts', names }];
const locked = (names: string) => [{ file: 'test/storage/locked.test.ts', names }];
const ready = (names: string) => [{ file: 'test/agent/lifetime/ready.test.ts', names }];
const watchdog = (names: string) => [{ file: 'test/agent/watchdog.test.ts', names }];

/** Nothing stops the eyes, and nothing acknowledged is lost. */
export const CARE_MUTANTS: readonly Mutant[] = [
  {
    promise: 'work that keeps failing raises an alarm',
    file: SCHEDULER,
    text: 'const FAILURES_TO_ALARM = 3;',
    replacement: 'const FAILURES_TO_ALARM = 300;',
    tests: timers('keeps failing'),
  },
  {
    promise: 'the alarm of work ends when it works',
    file: SCHEDULER,
    text: 'if (entry.failuresInRow === 0) return;',
    replacement: 'if (entry.failuresInRow >= 0) return;',
    tests: timers('keeps failing'),
  },
  {
    promise: 'a failing disk is told of once',
    file: SCHEDULER,
    text: "error.code.startsWith('HL_STORE_')",
    replacement: "error.code.startsWith('HL_OTHER_')",
    tests: timers('because of the disk'),
  },
  {
    promise: 'no run joins another',
    file: SCHEDULER,
    text: 'if (entry.running) return;',
    replacement: '',
    tests: timers('joins another'),
  },
  {
    promise: 'a rejected promise counts as a failure',
    file: SCHEDULER,
    text: '(error: unknown) => this.#failed(entry, error),',
    replacement: '() => this.#worked(entry),',
    tests: timers('that rejects'),
  },
  {
    promise: 'a stopped repetition waits for its run',
    file: SCHEDULER,
    text: 'await entry.running;',
    replacement: '',
    tests: timers('under way'),
  },
  {
    promise: 'only vital work restarts the daemon',
    file: SCHEDULER,
    text: 'work.vital === true && ',
    replacement: '',
    tests: timers('vital'),
  },
  {
    promise: 'a full disk is noticed while nothing is stored',
    file: STORE_WATCH,
    text: 'this.#readOnly() ?? this.#full(MIN_FREE_BYTES)',
    replacement: 'this.#readOnly()',
    tests: disk('full disk'),
  },
  {
    promise: 'a lock that stays raises an alarm',
    file: STORE_WATCH,
    text: 'this.#service.failed(this.#database.lockedError());',
    replacement: '',
    tests: disk('lock that stays'),
  },
  {
    promise: 'a second write does not wait for a lock',
    file: 'src/storage/database.ts',
    text: 'else if (this.behind) this.waitFor(0);',
    replacement: '',
    tests: locked('briefly'),
  },
  {
    promise: 'a write of the daemon waits briefly',
    file: 'src/storage/database.ts',
    text: 'const BRIEF_WAIT_MS = 100;',
    replacement: 'const BRIEF_WAIT_MS = 5_000;',
    tests: locked('briefly'),
  },
  {
    promise: 'labels that wait keep their order',
    file: 'src/storage/store-patience.ts',
    text: 'if (this.#waiting === null) {',
    replacement: 'if (this.#waiting !== undefined) {',
    tests: locked('order'),
  },
  {
    promise: 'a label waits for a lock to go',
    file: 'src/agent/operations.ts',
    text: 'this.#patience.wait(() => work(this.#task(taskName))),',
    replacement: 'work(this.#task(taskName)),',
    tests: [{ file: 'test/agent/alarms/locked-store.test.ts' }],
  },
  {
    promise: 'a login waits for a lock to go',
    file: 'src/agent/audit-trail.ts',
    text: 'await patiently(execute)',
    replacement: 'await execute()',
    tests: [{ file: 'test/agent/audit-trail.test.ts', names: 'waits for a lock' }],
  },
  {
    promise: 'audit entries wait for the disk',
    file: 'src/storage/audit-table.ts',
    text: 'this.waiting.push({ kind, detail, atMs: Date.now() });',
    replacement: 'this.waiting = [{ kind, detail, atMs: Date.now() }];',
    tests: [{ file: 'test/storage/audit.test.ts', names: 'comes in its order' }],
  },
  {
    promise: 'lost audit entries are counted',
    file: 'src/storage/audit-table.ts',
    text: '      this.lost += 1;\n',
    replacement: '',
    tests: [{ file: 'test/storage/audit.test.ts', names: 'are counted' }],
  },
  {
    promise: 'failing work does not end the daemon',
    file: SCHEDULER,
    text: '    } catch (error) {\n      this.#failed(entry, error);\n    }',
    replacement:
      '    } catch (error) {\n      this.#failed(entry, error);\n      throw error;\n    }',
    tests: [{ file: 'test/agent/alarms/timers.test.ts', names: 'repeated work' }],
  },
  {
    promise: 'a rejected promise does not end the daemon',
    file: 'src/cli/run/run-daemon.ts',
    text: "process.on('unhandledRejection', (error) => daemon.agent.reportDefect(error));",
    replacement: "process.on('unhandledRejection', fail);",
    tests: [{ file: 'test/agent/alarms/timers.test.ts', names: 'promise' }],
  },
  {
    promise: 'a camera that cannot start for lack of files ends nothing',
    file: 'src/camera/drivers/camera-tool.ts',
    text: 'if (!stdin || !stdout || !stderr) {',
    replacement: 'if (!stdin || !stdout || !stderr) {\n    child.removeAllListeners();',
    tests: [{ file: 'test/base/processes/no-files.test.ts', names: 'camera' }],
  },
  {
    promise: 'a training that cannot start for lack of files ends nothing',
    file: 'src/training/job/job-process.ts',
    text: "if (typeof child.send === 'function') child.send",
    replacement: 'child.send',
    tests: [{ file: 'test/base/processes/no-files.test.ts', names: 'training' }],
  },
  {
    promise: 'a start is not over before a frame is decided',
    file: AGENT,
    text: 'if (this.#flow.hasDecided || isExplained',
    replacement: 'if (!this.#flow.hasDecided || isExplained',
    tests: ready('first decided frame'),
  },
  {
    promise: 'a start is over with the first decided frame',
    file: AGENT,
    text: "this.alarms.clear('frames');\n    this.#watchdog.ready();",
    replacement: "this.alarms.clear('frames');",
    tests: ready('first decided frame'),
  },
  {
    promise: 'a start is over when an alarm explains it',
    file: AGENT,
    text: 'if (raised && explainsNoDecision(name)) this.#watchdog.ready();',
    replacement: '',
    tests: ready('alarm says why'),
  },
  {
    promise: 'the watchdog starves when no frame is decided',
    file: WATCHDOG,
    text: 'undecidedForMs >= STUCK_FRAME_MS && downForMs === 0',
    replacement: 'undecidedForMs < 0',
    tests: watchdog('none is decided'),
  },
  {
    promise: 'the watchdog starves when vital work does not end',
    file: WATCHDOG,
    text: '...stuckWork.map(',
    replacement: '...stuckWork.slice(1).map(',
    tests: watchdog('vital work'),
  },
  {
    promise: 'READY is sent once',
    file: WATCHDOG,
    text: 'if (this.#isReady) return;',
    replacement: '',
    tests: watchdog('up and how it is'),
  },
  {
    promise: 'frames that come and are not decided are noticed',
    file: 'src/agent/care/frame-flow.ts',
    text: 'this.#sinceMs ??= nowMs;',
    replacement: 'this.#sinceMs = nowMs;',
    tests: watchdog('stands still'),
  },
];

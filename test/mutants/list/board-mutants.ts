import type { Mutant } from '../mutant.js';

const RULES = 'src/alerts/rules.ts';
const RULES_TESTS = [{ file: 'test/alerts/rules.test.ts' }];
const RATE = 'src/host/rate.ts';
const RATE_TESTS = [{ file: 'test/host/rate.test.ts' }];
const LOCK_TESTS = [{ file: 'test/host/instance-lock.test.ts' }];
const STATE_LOCK_TESTS = [{ file: 'test/agent/lifetime/state-lock.test.ts' }];
const BOARD_TESTS = [{ file: 'test/host/board.test.ts' }];
const WATCHDOG_TESTS = [{ file: 'test/agent/watchdog.test.ts' }];

const CARE_TESTS = [{ file: 'test/host/care-of-the-board.test.ts' }];
const HOLD = 'src/host/training-hold.ts';
const ALARMS_OF_THE_BOARD = [{ file: 'test/agent/care/board-alarms.test.ts' }];

export const BOARD_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a board that throttles itself is hot',
    file: 'src/agent/care/board-alarms.ts',
    text: 'isHot || slowedByHeat({ throttled })',
    replacement: 'isHot',
    tests: [{ file: 'test/agent/care/board-alarms.test.ts', names: 'throttles itself' }],
  },
  {
    promise: 'a training that paused for heat goes on only on a cool board',
    file: HOLD,
    text: "before === 'heat' ? settings.resumeTrainingBelowC : settings.pauseTrainingAboveC",
    replacement: 'settings.pauseTrainingAboveC',
    tests: CARE_TESTS,
  },
  {
    promise: 'where a training may start, it may also go on',
    file: 'src/config/training-temperatures.ts',
    text: 'resumeTrainingBelowC ?? trainBelowC',
    replacement: 'resumeTrainingBelowC ?? trainBelowC - 5',
    tests: [{ file: 'test/agent/care/sparing.test.ts' }],
  },
  {
    promise: 'a training does not pause as soon as it starts',
    file: 'src/config/cross-checks.ts',
    text: 'board.trainBelowC > pauseTrainingAboveC',
    replacement: 'board.trainBelowC > 2 * pauseTrainingAboveC',
    tests: [{ file: 'test/config/load.test.ts', names: 'pause at once' }],
  },
  {
    promise: 'a training that paused for lack of memory waits until there is clearly more',
    file: HOLD,
    text: 'before === reason ? limit * RESUME_SHARE : limit',
    replacement: 'limit',
    tests: CARE_TESTS,
  },
  {
    promise: 'what children wrote counts after their end',
    file: 'src/host/written-bytes.ts',
    text: 'if (!this.#alive.has(key)) this.#endedBytes += bytes;',
    replacement: '',
    tests: CARE_TESTS,
  },
  {
    promise: 'a reload does not make old writes those of today',
    file: 'src/agent/agent.ts',
    text: 'return this.options.writtenBytes.observe(performance.now());',
    replacement:
      'return new (this.options.writtenBytes.constructor as new () => AgentOptions["writtenBytes"])().observe(0);',
    tests: [{ file: 'test/agent/lifetime/reload.test.ts', names: 'days ago' }],
  },
  {
    promise: 'the alarm about heat does not flap',
    file: 'src/agent/care/board-alarms.ts',
    text: "this.alarms.has('board-hot') ? fasterBelowC : slowAboveC",
    replacement: 'slowAboveC',
    tests: ALARMS_OF_THE_BOARD,
  },
  {
    promise: 'a board gets time to fetch the date before an alarm',
    file: 'src/agent/care/board-alarms.ts',
    text: "clock === 'unset' && hadTime",
    replacement: "clock === 'unset'",
    tests: ALARMS_OF_THE_BOARD,
  },
  {
    promise: 'outputs are off after a crash',
    file: 'src/cli/run/run-daemon.ts',
    text: "process.on('exit', () => daemon.outputsOff());",
    replacement: '',
    tests: [{ file: 'test/cli/run-command.test.ts', names: 'has a defect' }],
  },
  {
    promise: 'the watchdog is not fed by a bare timer',
    file: 'src/agent/watchdog.ts',
    text: 'if (what.length === 0) this',
    replacement: 'if (what.length >= 0) this',
    tests: WATCHDOG_TESTS,
  },
  {
    promise: 'the watchdog starves when a frame hangs',
    file: 'src/agent/watchdog.ts',
    text: 'busyForMs >= STUCK_FRAME_MS ?',
    replacement: 'busyForMs < 0 ?',
    tests: WATCHDOG_TESTS,
  },
  {
    promise: 'the watchdog starves when perception stays away',
    file: 'src/agent/watchdog.ts',
    text: 'downForMs >= PERCEPTION_DOWN_MS ?',
    replacement: 'downForMs < 0 ?',
    tests: WATCHDOG_TESTS,
  },
  {
    promise: 'a healthy daemon feeds the watchdog',
    file: 'src/agent/watchdog.ts',
    text: 'if (what.length === 0) this',
    replacement: 'if (what.length !== 0) this',
    tests: WATCHDOG_TESTS,
  },
  {
    promise: 'the watchdog is fed twice in its time',
    file: 'src/host/notify.ts',
    text: 'microseconds / 2_000',
    replacement: 'microseconds / 500',
    tests: [{ file: 'test/host/notify.test.ts', names: 'watchdog interval' }],
  },
  {
    promise: "another process's watchdog is not fed",
    file: 'src/host/notify.ts',
    text: 'path && forUs && microseconds > 0',
    replacement: 'path && microseconds > 0',
    tests: [{ file: 'test/host/notify.test.ts', names: 'watchdog interval' }],
  },
  {
    promise: 'an alert is raised by N of M frames',
    file: RULES,
    text: 'watch.matches >= rule.matches',
    replacement: 'watch.matches >= rule.matches - 1',
    tests: RULES_TESTS,
  },
  {
    promise: 'an alert looks at the last M frames and no further back',
    file: RULES,
    text: 'Number(matches) - recent[watch.next]!',
    replacement: 'Number(matches)',
    tests: RULES_TESTS,
  },
  {
    promise: 'a guess raises only rules that take guesses',
    file: RULES,
    text: '(guesses || !guess) &&',
    replacement: '',
    tests: RULES_TESTS,
  },
  {
    promise: 'an alert ends when its time is up',
    file: RULES,
    text: 'atMs - raised.by.atMs < rule.holdMs',
    replacement: 'atMs - raised.by.atMs <= rule.holdMs',
    tests: RULES_TESTS,
  },
  {
    promise: 'a daemon in another network namespace is noticed',
    file: 'src/agent/lifetime/state-lock.ts',
    text: "if (isHeadlandError(error, 'HL_STORE_BUSY')) throw alreadyRunning(directory, purpose);",
    replacement: '',
    tests: STATE_LOCK_TESTS,
  },
  {
    promise: 'a lock of a folder is not collected as garbage',
    file: 'src/storage/folder-lock.ts',
    text: 'held.add(native);',
    replacement: '',
    tests: STATE_LOCK_TESTS,
  },
  {
    promise: 'a folder that cannot be locked does not stop the robot',
    file: 'src/agent/lifetime/state-lock.ts',
    text: 'return messageOf(error);',
    replacement: 'throw error;',
    tests: STATE_LOCK_TESTS,
  },
  {
    promise: 'a file system without locks does not stop the robot',
    file: 'src/storage/folder-lock.ts',
    text: "if (!isHeadlandError(meant, 'HL_STORE_BUSY') || locksWork(directory)) throw meant;",
    replacement: 'if (meant !== null) throw meant;',
    tests: STATE_LOCK_TESTS,
  },
  {
    promise: 'what is in the file of a lock does not matter',
    file: 'src/storage/folder-lock.ts',
    text: 'truncateSync(path);',
    replacement: '',
    tests: STATE_LOCK_TESTS,
  },
  {
    promise: 'one daemon runs on one state folder',
    file: 'src/host/instance-lock.ts',
    text: '\\0headland-${purpose}-${digest}',
    replacement: '\\0headland-${purpose}-${digest}-${process.pid}-${performance.now()}',
    tests: LOCK_TESTS,
  },
  {
    promise: 'a lock is for one purpose',
    file: 'src/host/instance-lock.ts',
    text: '\\0headland-${purpose}-${digest}',
    replacement: '\\0headland-${path}',
    tests: LOCK_TESTS,
  },
  {
    promise: 'a board is slowed from its temperature on',
    file: RATE,
    text: 'temperatureC >= slowAboveC',
    replacement: 'temperatureC > slowAboveC',
    tests: RATE_TESTS,
  },
  {
    promise: 'between the two temperatures nothing changes',
    file: RATE,
    text: 'if (temperatureC !== null && temperatureC > fasterBelowC) return before;',
    replacement: '',
    tests: RATE_TESTS,
  },
  {
    promise: 'the brake never slows below the least rate',
    file: RATE,
    text: 'Math.max(Math.min(minFramesPerSecond, now), now * STEP)',
    replacement: 'now * STEP',
    tests: RATE_TESTS,
  },
  {
    promise: 'a weak supply slows frames down',
    file: RATE,
    text: 'if (hot || weak || throttled?.slowed) {',
    replacement: 'if (hot || throttled?.slowed) {',
    tests: RATE_TESTS,
  },
  {
    promise: 'a battery that charges is left alone',
    file: RATE,
    text: 'battery?.discharging === true &&',
    replacement: 'battery &&',
    tests: RATE_TESTS,
  },
  {
    promise: 'the strictest limit holds',
    file: RATE,
    text: '(limit.framesPerSecond ?? Number.POSITIVE_INFINITY) <',
    replacement: '(limit.framesPerSecond ?? Number.POSITIVE_INFINITY) >',
    tests: RATE_TESTS,
  },
  {
    promise: 'the hottest zone counts',
    file: 'src/host/board-readings.ts',
    text: 'Math.max(...temperatures)',
    replacement: 'Math.min(...temperatures)',
    tests: BOARD_TESTS,
  },
  {
    promise: 'what the firmware remembers is not taken for what is',
    file: 'src/host/firmware-flags.ts',
    text: '(flags & 0b0001) !== 0',
    replacement: '(flags & 0x10001) !== 0',
    tests: BOARD_TESTS,
  },
  {
    promise: 'a secret that others can read is refused',
    file: 'src/config/secrets.ts',
    text: '(mode & 0o077) !== 0',
    replacement: '(mode & 0o022) !== 0',
    tests: [{ file: 'test/config/load.test.ts', names: 'files that others can read' }],
  },
  {
    promise: 'a credential cannot name a path',
    file: 'src/config/secrets.ts',
    text: '|| basename(reference.credential) !== reference.credential',
    replacement: '',
    tests: [{ file: 'test/config/load.test.ts', names: 'credential cannot name a path' }],
  },
  {
    promise:
      'an ARM64 board stores levels signed, which most kernels there add in fewer instructions',
    file: 'src/models/quantize/quantize-backbone.ts',
    text: "architecture === 'arm64'",
    replacement: "architecture === 'arm'",
    tests: [{ file: 'test/models/quantize.test.ts', names: 'stored signed on ARM64' }],
  },
];

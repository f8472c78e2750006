import type { Mutant } from '../mutant.js';

const RULES = 'src/alerts/rules.ts';
const SCHEDULE = 'src/alerts/schedule.ts';
const AVI = 'src/alerts/clips/motion-jpeg-avi.ts';
const FOLDER = 'src/alerts/clips/clip-folder.ts';
const RECORDER = 'src/alerts/clips/clip-recorder.ts';
const COMMAND = 'src/alerts/alert-command.ts';
const LIMITS = 'src/alerts/output-limits.ts';
const RULES_TESTS = 'test/alerts/rule-limits.test.ts';
const SCHEDULE_TESTS = 'test/alerts/schedule.test.ts';
const AVI_TESTS = 'test/alerts/clips/motion-jpeg-avi.test.ts';
const FOLDER_TESTS = 'test/alerts/clips/clip-folder.test.ts';
const RECORDER_TESTS = 'test/alerts/clips/clip-recorder.test.ts';
const COMMAND_TESTS = 'test/alerts/alert-command.test.ts';

/** What raises alerts, how fast they change, and what they do. */
export const ALERT_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an alert stays raised for its minimum time',
    file: RULES,
    text: 'atMs - raised.sinceMs < rule.minOnMs',
    replacement: 'atMs - raised.sinceMs < 0',
    tests: [{ file: RULES_TESTS, names: 'changing faster' }],
  },
  {
    promise: 'an alert stays cleared for its minimum time',
    file: RULES,
    text: 'by.atMs - clearedMs < rule.minOffMs',
    replacement: 'by.atMs - clearedMs < 0',
    tests: [{ file: RULES_TESTS, names: 'changing faster' }],
  },
  {
    promise: 'an acknowledgement switches off what a cleared alert keeps on',
    file: RULES,
    text: 'for (const { alert } of meant) this.#timeline.drop(alert);',
    replacement:
      'for (const { alert, raised } of meant) if (raised !== null) this.#timeline.drop(alert);',
    tests: [{ file: RULES_TESTS, names: 'acknowledging' }],
  },
  {
    promise: 'the alert after an acknowledged one switches its output',
    file: RULES,
    text: 'if (!raised.acknowledged) this.#switch(',
    replacement: 'this.#switch(',
    tests: [{ file: RULES_TESTS, names: 'acknowledging' }],
  },
  {
    promise: 'an acknowledgement of one rule shortens no minimum time of a raised alert',
    file: RULES,
    text: 'output !== null && !held.has(output)',
    replacement: 'output !== null',
    tests: [{ file: RULES_TESTS, names: 'acknowledging' }],
  },
  {
    promise: 'a lower probability keeps an alert',
    file: RULES,
    text: 'if (!matches && !keeps) return null;',
    replacement: 'if (!matches) return null;',
    tests: [{ file: RULES_TESTS, names: 'lower than the one' }],
  },
  {
    promise: 'the probability that keeps an alert does not raise it',
    file: RULES,
    text: 'isMatch(rule, seen, rule.minProbability)',
    replacement: 'isMatch(rule, seen, rule.clearBelowProbability ?? rule.minProbability)',
    tests: [{ file: RULES_TESTS, names: 'lower than the one' }],
  },
  {
    promise: 'novelty is a p-value below the bound',
    file: RULES,
    text: 'noveltyPValue < noveltyBelow',
    replacement: 'noveltyPValue <= noveltyBelow',
    tests: [{ file: RULES_TESTS, names: 'novelty counts' }],
  },
  {
    promise: 'an alert lasts with its condition',
    file: RULES,
    text: 'conditions.size > 0 || ',
    replacement: '',
    tests: [{ file: RULES_TESTS, names: 'had to wait for its time off' }],
  },
  {
    promise: 'an acknowledged output is off at once',
    file: RULES,
    text: 'this.#limits.release(output);',
    replacement: 'void output;',
    tests: [{ file: RULES_TESTS, names: 'switches their outputs off' }],
  },
  {
    promise: 'an acknowledged output that is to come stays off',
    file: RULES,
    text: 'this.#timeline.drop(alert);',
    replacement: 'void alert;',
    tests: [{ file: RULES_TESTS, names: 'still to come' }],
  },
  {
    promise: 'a rule is cleared when its schedule ends',
    file: RULES,
    text: 'if (applies(rule, this.#timeFor(rule))) {',
    replacement: 'if (rule.schedule) {',
    tests: [{ file: RULES_TESTS, names: 'outside of its schedule' }],
  },
  {
    promise: 'outputs that rules share change no faster than the slowest rule',
    file: LIMITS,
    text: 'nowMs < this.#freeMs(output, state)',
    replacement: 'nowMs < 0',
    tests: [{ file: RULES_TESTS, names: 'changing faster' }],
  },
  {
    promise: 'an output that had to wait is switched when it may',
    file: LIMITS,
    text: 'return waiting.length === 0 ? null : Math.min(...waiting);',
    replacement: 'return waiting.length < 0 ? Math.min(...waiting) : null;',
    tests: [{ file: RULES_TESTS, names: 'say until when' }],
  },
  {
    promise: 'a window over midnight goes on on the next day',
    file: SCHEDULE,
    text: 'beginsOn((day + 6) % 7)',
    replacement: 'beginsOn(day)',
    tests: [{ file: SCHEDULE_TESTS, names: 'over midnight' }],
  },
  {
    promise: 'the end of a window does not belong to it',
    file: SCHEDULE,
    text: 'minute < end)',
    replacement: 'minute <= end)',
    tests: [{ file: SCHEDULE_TESTS, names: 'to before its end' }],
  },
  {
    promise: 'a clock from before 2024 is not set',
    file: SCHEDULE,
    text: 'if (!(date.getFullYear() >= FIRST_TRUE_YEAR)) return null;',
    replacement: '',
    tests: [{ file: SCHEDULE_TESTS, names: 'before 2024' }],
  },
  {
    promise: 'frames of a clip keep their times',
    file: AVI,
    text: 'while (ticks.length < tick) ticks.push(null);',
    replacement: '',
    tests: [{ file: AVI_TESTS, names: 'ffmpeg reads' }],
  },
  {
    promise: 'a long pause between two frames is shortened',
    file: AVI,
    text: 'Math.min(atMs - lastMs, MAX_GAP_MS)',
    replacement: 'atMs - lastMs',
    tests: [{ file: AVI_TESTS, names: 'lost for a day' }],
  },
  {
    promise: 'chunks of a clip have an even length',
    file: AVI,
    text: 'Buffer.alloc(jpeg.byteLength % 2)',
    replacement: 'Buffer.alloc(0)',
    tests: [{ file: AVI_TESTS, names: 'at an even place' }],
  },
  {
    promise: 'clips leave the disk its free space',
    file: FOLDER,
    text: 'freeBytes < minFreeBytes',
    replacement: 'freeBytes < 0',
    tests: [{ file: FOLDER_TESTS, names: 'less free space' }],
  },
  {
    promise: 'a folder that is opened again leaves the clip that is being written',
    file: FOLDER,
    text: 'this.#wasOpened ? [] : names',
    replacement: 'names',
    tests: [{ file: FOLDER_TESTS, names: 'opened again' }],
  },
  {
    promise: 'a folder that is opened again repeats no number',
    file: FOLDER,
    text: 'Math.max(this.#last, ...names',
    replacement: 'Math.max(0, ...names',
    tests: [{ file: FOLDER_TESTS, names: 'opened again' }],
  },
  {
    promise: 'clips stay within their size',
    file: FOLDER,
    text: 'if (total <= maxBytes) return;',
    replacement: 'if (total > 0) return;',
    tests: [{ file: FOLDER_TESTS, names: 'stays within' }],
  },
  {
    promise: 'the clip with the lowest number goes first',
    file: FOLDER,
    text: 'numberOf(one) - numberOf(other)',
    replacement: 'numberOf(other) - numberOf(one)',
    tests: [{ file: FOLDER_TESTS, names: 'stays within' }],
  },
  {
    promise: 'what a killed writer left is removed',
    file: FOLDER,
    text: 'for (const name of partial) rmSync(join(this.path, name), { force: true });',
    replacement: '',
    tests: [{ file: FOLDER_TESTS, names: 'killed' }],
  },
  {
    promise: 'a clip is on the disk whole or not at all',
    file: FOLDER,
    text: 'await writeFileDurably(join(this.path, name), parts);',
    replacement:
      "await (await import('node:fs/promises')).writeFile(join(this.path, name), parts);",
    tests: [{ file: FOLDER_TESTS, names: 'killed' }],
  },
  {
    promise: 'frames for clips stay within their memory',
    file: RECORDER,
    text: 'while (this.#bytes > ringMaxBytes)',
    replacement: 'while (this.#bytes > 2 * ringMaxBytes)',
    tests: [{ file: RECORDER_TESTS, names: 'never keep more' }],
  },
  {
    promise: 'the clip of a lost camera shows what it saw last',
    file: RECORDER,
    text: 'Math.min(atMs, newestMs) - 1_000',
    replacement: 'atMs - 1_000',
    tests: [{ file: RECORDER_TESTS, names: 'lost camera' }],
  },
  {
    promise: 'a program gets nothing of the environment of the daemon',
    file: COMMAND,
    text: "env: { PATH, LANG: 'C.UTF-8',",
    replacement: "env: { ...process.env, PATH, LANG: 'C.UTF-8',",
    tests: [{ file: COMMAND_TESTS, names: 'no secrets' }],
  },
  {
    promise: 'no shell reads the arguments of a program',
    file: COMMAND,
    text: 'shell: false',
    replacement: 'shell: true',
    tests: [{ file: COMMAND_TESTS, names: 'without a shell' }],
  },
  {
    promise: 'a program ends after its time',
    file: COMMAND,
    text: 'if (late) await endGroup(child);',
    replacement: 'if (late) return this.#failed(`did not end within ${settings.timeoutMs} ms`);',
    tests: [{ file: COMMAND_TESTS, names: 'ended with its children' }],
  },
  {
    promise: 'children of a program end with it',
    file: COMMAND,
    text: 'process.kill(-pid, signal);',
    replacement: 'process.kill(pid, signal);',
    tests: [{ file: COMMAND_TESTS, names: 'ended with its children' }],
  },
  {
    promise: 'no child of a program outlives it',
    file: COMMAND,
    text: "    signalGroup(child, 'SIGKILL');\n    this.#child = null;",
    replacement: '    this.#child = null;',
    tests: [{ file: COMMAND_TESTS, names: 'after it has ended' }],
  },
  {
    promise: 'no program outlives a daemon that ends at once',
    file: COMMAND,
    text: 'if (this.#child) signalGroup(this.#child,',
    replacement: 'if (!this.#child) signalGroup(this.#child!,',
    tests: [{ file: COMMAND_TESTS, names: 'exit event' }],
  },
  {
    promise: 'a program runs once at a time',
    file: COMMAND,
    text: 'this.#run || ',
    replacement: '',
    tests: [{ file: COMMAND_TESTS, names: 'once at a time' }],
  },
  {
    promise: 'a lost camera is a condition of its alerts',
    file: 'src/agent/reporting/alerts/alert-conditions.ts',
    text: '/^(?:camera|pictures)-(.+)$/',
    replacement: '/^(?:camera)-(.+)$/',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'follow the alarms' }],
  },
  {
    promise: 'conditions end with their alarms',
    file: 'src/agent/reporting/alerts/alerting.ts',
    text: 'for (const subject of ended) this.report(subject, false);',
    replacement: '',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'follow the alarms' }],
  },
  {
    promise: 'the alarm about heat is the condition board_hot',
    file: 'src/agent/reporting/alerts/alert-conditions.ts',
    text: "if (name === 'board-hot')",
    replacement: "if (name === 'board-supply')",
    tests: [{ file: 'test/agent/reporting/alert-conditions.test.ts' }],
  },
  {
    promise: 'alerts keep frames at a limited rate',
    file: 'src/agent/seeing/asking.ts',
    text: 'this.#isDue(eyeOf(recent.frame), this.#lastKeptMs)',
    replacement: 'this.#isDue(eyeOf(recent.frame), new Map())',
    tests: [{ file: 'test/agent/seeing/asking.test.ts', names: 'frames of alerts' }],
  },
];

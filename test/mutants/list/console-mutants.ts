import type { Mutant } from '../mutant.js';

const SECURITY = 'src/console/server/security.ts';
const SECURITY_TESTS = [{ file: 'test/console/security.test.ts' }];
const REACH_TESTS = [
  { file: 'test/console/security.test.ts', names: 'needs a token|answers to addresses' },
];
const SERVER_TESTS = [{ file: 'test/console/server.test.ts' }];
const STREAM = 'src/console/server/stream.ts';
const AGENT_CONSOLE = 'src/agent/console/console-sources.ts';
const API_TESTS = [{ file: 'test/console/tasks-api.test.ts' }];
const DAEMON_TESTS = [
  {
    file: 'test/agent/console/agent-console.test.ts',
    names: 'by default the first|on which the task decides|of the request|of its task alone',
  },
];

export const CONSOLE_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a request for a foreign host is refused',
    file: 'src/console/server/console-server.ts',
    text: 'gatekeeper.checkHost(request);',
    replacement: '',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'addresses are taken as hosts off loopback only',
    file: SECURITY,
    text: 'this.anyAddress = !local;',
    replacement: 'this.anyAddress = local;',
    tests: REACH_TESTS,
  },
  {
    promise: 'a host is compared from its beginning to its end',
    file: SECURITY,
    text: '([a-z0-9._-]+))(?::\\d{1,5})?$/i',
    replacement: '([a-z0-9._-]+))(?::\\d{1,5})?/i',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a request from another origin is refused',
    file: SECURITY,
    text: 'if (sameOrigin && sameSite) return;',
    replacement: 'if (sameSite) return;',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a request from another site is refused',
    file: SECURITY,
    text: 'if (sameOrigin && sameSite) return;',
    replacement: 'if (sameOrigin) return;',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'another port of this host is another origin',
    file: SECURITY,
    text: 'origin === `http://${host}`',
    replacement: "origin.startsWith('http://127.0.0.1:')",
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a wrong token is refused',
    file: SECURITY,
    text: 'timingSafeEqual(digest(given), this.tokenDigest)',
    replacement: 'digest(given).length === this.tokenDigest.length',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a token is compared whole',
    file: SECURITY,
    text: 'timingSafeEqual(digest(given), this.tokenDigest)',
    replacement: 'timingSafeEqual(digest(given.slice(0, given.length - 1)), this.tokenDigest)',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a token is asked for before anything is told',
    file: 'src/console/server/console-server.ts',
    text: 'route.open ? null : admission.admit(request, response)',
    replacement: "route.method === 'GET' ? null : admission.admit(request, response)",
    tests: SECURITY_TESTS,
  },
  {
    promise: 'off loopback the console needs a token',
    file: SECURITY,
    text: 'token === null && !local',
    replacement: "token === null && !local && host === ''",
    tests: REACH_TESTS,
  },
  {
    promise: 'a name that begins as loopback is not loopback',
    file: SECURITY,
    text: '/^127(\\.\\d{1,3}){3}$/.test(bare)',
    replacement: "bare.startsWith('127.')",
    tests: REACH_TESTS,
  },
  {
    promise: 'a short token is refused',
    file: SECURITY,
    text: 'const MIN_TOKEN_CHARACTERS = 16;',
    replacement: 'const MIN_TOKEN_CHARACTERS = 4;',
    tests: REACH_TESTS,
  },
  {
    promise: 'a form of another site changes nothing',
    file: 'src/console/server/console-server.ts',
    text: 'gatekeeper.checkWriteHeader(request);',
    replacement: '',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'a change is declared as JSON',
    file: 'src/console/server/http.ts',
    text: 'if (!/^application\\/json\\s*(;|$)/i.test(',
    replacement: 'if (/^image/i.test(',
    tests: SECURITY_TESTS,
  },
  {
    promise: 'the page runs scripts of its own origin only',
    file: SECURITY,
    text: '"script-src \'self\'"',
    replacement: '"script-src *"',
    tests: SERVER_TESTS,
  },
  {
    promise: 'a body beyond its bound is refused',
    file: 'src/console/server/http.ts',
    text: 'size > maxBytes ? reject(tooLarge())',
    replacement: 'size > 2 * maxBytes ? reject(tooLarge())',
    tests: SERVER_TESTS,
  },
  {
    promise: 'no more pages listen than the robot can serve',
    file: STREAM,
    text: 'size >= this.limits.maxListeners',
    replacement: 'size > this.limits.maxListeners',
    tests: [{ file: 'test/console/stream.test.ts' }],
  },
  {
    promise: 'a page that does not read is disconnected',
    file: STREAM,
    text: 'listener.writableLength > this.limits.maxBacklogBytes',
    replacement: 'listener.writableLength > 1_000 * this.limits.maxBacklogBytes',
    tests: [{ file: 'test/console/stream.test.ts' }],
  },
  {
    promise: 'a request is about the task that it names',
    file: 'src/console/server/routes.ts',
    text: 'parts.sources(task)',
    replacement: 'parts.sources(undefined)',
    tests: [...API_TESTS, ...DAEMON_TESTS],
  },
  {
    promise: 'a request without a task is about the first',
    file: AGENT_CONSOLE,
    text: '(name = agent.tasks[0].name)',
    replacement: '(name = agent.tasks.at(-1)!.name)',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'a request about an unknown task is refused',
    file: AGENT_CONSOLE,
    text: 'byTask.get(chosenTask(agent.tasks, name))!',
    replacement: 'byTask.get(agent.tasks.find((task) => task.name === name) ?? agent.tasks[0])!',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'the page shows the newest frame on which its task decides',
    file: AGENT_CONSOLE,
    text: 'agent.recent.latest(camera, name)',
    replacement: 'agent.recent.latest(camera)',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'no frame of a camera on which the task does not decide is shown as its own',
    file: AGENT_CONSOLE,
    text: 'if (!eye || decidesOn(task.state, eye)) return;',
    replacement: "if (!eye || camera !== '') return;",
    tests: DAEMON_TESTS,
  },
  {
    promise: 'the page knows on which cameras its task decides',
    file: 'src/agent/console/console-status.ts',
    text: 'decided: decidesOn(task, eye)',
    replacement: "decided: eye.camera !== ''",
    tests: DAEMON_TESTS,
  },
  {
    promise: 'a label from the page goes to the task of the request',
    file: 'src/agent/console/teach-handlers.ts',
    text: 'operations.label(target, label, BY, name)',
    replacement: 'operations.label(target, label, BY, agent.tasks[0].name)',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'a stream contains the decisions of its task alone',
    file: AGENT_CONSOLE,
    text: 'if (!decidesOn(state, recent.frame)) return;',
    replacement: '',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'a stream contains the trainings of its task alone',
    file: AGENT_CONSOLE,
    text: 'if (trained !== name) return;',
    replacement: '',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'a snapshot is the newest frame on which the task decides',
    file: 'src/agent/operations.ts',
    text: 'recent.latest(eye, taskName) ?? (eye',
    replacement: 'recent.latest(eye) ?? (eye',
    tests: DAEMON_TESTS,
  },
  {
    promise: 'the streams of two tasks are apart',
    file: STREAM,
    text: 'const channel = this.channels.get(source) ??',
    replacement: 'const channel = [...this.channels.values()][0] ??',
    tests: API_TESTS,
  },
  {
    promise: 'the pages of all tasks count together',
    file: STREAM,
    text: 'const size = [...this.channels.values()].reduce((sum, channel) => sum + channel.size, 0);',
    replacement: 'const size = this.channels.get(source)?.size ?? 0;',
    tests: API_TESTS,
  },
  {
    promise: 'a task that no page follows is let go',
    file: STREAM,
    text: 'if (channel.size > 0 ||',
    replacement: 'if (channel.size >= 0 ||',
    tests: API_TESTS,
  },
  {
    promise: 'a look-alike that was taken out is not labelled',
    file: 'src/console/page/control/teach/alike-orders.ts',
    text: '.filter((id) => !without.includes(id));',
    replacement: ';',
    tests: [{ file: 'test/console/alike-page.test.ts' }],
  },
];

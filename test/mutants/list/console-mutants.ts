import type { Mutant } from '../mutant.js';

const SECURITY = 'src/console/server/security.ts';
const SECURITY_TESTS = [{ file: 'test/console/security.test.ts' }];
const REACH_TESTS = [
  { file: 'test/console/security.test.ts', names: 'needs a token|answers to addresses' },
];
const SERVER_TESTS = [{ file: 'test/console/server.test.ts' }];

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
    text: 'given !== undefined && timingSafeEqual(digest(given), this.tokenDigest)',
    replacement: 'given !== undefined && digest(given).length === this.tokenDigest.length',
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
    text: 'if (route.open !== true) gatekeeper.checkToken(request);',
    replacement: "if (route.method === 'POST') gatekeeper.checkToken(request);",
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
    file: 'src/console/server/stream.ts',
    text: 'this.listeners.size >= this.limits.maxListeners',
    replacement: 'this.listeners.size > this.limits.maxListeners',
    tests: [{ file: 'test/console/stream.test.ts' }],
  },
  {
    promise: 'a page that does not read is disconnected',
    file: 'src/console/server/stream.ts',
    text: 'listener.writableLength > this.limits.maxBacklogBytes',
    replacement: 'listener.writableLength > 1_000 * this.limits.maxBacklogBytes',
    tests: [{ file: 'test/console/stream.test.ts' }],
  },
];

import type { Mutant } from '../mutant.js';

const ROBOT = 'src/agent/access/robot-access.ts';
const TABLE = 'src/storage/access-table.ts';
const CERTIFICATE = 'src/agent/access/console-certificate.ts';
const ADMISSION = 'src/console/server/admission.ts';
const LIMITS = 'src/base/access/rate-limits.ts';
const CONNECTIONS = 'src/console/server/connections.ts';
const SERVER = 'src/console/server/console-server.ts';

const ROBOT_TESTS = [{ file: 'test/agent/access/robot-access.test.ts' }];
const CERTIFICATE_TESTS = [{ file: 'test/agent/access/console-certificate.test.ts' }];
const LINK_TESTS = [{ file: 'test/agent/access/pairing-links.test.ts' }];
const ADMISSION_TESTS = [{ file: 'test/console/admission.test.ts' }];
const LIMITS_TESTS = [{ file: 'test/base/rate-limits.test.ts' }];
const CONNECTION_TESTS = [{ file: 'test/console/connections.test.ts' }];

export const ACCESS_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a pairing is used once',
    file: TABLE,
    text: 'WHERE id = ? AND used = 0',
    replacement: 'WHERE id = ?',
    tests: [...ROBOT_TESTS, ...ADMISSION_TESTS],
  },
  {
    promise: 'a pairing expires',
    file: ROBOT,
    text: 'uptimeMs >= row.expiresUptimeMs',
    replacement: 'uptimeMs < 0',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'a pairing ends with the boot whose uptime counts',
    file: ROBOT,
    text: 'row.kernelBoot !== boot ||',
    replacement: '',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'a secret is compared, not only found',
    file: ROBOT,
    text: 'return equal && digest !== undefined;',
    replacement: 'return equal || digest !== undefined;',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'a session without use expires',
    file: ROBOT,
    text: 'this.#clocks.wallMs() - lastSeenAtMs >= this.#sessionMs',
    replacement: 'lastSeenAtMs < 0',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'a session in use outlives a clock that is set',
    file: ROBOT,
    text: 'if (use && this.#clocks.processMs() - use.atMs < this.#sessionMs) return false;',
    replacement: '',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'the use of a session is written once an hour',
    file: ROBOT,
    text: 'nowMs - before.recordedAtMs >= RECORD_INTERVAL_MS',
    replacement: 'nowMs >= before.recordedAtMs',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'to revoke all is also to revoke open pairings',
    file: ROBOT,
    text: 'this.#table.usePairings();',
    replacement: '',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'a use while the clock is behind does not shorten a session',
    file: TABLE,
    text: 'WHERE id = ? AND last_seen_at_ms < ?',
    replacement: 'WHERE id = ? AND last_seen_at_ms <> ?',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'sessions are bounded in number',
    file: TABLE,
    text: 'this.limits.maxSessions - 1',
    replacement: 'this.limits.maxSessions + 1',
    tests: ROBOT_TESTS,
  },
  {
    promise: 'no script of the page reads a session',
    file: ADMISSION,
    text: '; HttpOnly',
    replacement: '',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'no other site sends a session',
    file: ADMISSION,
    text: 'SameSite=Strict',
    replacement: 'SameSite=None',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a session of an encrypted page is not sent unencrypted',
    file: ADMISSION,
    text: "headers.origin?.startsWith('https://') === true",
    replacement: "headers.origin?.startsWith('https://') === false",
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a token is not compared when too many were wrong',
    file: ADMISSION,
    text: 'this.attempts.check(client);\n    if (!this.gatekeeper',
    replacement: 'if (!this.gatekeeper',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'wrong pairings are attempts, too',
    file: ADMISSION,
    text: 'this.attempts.check(client);\n        this.attempts.failed(client);',
    replacement: '',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a paired device has a bound of requests of its own',
    file: ADMISSION,
    text: 'session !== null && this.requests.take(`session ${session.id}`)',
    replacement: "session !== null && this.requests.take(client) && session.id === ''",
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a device that logs in again leaves no session behind',
    file: ADMISSION,
    text: 'await this.endOwn(request);\n        this.setCookie(request, response, session.secret',
    replacement: 'this.setCookie(request, response, session.secret',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a revoked session loses its streams',
    file: SERVER,
    text: 'intervalMs: REVOKED_INTERVAL_MS,',
    replacement: 'intervalMs: 1_000 * REVOKED_INTERVAL_MS,',
    tests: [{ file: 'test/console/admission.test.ts', names: 'loses its open stream' }],
  },
  {
    promise: 'the requests of a client are bounded',
    file: SERVER,
    text: 'admission.checkRate(request);',
    replacement: '',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'a flood of refusals does not fill the log',
    file: SERVER,
    text: "if (!this.refusalLines.take('all')) {",
    replacement: 'if (this.refusalLines.size < 0) {',
    tests: ADMISSION_TESTS,
  },
  {
    promise: 'clients are remembered in bounded memory',
    file: LIMITS,
    text: 'if (this.buckets.size <= this.maxClients) break;',
    replacement: 'break;',
    tests: LIMITS_TESTS,
  },
  {
    promise: 'a client that knows the token is not shut out by others',
    file: LIMITS,
    text: ' || this.known.has(client)) return;',
    replacement: ') return;',
    tests: LIMITS_TESTS,
  },
  {
    promise: 'attempts of all clients together are bounded',
    file: LIMITS,
    text: 'if (this.overall.has(ALL) ||',
    replacement: "if (client !== '' ||",
    tests: LIMITS_TESTS,
  },
  {
    promise: 'an IPv6 network is one client',
    file: LIMITS,
    text: "groups.slice(0, 4).join(':')",
    replacement: "groups.slice(0, 8).join(':')",
    tests: LIMITS_TESTS,
  },
  {
    promise: 'a connection that only drips makes room',
    file: CONNECTIONS,
    text: 'victim.socket.destroy();',
    replacement: '',
    tests: CONNECTION_TESTS,
  },
  {
    promise: 'a connection that is served stays',
    file: CONNECTIONS,
    text: 'among.filter(({ serving }) => !serving)',
    replacement: 'among.filter(({ turn }) => turn > 0)',
    tests: CONNECTION_TESTS,
  },
  {
    promise: 'the connections of one address are bounded',
    file: CONNECTIONS,
    text: 'own.length > this.limits.maxConnectionsPerClient &&',
    replacement: 'own.length < 0 &&',
    tests: CONNECTION_TESTS,
  },
  {
    promise: 'a request of a stranger keeps no connection',
    file: SERVER,
    text: 'if (caller !== null && takesBytes(route)) connections.serve(request);',
    replacement: 'connections.serve(request);',
    tests: CONNECTION_TESTS,
  },
  {
    promise: 'a body that comes too slowly is refused',
    file: 'src/console/server/http.ts',
    text: 'if (leftMs > 0) {',
    replacement: 'if (bytes >= 0) {',
    tests: [{ file: 'test/console/server.test.ts', names: 'too slow' }],
  },
  {
    promise: 'nobody else reads the token that headland makes',
    file: 'src/agent/access/console-token.ts',
    text: '`${token}\\n`, 0o600',
    replacement: '`${token}\\n`, 0o644',
    tests: [{ file: 'test/agent/console/start-console.test.ts', names: 'makes a token' }],
  },
  {
    promise: 'a page on loopback is offered to no other device',
    file: 'src/agent/access/listening.ts',
    text: 'checkReachable(host);\n  const bare',
    replacement: 'const bare',
    tests: LINK_TESTS,
  },
  {
    promise: 'a phone is offered the address that it can reach first',
    file: 'src/agent/access/lan-addresses.ts',
    text: 'found.sort((a, b) => a.rank - b.rank);',
    replacement: 'found.sort((a, b) => b.rank - a.rank);',
    tests: LINK_TESTS,
  },
  {
    promise: 'a certificate is used with its own key only',
    file: CERTIFICATE,
    text: 'if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {',
    replacement: 'if (keyPem === certificatePem.slice(1)) {',
    tests: CERTIFICATE_TESTS,
  },
  {
    promise: 'a certificate is made anew before it expires',
    file: CERTIFICATE,
    text: 'const RENEWED_BEFORE_DAYS = 60;',
    replacement: 'const RENEWED_BEFORE_DAYS = 0;',
    tests: CERTIFICATE_TESTS,
  },
  {
    promise: 'a certificate is valid no longer than phones accept',
    file: CERTIFICATE,
    text: 'const VALID_DAYS = 800;',
    replacement: 'const VALID_DAYS = 3_650;',
    tests: CERTIFICATE_TESTS,
  },
  {
    promise: 'a token goes to the page with the expected certificate alone',
    file: 'src/agent/access/ask-console.ts',
    text: '?.fingerprint256 === expected)',
    replacement: '?.fingerprint256 !== undefined)',
    tests: [{ file: 'test/agent/access/ask-console.test.ts' }],
  },
];

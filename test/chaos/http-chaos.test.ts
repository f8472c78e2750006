import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attackDaemon } from '../../chaos/http/http-chaos.js';
import { targets } from '../../chaos/http/targets.js';
import { TEST_HANG_MS } from '../liveness.js';

/** One of every kind; `chaos -- http` attacks all. */
const SOME = [
  'GET /',
  'GET /healthz',
  'GET /api/status',
  'GET /api/stream',
  'GET /api/frame.jpg',
  'GET /api/samples/1/picture',
  'POST /api/session',
  'POST /api/label',
  'POST /api/retrain',
  'DELETE /api/sessions/1',
];

test('a robot refuses every attack on its page, and tells no secret', {
  timeout: TEST_HANG_MS,
}, async () => {
  const routes = targets().filter(({ method, path }) => SOME.includes(`${method} ${path}`));
  assert.equal(routes.length, SOME.length);
  const outcome = await attackDaemon(routes, { waitsForDrips: false });
  assert.deepEqual(outcome.violations, []);
  assert.equal(outcome.routes, SOME.length);
  assert.ok(outcome.attacks > 300);
});

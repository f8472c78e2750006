import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { DoctorMessage } from '../../../src/agent/doctor/doctor-protocol.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';

const JOB = fileURLToPath(new URL('../../../src/agent/doctor/doctor-job.js', import.meta.url));

test('a full store may take as long as a slow card takes to read it', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const folder = temporaryFolder(t);
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  // A sparse file: it has the size of a full store, and is no database.
  const file = join(stateDir, 'headland.db');
  writeFileSync(file, '');
  truncateSync(file, 6_000_000_000);
  const configFile = join(folder, 'headland.yaml');
  writeFileSync(configFile, stringify({ paths: { stateDir } }));
  const job = fork(JOB);
  const messages: DoctorMessage[] = [];
  job.on('message', (message: DoctorMessage) => messages.push(message));
  job.send({ request: { configFile, imagesDir: null }, checks: ['store', 'memory'] });
  await once(job, 'close');
  const kinds = messages.map(({ type }) => type);
  assert.deepEqual(kinds, ['began', 'allowed', 'ended', 'began', 'ended']);
  const allowed = messages.find((message) => message.type === 'allowed');
  assert.ok(allowed && allowed.limitMs >= 600_000, JSON.stringify(allowed));
});

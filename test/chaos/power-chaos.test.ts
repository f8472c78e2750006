import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { NOTHING_TO_LOSE, Recording } from '../../chaos/power/power-chaos.js';
import { TEST_HANG_MS } from '../liveness.js';

const hasStrace = spawnSync('strace', ['-V']).status === 0;
const skip = hasStrace ? false : 'strace is not installed';
const WANTED = { states: 600, seed: 1, seconds: 600 };

describe('a robot whose power is cut at any moment of its work', {
  skip,
  timeout: TEST_HANG_MS,
}, () => {
  let recording: Recording;
  before(async () => {
    recording = await Recording.make(1);
  });
  after(() => recording.remove());

  it('starts with all that it has acknowledged, and nothing else', async () => {
    const outcome = await recording.check(WANTED);
    assert.deepEqual(outcome.violations, []);
    assert.equal(outcome.complete, true);
    assert.ok(outcome.states > WANTED.states / 2, `${outcome.states} states`);
    assert.ok(outcome.distinct > 100, `${outcome.distinct} different states`);
  });

  it('needs every flush: without any one of them something is lost', async () => {
    const outcome = await recording.dropEach(WANTED);
    assert.deepEqual(outcome.violations, []);
    const sites = recording.sites().filter((site) => site !== NOTHING_TO_LOSE);
    assert.ok(sites.length >= 14, sites.join('\n'));
    assert.ok(sites.includes('SQLite: the log'));
    assert.ok(outcome.states > sites.length);
  });
});

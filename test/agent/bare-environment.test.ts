import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { Person, Rig } from './daemon.js';

const PATH = process.env.PATH ?? '/usr/bin:/bin';
const ENVIRONMENTS: Record<string, string[]> = {
  'nothing but a path': [`PATH=${PATH}`],
  'a foreign language and an unknown time zone': [
    `PATH=${PATH}`,
    'TZ=Nowhere/Land',
    'LANG=tr_TR.UTF-8',
    'LC_ALL=tr_TR.UTF-8',
    'LC_NUMERIC=de_DE.UTF-8',
  ],
  'a home that is not there': [`PATH=${PATH}`, 'HOME=/nonexistent', 'TZ=', 'LANG='],
};

describe('an environment as services have it', { timeout: TEST_HANG_MS }, () => {
  for (const [what, environment] of Object.entries(ENVIRONMENTS)) {
    test(`${what}, and no shared memory to write`, { timeout: TEST_HANG_MS }, async (t) => {
      if (spawnSync('unshare', ['--mount', 'true']).status !== 0) {
        t.skip('a private mount namespace needs root');
        return;
      }
      const rig = await Rig.create(t);
      const empty = join(rig.dir, 'empty');
      mkdirSync(empty);
      const script =
        'mount --bind "$0" /dev/shm && mount -o remount,ro,bind /dev/shm && exec env -i "$@"';
      const daemon = await rig.start({
        wrapper: ['unshare', '--mount', 'sh', '-c', script, empty, ...environment],
      });
      const person = await Person.connect(t, daemon.mqttUrl);
      const { body } = await person.until(({ topic }) => topic.endsWith('/prediction'));
      assert.match(body.at, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
      assert.equal(typeof body.timings.total_ms, 'number');
      await person.labelFrames(rig, 14);
      await person.command('retrain');
      const { body: report } = await person.until(({ topic }) => topic.endsWith('training/report'));
      assert.equal(report.outcome, 'promoted', JSON.stringify(report));
      assert.equal((await daemon.stop()).code, 0);
    });
  }
});

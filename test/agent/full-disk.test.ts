import assert from 'node:assert/strict';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { Person, Rig } from './daemon.js';

test('on a full disk a label is refused by name, frames go on, and nothing given before is lost', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t, { samples: { askMaxWaiting: 0, minFreeBytes: 0 } });
  if (!rig.mountState('4m')) return t.skip('needs the right to mount a tmpfs');

  const daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  await person.until(({ topic }) => topic === 'headland/r1/prediction');
  await person.labelFrames(rig, 5);

  const ballast = join(rig.stateDir, 'ballast');
  const { bavail, bsize } = statfsSync(rig.stateDir);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  const code = await untilRefused(person);
  assert.equal(code, 'HL_STORE_FULL');
  const seen = person.received.length;
  await person.until(
    (message) => person.received.indexOf(message) >= seen && message.topic.endsWith('/prediction'),
  );
  assert.ok(daemon.alive);

  rmSync(ballast);
  await person.labelFrames(rig, 3);
  const { data } = await person.command('status');
  assert.ok(data.samples.labelled >= 8, JSON.stringify(data.samples));
  assert.equal((await daemon.stop()).code, 0);
});

/** What fits into the file's last free pages still succeeds; then every label is refused. */
async function untilRefused(person: Person): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const snapshot = await person.command('snapshot');
    if (!snapshot.ok) return snapshot.error.code;
  }
  throw new Error('200 pictures were stored on a full disk');
}

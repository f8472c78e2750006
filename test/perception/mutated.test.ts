import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createRandom } from '../../src/base/random.js';
import { TEST_HANG_MS } from '../liveness.js';
import { drawPicture } from '../training/fixture.js';
import { mutatedJpeg, wholeJpegs } from '../vision/mutations.js';
import { startPerception } from './support.js';

const PICTURES = 1_000;
const WARM_UP = 300;
/** One leaked picture of 320 x 240 each would be 150 MiB. */
const RSS_LIMIT_MIB = 64;

const openFiles = () => readdirSync('/proc/self/fd').length;
const rssMib = () => process.memoryUsage.rss() / 2 ** 20;

test('damaged JPEGs neither stop perception nor leave anything behind', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const { perception, answers } = await startPerception(t);
  const whole = await wholeJpegs();
  const random = createRandom(20_260_504);
  let filesBefore = 0;
  let rssBefore = 0;
  for (let n = 0; n < PICTURES; n++) {
    if (n === WARM_UP) [filesBefore, rssBefore] = [openFiles(), rssMib()];
    await perception.submit({ camera: 'main', region: null, jpeg: mutatedJpeg(whole, random) });
  }
  assert.equal(answers.length, PICTURES);
  const codes = new Set(answers.flatMap(({ error }) => (error ? [error.code] : [])));
  for (const code of codes) assert.match(code, /^HL_PICTURE_/);
  const seen = answers.filter(({ perceived }) => perceived !== null);
  assert.ok(seen.length > 0 && seen.length < PICTURES, `${seen.length} were whole enough`);
  for (const { perceived } of seen) assert.ok(perceived?.features.every(Number.isFinite));
  await perception.submit({ camera: 'main', region: null, jpeg: await drawPicture('crop', 1) });
  assert.equal(answers.at(-1)?.error, null);
  assert.equal(openFiles(), filesBefore);
  const grownMib = rssMib() - rssBefore;
  assert.ok(grownMib < RSS_LIMIT_MIB, `grown by ${grownMib.toFixed(0)} MiB`);
});

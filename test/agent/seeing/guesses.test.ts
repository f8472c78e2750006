import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guesses } from '../../../src/agent/seeing/guesses.js';
import { configSchema } from '../../../src/config/schema.js';
import { startPerception } from '../../perception/support.js';
import { drawPicture, someHead } from '../../training/fixture.js';
import { openRobot, recentFrame } from '../support.js';

describe('the guess at a stored sample', () => {
  test('is what the serving head decided on its frame', async (t) => {
    const { state } = openRobot(t);
    const { perception, answers } = await startPerception(t);
    const { checksum } = perception.backbone!;
    const parts = {
      task: 'main',
      perception,
      samples: state.task().samples,
      inference: configSchema.parse({}).inference,
    };
    const keep = (sequence: number, features: Float32Array, backboneChecksum: string): string => {
      const { sample } = state.task().samples.admit({
        jpeg: recentFrame({ sequence }).frame.jpeg,
        label: null,
        labelSource: null,
        group: 'g',
        source: 'main',
        capturedAtMs: sequence,
        dhash: '0000000000000000',
      });
      const row = { sampleId: sample.id, backboneChecksum, features, recipe: '', view: 0 };
      state.task().samples.putFeatures([row]);
      return sample.id;
    };

    await perception.submit({ camera: 'main', region: null, jpeg: await drawPicture('crop', 1) });
    const features = answers[0]!.perceived!.features;
    const [here, elsewhere] = [keep(1, features, checksum), keep(2, features, 'c'.repeat(64))];
    assert.deepEqual(guesses(parts, [here]), new Map(), 'no head serves');

    const head = { ...someHead(3, ['crop', 'stone', 'weed']), backboneChecksum: checksum };
    await perception.swapHead('main', { version: 4, head });
    await perception.submit({ camera: 'main', region: null, jpeg: await drawPicture('crop', 1) });
    const { top } = answers[1]!.perceived!.answers[0]!.decision;
    const found = guesses(parts, [here, elsewhere, 'gone']);
    assert.deepEqual([...found.keys()], [here], 'only what has features of this backbone');
    assert.equal(found.get(here)?.label, top[0]?.label);
    // Features are kept as float16.
    const difference = Math.abs(found.get(here)!.probability - top[0]!.probability);
    assert.ok(difference < 1e-3, String(difference));
    assert.deepEqual(guesses(parts, []), new Map());

    await perception.swapHead('main', null);
    assert.deepEqual(guesses(parts, [here]), new Map());
  });
});

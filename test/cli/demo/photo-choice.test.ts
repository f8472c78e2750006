import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PhotoChoice } from '../../../src/cli/demo/photos/photo-choice.js';

const taught = (origin: string) => ({
  camera: 'taught',
  group: origin,
  decided: 'crop',
  reference: origin.split('/')[0]!,
});
const untaught = (origin: string, decided: string) => ({
  ...taught(origin),
  camera: 'untaught',
  decided,
});

test('photos are labelled step by step, and those held back never', () => {
  const choice = new PhotoChoice(
    new Map([
      ['crop', 3],
      ['weed', 2],
    ]),
    new Map([
      ['weed/x.jpg', 'one pass'],
      ['weed/y.jpg', 'one pass'],
    ]),
  );
  assert.equal(choice.see(taught('crop/1.jpg')), false, 'before the first step');
  choice.teach(1);
  assert.equal(choice.see(taught('crop/1.jpg')), true);
  assert.equal(choice.see(taught('crop/1.jpg')), false, 'a second time');
  assert.equal(choice.see(taught('crop/2.jpg')), false, 'more than one of its class');
  assert.equal(choice.isTaught, false);
  assert.equal(choice.see(taught('weed/1.jpg')), true);
  assert.equal(choice.isTaught, true);
  choice.forget('weed/1.jpg');
  assert.equal(choice.isTaught, false);
  assert.equal(choice.see(taught('weed/1.jpg')), true, 'after a refusal');

  for (let step = 0; step < 20; step++) choice.see(untaught('weed/x.jpg', 'crop'));
  choice.measure();
  assert.equal(choice.see(untaught('weed/x.jpg', 'weed')), false);
  assert.equal(choice.see(untaught('weed/y.jpg', 'crop')), false);
  assert.equal(choice.see(untaught('crop/z.jpg', 'crop')), false);
  assert.equal(choice.answers, 3);
  assert.deepEqual(choice.measured, [
    { answers: 2, right: 1 },
    { answers: 1, right: 1 },
  ]);
  assert.equal(choice.rollingAccuracy(3), 2 / 3);

  choice.teach(4);
  assert.equal(choice.see(taught('weed/2.jpg')), true);
  assert.equal(choice.see(taught('crop/2.jpg')), true);
  assert.equal(choice.isTaught, false);
  assert.equal(choice.see(taught('crop/3.jpg')), true);
  assert.equal(choice.isTaught, true, 'no class has more photos');
});

test('photos that never come do not hold a step up', () => {
  const choice = new PhotoChoice(new Map([['crop', 2]]), new Map());
  choice.alreadyLabelled(['crop/1.jpg']);
  assert.equal(choice.leastLabelled, 1);
  choice.teach(2);
  for (let frame = 0; frame < 3; frame++) choice.see(taught('crop/1.jpg'));
  assert.equal(choice.isTaught, false);
  choice.see(taught('crop/1.jpg'));
  assert.equal(choice.isTaught, true);
});

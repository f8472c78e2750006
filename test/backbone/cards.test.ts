import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { listCards, loadCard } from '../../src/backbone/card-folders.js';
import { parseCard } from '../../src/backbone/model-card.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { tinyCard } from './support.js';

test('every card that comes along is valid and can be had from somewhere', async () => {
  const cards = await listCards(null);
  assert.deepEqual(
    cards.map((card) => card.name),
    [
      'efficientnet-lite0',
      'efficientnet-lite0-288',
      'efficientnet-lite0-288-2tap',
      'efficientnet-lite0-288-tfjs',
      'efficientnet-lite1',
      'efficientnet-lite2',
      'mobilenet-v1',
      'mobilenet-v2',
      'resnet50',
    ],
  );
  const lite0 = await loadCard('efficientnet-lite0', null);
  assert.ok(lite0.sources.some((source) => source.kind === 'pip'));
  // Its file was never read where the cards are made: golden features of it are not known.
  const unread = ['resnet50'];
  for (const { name, golden } of cards) {
    assert.equal(golden === null, unread.includes(name), `${name} has golden features`);
  }
});

test('an unknown name is refused with the nearest one', async () => {
  await assert.rejects(loadCard('efficientnet-lit0', null), (error) => {
    assert.ok(isHeadlandError(error, 'HL_MODEL_CARD_UNKNOWN'));
    assert.match(error.remedy, /nearest: efficientnet-lite0/);
    return true;
  });
});

const faults: [what: string, change: Record<string, unknown>, named: RegExp][] = [
  ['a key that does not exist', { inputsize: 224 }, /inputsize/],
  [
    'a checksum in capitals',
    { sources: [{ kind: 'mirror', file: 'x', sha256: 'A'.repeat(64), bytes: 1 }] },
    /sources\.0\.sha256/,
  ],
  [
    'a file outside the mirror',
    { sources: [{ kind: 'mirror', file: '../x', sha256: 'a'.repeat(64), bytes: 1 }] },
    /sources\.0\.file/,
  ],
  [
    'a plain http URL',
    { sources: [{ kind: 'https', url: 'http://x.example/a', sha256: 'a'.repeat(64), bytes: 1 }] },
    /sources\.0\.url/,
  ],
  [
    'a pip option as a package',
    {
      sources: [
        {
          kind: 'pip',
          package: '--index-url',
          version: '1',
          file: 'x.whl',
          sha256: 'a'.repeat(64),
          bytes: 1,
        },
      ],
    },
    /sources\.0\.package/,
  ],
  ['no source', { sources: [] }, /sources/],
  [
    'a division by zero',
    { normalisation: { mean: [0, 0, 0], std: [1, 0, 1] } },
    /normalisation\.std\.1/,
  ],
  [
    'a state_dict without architecture',
    { format: 'efficientnet-lite-state-dict', tap: null },
    /architecture/,
  ],
  ['a name with a path in it', { name: '../tiny' }, /name/],
];
for (const [what, change, named] of faults) {
  test(`a card with ${what} is refused`, () => {
    assert.throws(
      () => parseCard({ ...tinyCard(), ...change }, 'test'),
      (error) => isHeadlandError(error, 'HL_MODEL_CARD_INVALID') && named.test(error.message),
    );
  });
}

test('own cards go before those that come along', async (t) => {
  const dir = temporaryFolder(t);
  const own = {
    ...tinyCard({
      sources: [{ kind: 'file', file: 'weights/a.onnx', sha256: 'a'.repeat(64), bytes: 1 }],
    }),
    name: 'mobilenet-v1',
  };
  await mkdir(join(dir, 'weights'));
  await writeFile(join(dir, 'mobilenet-v1.json'), JSON.stringify(own));
  const card = await loadCard('mobilenet-v1', dir);
  assert.equal(card.title, 'Tiny');
  assert.equal(
    card.sources[0]?.kind === 'file' && card.sources[0].file,
    join(dir, 'weights/a.onnx'),
  );
  assert.equal((await listCards(dir)).filter((c) => c.name === 'mobilenet-v1').length, 1);
  await assert.rejects(loadCard('x', join(dir, 'absent')), (error) =>
    isHeadlandError(error, 'HL_MODEL_CARDS_UNREADABLE'),
  );
});

test('a card under another name, or of broken JSON, is refused', async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'other.json'), JSON.stringify(tinyCard()));
  await assert.rejects(loadCard('other', dir), (e) => isHeadlandError(e, 'HL_MODEL_CARD_INVALID'));
  await writeFile(join(dir, 'other.json'), '{"schema": 1,');
  await assert.rejects(listCards(dir), (e) => isHeadlandError(e, 'HL_MODEL_CARD_INVALID'));
});

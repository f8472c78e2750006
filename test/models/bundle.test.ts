import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { readCachedModel } from '../../src/backbone/cache.js';
import { addedCards, loadCard } from '../../src/backbone/card-folders.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { quantizedCard } from '../../src/backbone/variant.js';
import { type ErrorCode, isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { removeModel } from '../../src/models/add-model.js';
import { packBundle, readBundle } from '../../src/models/bundle/backbone-bundle.js';
import {
  ArchiveFault,
  packArchive,
  unpackArchive,
} from '../../src/models/bundle/bundle-archive.js';
import { bundleLicence } from '../../src/models/bundle/bundle-licence.js';
import { bundleFile } from '../../src/models/bundle/bundle-names.js';
import { addBundle } from '../../src/models/bundle/install-bundle.js';
import { convertModel } from '../../src/models/convert-model.js';
import { pullModel } from '../../src/models/pull-model.js';
import {
  encodeModel,
  identity,
  pullOptions,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';
import { temporaryFolder } from '../temporary-folder.js';

const MAX_BYTES = 1_000_000;
const ours = encodeModel(tinyClassifier());

/** A machine that has pulled `tiny`, and the bundle that it makes. */
async function maker(t: TestContext, card = tinyCard(), file = ours) {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'tiny.onnx'), file);
  const cacheDir = join(dir, 'cache');
  const pulled = await pullModel(card, pullOptions(cacheDir, { mirrors: [dir] }));
  const cached = await readCachedModel(card, cacheDir);
  const bytes = packBundle(card, cached, bundleLicence(card, 'headland 0', 'Text.'), 'headland 0');
  return { cacheDir, bytes, pulled };
}

/** A robot without any source; cards as files in a folder. */
async function robot(t: TestContext, ...cards: ModelCard[]) {
  const dir = temporaryFolder(t);
  const cardsDir = join(dir, 'cards');
  await mkdir(cardsDir);
  for (const card of cards) {
    await writeFile(join(cardsDir, `${card.name}.json`), JSON.stringify(card));
  }
  const addedDir = join(dir, 'state', 'backbones');
  const cacheDir = join(dir, 'cache');
  const give = async (bytes: Uint8Array, name = 'given.zip') => {
    const file = join(dir, name);
    await writeFile(file, bytes);
    return file;
  };
  const add = async (bytes: Uint8Array) =>
    addBundle({ file: await give(bytes), cardsDir, addedDir, cacheDir, maxBytes: MAX_BYTES });
  return { dir, cardsDir, addedDir, cacheDir, give, add };
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  const error = await promise.then(
    () => assert.fail('it was taken'),
    (failure: unknown) => failure,
  );
  assert.ok(isHeadlandError(error), String(error));
  return error.code;
}

test('a bundle fills the cache of a robot without a source, and the bytes are the same', async (t) => {
  const { bytes, pulled } = await maker(t);
  const { add, cacheDir, addedDir } = await robot(t, tinyCard());
  const added = await add(bytes);
  assert.equal(added.checksum, pulled.checksum);
  assert.equal(added.isNewCard, false);
  assert.deepEqual(await addedCards(addedDir), [], 'its own card stays in force');
  const { checksum, sourceSha256 } = await readCachedModel(tinyCard(), cacheDir);
  assert.equal(checksum, pulled.checksum);
  assert.equal(sourceSha256, identity(ours).sha256);

  // The cache can be lost; the bundle stays.
  await rm(cacheDir, { recursive: true });
  const options = pullOptions(cacheDir, { bundleDirs: [addedDir], allowDownload: false });
  const again = await pullModel(tinyCard(), options);
  assert.equal(again.source, `bundle ${join(addedDir, 'tiny.backbone.zip')}`);
  assert.equal((await pullModel(tinyCard(), options)).fromCache, true);

  await removeModel({ name: 'tiny', addedDir, cacheDir, configured: 'other' });
  assert.equal(await codeOf(pullModel(tinyCard(), options)), 'HL_MODEL_UNAVAILABLE');
});

test('a robot that does not know the backbone gets its card too', async (t) => {
  const file = { kind: 'file', file: '/home/someone/mine.onnx', ...identity(ours) };
  const { bytes } = await maker(
    t,
    tinyCard({
      name: 'mine',
      sources: [{ kind: 'mirror', file: 'tiny.onnx', ...identity(ours) }, file],
    }),
  );
  assert.doesNotMatch(Buffer.from(bytes).toString('latin1'), /someone/);
  const { add, cacheDir, addedDir } = await robot(t);
  assert.equal((await add(bytes)).isNewCard, true);
  const card = await loadCard('mine', null, addedDir);
  assert.equal(card.title, 'Tiny');
  await readCachedModel(card, cacheDir);
  assert.equal((await add(bytes)).isNewCard, false, 'once more');
  await rm(cacheDir, { recursive: true });
  await pullModel(card, pullOptions(cacheDir, { bundleDirs: [addedDir], allowDownload: false }));
  assert.equal(
    await codeOf(removeModel({ name: 'mine', addedDir, cacheDir, configured: 'mine' })),
    'HL_MODEL_IN_USE',
  );
  await removeModel({ name: 'mine', addedDir, cacheDir, configured: 'other' });
  assert.deepEqual(await addedCards(addedDir), []);
  assert.equal(existsSync(join(addedDir, bundleFile('mine'))), false);
});

test('an 8-bit variant travels with the features of the machine that made it', async (t) => {
  const { cacheDir: from } = await maker(t);
  const card = tinyCard();
  const { model, sourceSha256 } = await readCachedModel(card, from);
  const variant = quantizedCard(card);
  const right = [...(await featuresOf(card, from))];
  const pack = (features: number[]) =>
    packBundle(
      variant,
      { model, sourceSha256, variantGolden: { features, maxRelativeError: 0.01 } },
      'Text.',
      'headland 0',
    );
  const { add, cacheDir, addedDir } = await robot(t, card);
  const other = right.map((value) => 2 * value);
  assert.equal(await codeOf(add(pack(other))), 'HL_MODEL_INT8_DIFFERS');
  assert.equal((await add(pack(right))).card.name, 'tiny-int8');
  assert.deepEqual((await readCachedModel(variant, cacheDir)).variantGolden?.features, right);
  await rm(cacheDir, { recursive: true });
  await pullModel(variant, pullOptions(cacheDir, { bundleDirs: [addedDir] }));
});

async function featuresOf(card: ModelCard, cacheDir: string): Promise<Float32Array> {
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  try {
    return await backbone.embed(drawCheckPicture(card.inputSize));
  } finally {
    await backbone.close();
  }
}

test('a bundle has the same bytes each time, and sha256sum and unzip understand it', async (t) => {
  const { bytes } = await maker(t);
  assert.deepEqual((await maker(t)).bytes, bytes);
  const files = unzipSync(bytes);
  assert.deepEqual(Object.keys(files), [
    'LICENCE.txt',
    'manifest.json',
    'model.onnx',
    'SHA256SUMS',
  ]);
  const sums = Buffer.from(files.SHA256SUMS!).toString();
  assert.ok(sums.includes(`${identity(files['model.onnx']!).sha256}  model.onnx\n`));
  assert.match(
    Buffer.from(files['LICENCE.txt']!).toString(),
    /CC0-1\.0[\s\S]*headland 0[\s\S]*Text\./,
  );
});

test('a damaged bundle is skipped with its reason, and the next source serves', async (t) => {
  const { bytes } = await maker(t);
  const { dir, cacheDir } = await robot(t);
  const [broken, whole] = [join(dir, 'broken'), join(dir, 'whole')];
  for (const folder of [broken, whole]) await mkdir(folder);
  await writeFile(join(broken, bundleFile('tiny')), bytes.subarray(0, -30));
  const options = pullOptions(cacheDir, { bundleDirs: [broken, whole], allowDownload: false });
  const error = await pullModel(tinyCard(), options).catch((failure: unknown) => failure);
  assert.ok(isHeadlandError(error, 'HL_MODEL_UNAVAILABLE'));
  assert.match(error.message, /HL_MODEL_BUNDLE_INVALID/);
  await writeFile(join(whole, bundleFile('tiny')), bytes);
  assert.match((await pullModel(tinyCard(), options)).source, /whole/);
});

const files = { 'a.txt': strToU8('first'), b: new Uint8Array(300).fill(7) };

test('no flipped bit and no cut changes what an archive holds unnoticed', () => {
  const archive = packArchive(files);
  assert.deepEqual({ ...unpackArchive(archive, MAX_BYTES) }, files);
  let refused = 0;
  const check = (bytes: Uint8Array, what: string) => {
    try {
      assert.deepEqual({ ...unpackArchive(bytes, MAX_BYTES) }, files, what);
    } catch (error) {
      assert.ok(error instanceof ArchiveFault, `${what}: ${error}`);
      refused += 1;
    }
  };
  for (let i = 0; i < archive.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const copy = Uint8Array.from(archive);
      copy[i]! ^= 1 << bit;
      check(copy, `byte ${i}, bit ${bit}`);
    }
    check(archive.subarray(0, i), `cut to ${i}`);
  }
  // Every byte of content and every cut at least.
  assert.ok(refused > 8 * 305 + archive.length, `${refused}`);
});

/** What zipSync can write: it takes this one name for the prototype of its list. */
const fileName = fc.string({ maxLength: 12 }).filter((name) => name !== '__proto__');

test('a file named like the prototype of an object is refused', async (t) => {
  const { give } = await robot(t);
  for (const files of [{ aaaaaaaaa: strToU8('x') }, { aaaaaaaaa: strToU8('x'), b: strToU8('y') }]) {
    const text = Buffer.from(packArchive(files)).toString('latin1');
    const bytes = Buffer.from(text.replaceAll('aaaaaaaaa', '__proto__'), 'latin1');
    assert.equal(await codeOf(readBundle(await give(bytes), MAX_BYTES)), 'HL_MODEL_BUNDLE_INVALID');
  }
});

test('whatever a file holds, it is refused with a code', async (t) => {
  const { give } = await robot(t);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc
          .dictionary(fileName, fc.uint8Array({ maxLength: 60 }))
          .map((entries) => zipSync(entries)),
        fc.json().map((text) => packArchive({ 'manifest.json': strToU8(text) })),
      ),
      async (bytes) => {
        const code = await codeOf(readBundle(await give(bytes), MAX_BYTES));
        assert.equal(code, 'HL_MODEL_BUNDLE_INVALID');
      },
    ),
    { numRuns: 300 },
  );
});

/** The bundle's files changed, with checksums that fit. */
function remade(
  bytes: Uint8Array,
  change: (files: Record<string, Uint8Array>, manifest: Record<string, unknown>) => void,
): Uint8Array {
  const { SHA256SUMS: _sums, ...inner } = unzipSync(bytes);
  const manifest = JSON.parse(Buffer.from(inner['manifest.json']!).toString());
  const before = inner['manifest.json'];
  change(inner, manifest);
  if (inner['manifest.json'] === before) inner['manifest.json'] = strToU8(JSON.stringify(manifest));
  return packArchive(inner);
}

const hostile: {
  what: string;
  code: ErrorCode;
  make: (bytes: Uint8Array) => Uint8Array;
}[] = [
  {
    what: 'more than models.maxBytes once unpacked',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: () => zipSync({ 'model.onnx': new Uint8Array(20_000_000) }),
  },
  {
    what: 'a path that leaves the folder',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: (bytes) =>
      remade(bytes, (inner, manifest) => {
        const { card } = manifest as { card: Record<string, unknown> };
        card.name = manifest.name = '../../../etc/cron.d/evil';
        inner['../../evil'] = strToU8('x');
      }),
  },
  {
    what: 'the name of another card',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: (bytes) =>
      remade(bytes, (_, manifest) => {
        manifest.name = 'resnet50';
      }),
  },
  {
    what: 'no model',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: (bytes) =>
      remade(bytes, (inner) => {
        delete inner['model.onnx'];
      }),
  },
  {
    what: 'no licence',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: (bytes) =>
      remade(bytes, (inner) => {
        delete inner['LICENCE.txt'];
      }),
  },
  {
    what: 'a format of the future',
    code: 'HL_MODEL_BUNDLE_INVALID',
    make: (bytes) =>
      remade(bytes, (_, manifest) => {
        manifest.schema = 2;
      }),
  },
  {
    what: 'a conversion by another version',
    code: 'HL_MODEL_BUNDLE_FOREIGN',
    make: (bytes) =>
      remade(bytes, (_, manifest) => {
        (manifest.recipe as Record<string, unknown>).converter = 99;
      }),
  },
  {
    what: 'other weights under the name of a known card',
    code: 'HL_MODEL_BUNDLE_FOREIGN',
    make: (bytes) =>
      remade(bytes, (_, manifest) => {
        manifest.sourceSha256 = '0'.repeat(64);
      }),
  },
  {
    what: 'a model that computes nothing',
    code: 'HL_MODEL_CHECK_FAILED',
    make: (bytes) =>
      remade(bytes, (inner) => {
        // All its weights are zero.
        inner['model.onnx'] = convertModel(encodeModel(tinyClassifier(0)), tinyCard());
      }),
  },
  {
    what: 'a model that no engine opens',
    code: 'HL_MODEL_ONNX_INVALID',
    make: (bytes) =>
      remade(bytes, (inner) => {
        inner['model.onnx'] = strToU8('no model');
      }),
  },
];

for (const { what, code, make } of hostile) {
  test(`refused: ${what}`, async (t) => {
    const { bytes } = await maker(t);
    const { add, cacheDir, addedDir } = await robot(t, tinyCard());
    assert.equal(await codeOf(add(make(bytes))), code);
    assert.equal(existsSync(join(cacheDir, 'backbones', 'tiny')), false);
    assert.equal(existsSync(addedDir), false);
  });
}

test('a file above the bound is not read', async (t) => {
  const { give } = await robot(t);
  const file = await give(new Uint8Array(5_000_001));
  assert.equal(await codeOf(readBundle(file, MAX_BYTES)), 'HL_MODEL_TOO_LARGE');
  assert.equal(await codeOf(readBundle(`${file}x`, MAX_BYTES)), 'HL_MODEL_FILE_UNREADABLE');
  assert.equal((await readFile(file)).length, 5_000_001);
});

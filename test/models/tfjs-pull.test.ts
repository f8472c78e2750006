import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import test, { before, type TestContext } from 'node:test';
import { zipSync } from 'fflate';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { openTfjs, type Tfjs } from '../../src/backbone/engines/tfjs-library.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { pullModel } from '../../src/models/pull-model.js';
import { verifyModel } from '../../src/models/verify-model.js';
import { identity, pullOptions, TINY_FEATURES, TINY_SIZE } from '../backbone/support.js';
import { savedFiles, tfjsCard } from '../backbone/tfjs-support.js';
import { listen } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';

type Files = Record<string, Uint8Array>;

let files: Files;
before(async () => {
  const { tf }: { tf: Tfjs } = await openTfjs(silentLog());
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [TINY_SIZE, TINY_SIZE, 3],
        filters: TINY_FEATURES,
        kernelSize: 3,
        kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }),
      }),
      tf.layers.globalAveragePooling2d({}),
    ],
  });
  files = await savedFiles(tf, model, 3);
});

const card = (changed: Files = files, changes: Record<string, unknown> = {}) =>
  tfjsCard(changed, {
    format: 'tfjs-layers-model',
    featureSize: TINY_FEATURES,
    ...changes,
  });

async function mirror(t: TestContext, content: Files): Promise<string> {
  const dir = temporaryFolder(t);
  for (const [name, bytes] of Object.entries(content)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
  return dir;
}

/** Why a pull failed; the cache must hold nothing after it. */
async function failure(t: TestContext, content: Files, of = card(content)): Promise<string> {
  const cacheDir = temporaryFolder(t);
  const mirrors = [await mirror(t, content)];
  const error = await pullModel(of, pullOptions(cacheDir, { mirrors })).then(
    () => assert.fail('it was pulled'),
    (thrown: Error) => thrown,
  );
  assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
  return error.message;
}

interface Manifest {
  weightsManifest: [{ paths: string[]; weights: [{ shape: number[]; dtype: string }] }];
  modelTopology: { config: { layers: [{ class_name: string }] } };
}

/** The manifest of `files`, changed. */
function manifest(change: (json: Manifest) => void): Files {
  const json: Manifest = JSON.parse(Buffer.from(files['model.json']!).toString('utf8'));
  change(json);
  return { ...files, 'model.json': Buffer.from(JSON.stringify(json)) };
}

test('a folder, a web server, a zip archive and a file bring the same model with all its shards', async (t) => {
  const dir = await mirror(t, files);
  const served: string[] = [];
  const server = createServer((request, response) => {
    served.push(request.url!);
    readFile(join(dir, request.url!)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  t.after(() => server.close());
  const { 'model.json': json, ...shards } = files;
  const inside = Object.entries(files).map(([name, bytes]) => [`a/b/${name}`, bytes] as const);
  const archive = zipSync(Object.fromEntries(inside));
  const named = Object.entries(shards).map(([file, bytes]) => ({ file, ...identity(bytes) }));
  const zipped = card(files, {
    sources: [
      {
        kind: 'mirror',
        file: 'model.zip',
        ...identity(archive),
        member: { file: 'a/b/model.json', ...identity(json!) },
        shards: named,
      },
    ],
  });
  const filed = card(files, {
    sources: [{ kind: 'file', file: join(dir, 'model.json'), ...identity(json!), shards: named }],
  });
  const archives = await mirror(t, { 'model.zip': archive });
  const checksums = new Set<string>();
  for (const [of, mirrors] of [
    [card(), [dir]],
    [card(), [url]],
    [zipped, [archives]],
    [filed, []],
  ] as const) {
    const cacheDir = temporaryFolder(t);
    const received: number[] = [];
    const pulled = await pullModel(
      of,
      pullOptions(cacheDir, {
        mirrors,
        onProgress: ({ receivedBytes, totalBytes }) => {
          assert.ok(receivedBytes <= totalBytes!);
          received.push(receivedBytes);
        },
      }),
    );
    assert.equal(pulled.path, join(cacheDir, 'backbones', 'tiny', 'model.tfjs.zip'));
    assert.deepEqual(
      received,
      received.toSorted((a, b) => a - b),
    );
    checksums.add(pulled.checksum);
    assert.equal((await pullModel(of, pullOptions(cacheDir))).fromCache, true);
    await verifyModel(of, cacheDir);
    const backbone = await openBackbone({ card: of, cacheDir, threads: 1, log: silentLog() });
    const features = await backbone.embed(drawCheckPicture(TINY_SIZE));
    assert.equal(features.length, TINY_FEATURES);
    await backbone.close();
  }
  assert.equal(checksums.size, 1);
  assert.equal(new Set(served).size, 4, 'model.json and three shards were asked for');
});

test('a shard that is damaged, missing or too large is refused before anything is parsed', async (t) => {
  const name = 'group1-shard2of3.bin';
  const flipped = files[name]!.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
  assert.match(
    await failure(t, { ...files, [name]: flipped }, card()),
    /HL_MODEL_CHECKSUM.*shard2/,
  );
  const { [name]: _, ...rest } = files;
  assert.match(await failure(t, rest, card()), /HL_MODEL_SOURCE_FAILED/);
  const broken = { ...files, 'model.json': Buffer.from('{') };
  assert.match(await failure(t, broken, card()), /HL_MODEL_CHECKSUM/);
  const cacheDir = temporaryFolder(t);
  const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  const mirrors = [await mirror(t, files)];
  await assert.rejects(
    pullModel(card(), pullOptions(cacheDir, { mirrors, maxBytes: total - 1 })),
    /HL_MODEL_TOO_LARGE/,
  );
  await pullModel(card(), pullOptions(cacheDir, { mirrors, maxBytes: total }));
});

test('the manifest of a model may only name what the card names, and must fit', async (t) => {
  const paths = (change: (paths: string[]) => string[]) =>
    manifest((json) => {
      json.weightsManifest[0].paths = change(json.weightsManifest[0].paths);
    });
  for (const path of ['../secret.bin', '/etc/passwd', 'https://example.org/w.bin', 'other.bin']) {
    const message = await failure(
      t,
      paths(([, ...others]) => [path, ...others]),
    );
    assert.match(message, /HL_MODEL_TFJS_INVALID/);
    assert.ok(message.includes(`"${path}"`), message);
  }
  assert.match(
    await failure(t, { ...files, 'spare.bin': new Uint8Array(4) }),
    /does not use the shard "spare.bin"/,
  );
  assert.match(
    await failure(
      t,
      paths(([a, b, c]) => [a!, b!, c!, a!]),
    ),
    /\(once\)/,
  );
  const longer = manifest((json) => {
    json.weightsManifest[0].weights[0].shape = [9, 9, 9, 9];
  });
  assert.match(await failure(t, longer), /weights end before/);
  const shorter = manifest((json) => {
    json.weightsManifest[0].weights[0].shape = [1];
  });
  assert.match(await failure(t, shorter), /its weights take/);
  const text = manifest((json) => {
    json.weightsManifest[0].weights[0].dtype = 'string';
  });
  assert.match(await failure(t, text), /HL_MODEL_TFJS_INVALID/);
  assert.match(await failure(t, { ...files, 'model.json': Buffer.from('[1]') }), /model\.json/);
  const foreign = manifest((json) => {
    json.modelTopology.config.layers[0].class_name = 'Lambda';
  });
  assert.match(await failure(t, foreign), /Lambda/);
});

test('a card with other shards does not take what is in the cache; a damaged cache is noticed', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirrors = [await mirror(t, files)];
  const { path } = await pullModel(card(), pullOptions(cacheDir, { mirrors }));
  const other = card({ ...files, 'group1-shard1of3.bin': new Uint8Array(8) });
  const open = (of = card()) => openBackbone({ card: of, cacheDir, threads: 1, log: silentLog() });
  await assert.rejects(open(other), (error) => isHeadlandError(error, 'HL_MODEL_NOT_CACHED'));
  const bytes = await readFile(path);
  bytes[bytes.length - 400]! ^= 1;
  await writeFile(path, bytes);
  await assert.rejects(open(), (error) => isHeadlandError(error, 'HL_MODEL_CHECKSUM'));
  await pullModel(card(), pullOptions(cacheDir, { mirrors }));
  await (await open()).close();
});

test('cards say what fits together', () => {
  const source = (changes: object) => ({
    kind: 'mirror',
    file: 'model.json',
    ...identity(files['model.json']!),
    ...changes,
  });
  const shard = { file: 'w.bin', ...identity(new Uint8Array(4)) };
  const wrong: [string, Record<string, unknown>][] = [
    ['engine', { engine: 'onnx', layout: 'NCHW-RGB' }],
    ['layout', { layout: 'NCHW-RGB' }],
    ['sources', { format: 'onnx', sources: [source({ shards: [shard] })] }],
    ['shards', { sources: [source({ shards: [{ ...shard, file: '../w.bin' }] })] }],
    [
      'sources',
      {
        sources: [
          source({ kind: 'pip', package: 'p', version: '1', file: 'p.whl', shards: [shard] }),
        ],
      },
    ],
  ];
  for (const [where, changes] of wrong) {
    assert.throws(
      () => card(files, changes),
      (error: Error) =>
        isHeadlandError(error, 'HL_MODEL_CARD_INVALID') && error.message.includes(where),
      where,
    );
  }
});

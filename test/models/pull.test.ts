import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { strToU8, zipSync } from 'fflate';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { HeadlandError, isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { type PullProgress, pullModel } from '../../src/models/pull-model.js';
import { hideSecrets } from '../../src/models/sources/pip.js';
import { parseMirrors } from '../../src/models/sources/plan.js';
import { verifyModel } from '../../src/models/verify-model.js';
import {
  encodeModel,
  identity,
  pullOptions,
  tinyCard,
  tinyClassifier,
} from '../backbone/support.js';
import { listen } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';

const model = encodeModel(tinyClassifier());
const flipped = Uint8Array.from(model, (byte, i) => (i === 300 ? byte ^ 1 : byte));

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  const port = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

async function mirrorWith(t: TestContext, files: Record<string, Uint8Array>): Promise<string> {
  const dir = temporaryFolder(t);
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
  return dir;
}

/** The one error that a failed pull throws, with every source and why it failed. */
async function failureOf(pull: Promise<unknown>): Promise<HeadlandError> {
  const error = await pull.then(
    () => null,
    (e: unknown) => e,
  );
  assert.ok(error instanceof HeadlandError, `pulled, or threw ${error}`);
  return error;
}

const tried = (error: HeadlandError) =>
  error.details.tried as { source: string; code: string; reason: string }[];

test('a pulled model opens, verifies, and comes from the cache the second time', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const card = tinyCard();
  const first = await pullModel(card, pullOptions(cacheDir, { mirrors: [mirror] }));
  assert.equal(first.fromCache, false);
  assert.equal(first.path, join(cacheDir, 'backbones', 'tiny', 'model.onnx'));
  await rm(mirror, { recursive: true });
  const second = await pullModel(card, pullOptions(cacheDir, { allowDownload: false }));
  assert.deepEqual(second, { ...first, fromCache: true });
  assert.equal((await verifyModel(card, cacheDir)).checksum, first.checksum);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  assert.equal(backbone.checksum, first.checksum);
  await backbone.close();
});

test('a file with one flipped byte is refused, stays where it is, and the next mirror serves', async (t) => {
  const cacheDir = temporaryFolder(t);
  const bad = await mirrorWith(t, { 'tiny.onnx': flipped });
  const good = await mirrorWith(t, { 'tiny.onnx': model });
  const error = await failureOf(pullModel(tinyCard(), pullOptions(cacheDir, { mirrors: [bad] })));
  assert.equal(error.code, 'HL_MODEL_UNAVAILABLE');
  assert.deepEqual(
    tried(error).map((one) => one.code),
    ['HL_MODEL_CHECKSUM'],
  );
  assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
  assert.ok((await readFile(join(bad, 'tiny.onnx'))).equals(flipped));
  const pulled = await pullModel(tinyCard(), pullOptions(cacheDir, { mirrors: [bad, good] }));
  assert.equal(pulled.source, `mirror ${join(good, 'tiny.onnx')}`);
});

test('when all fail, every source is named with its reason', async (t) => {
  const cacheDir = temporaryFolder(t);
  const empty = temporaryFolder(t);
  const url = await serve(t, (_, response) => response.writeHead(404).end('not here'));
  const known = identity(model);
  const card = tinyCard({
    sources: [
      { kind: 'mirror', file: 'tiny.onnx', ...known },
      { kind: 'file', file: join(empty, 'absent.onnx'), ...known },
      { kind: 'npm', package: 'headland-has-no-such-package', file: 'a.onnx', ...known },
    ],
  });
  const options = pullOptions(cacheDir, { mirrors: [empty, `${url}/models/`] });
  const error = await failureOf(pullModel(card, options));
  assert.equal(error.code, 'HL_MODEL_UNAVAILABLE');
  for (const part of [
    `mirror ${empty}/tiny.onnx`,
    'ENOENT',
    `mirror ${url}/models/tiny.onnx`,
    'HTTP 404',
    'absent.onnx',
    'headland-has-no-such-package with a.onnx is not installed',
  ]) {
    assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
  }
  const nowhere = await failureOf(pullModel(tinyCard(), pullOptions(cacheDir)));
  assert.match(nowhere.message, /mirrors only, and models\.mirrors is empty/);
});

test('a URL mirror streams with progress', async (t) => {
  const cacheDir = temporaryFolder(t);
  const url = await serve(t, (request, response) => {
    assert.equal(request.url, '/models/tiny.onnx?token=secret');
    response.write(model.subarray(0, 400));
    setTimeout(() => response.end(model.subarray(400)), 30);
  });
  const seen: PullProgress[] = [];
  const pulled = await pullModel(
    tinyCard(),
    pullOptions(cacheDir, {
      mirrors: [`${url}/models?token=secret`],
      onProgress: (progress) => seen.push(progress),
    }),
  );
  assert.ok(!pulled.source.includes('secret'));
  assert.ok(seen.length >= 2);
  assert.deepEqual(seen.at(-1), {
    source: pulled.source,
    receivedBytes: model.length,
    totalBytes: model.length,
  });
  for (let i = 1; i < seen.length; i++) {
    assert.ok(seen[i]!.receivedBytes >= seen[i - 1]!.receivedBytes);
  }
});

const badServers: [what: string, listener: RequestListener, code: string][] = [
  [
    'breaks off half-way',
    (_, response) => {
      response.writeHead(200, { 'content-length': String(model.length) });
      response.write(model.subarray(0, 500), () => response.destroy());
    },
    'HL_MODEL_SOURCE_FAILED',
  ],
  [
    'sends less and calls it all',
    (_, response) => response.end(model.subarray(0, 500)),
    'HL_MODEL_CHECKSUM',
  ],
  [
    'sends without end',
    (_, response) => {
      const chunk = new Uint8Array(65_536);
      const timer = setInterval(() => response.write(chunk), 1);
      response.on('close', () => clearInterval(timer));
    },
    'HL_MODEL_TOO_LARGE',
  ],
  ['never answers', () => undefined, 'HL_MODEL_SOURCE_FAILED'],
];
for (const [what, listener, code] of badServers) {
  test(`a server that ${what} leaves nothing behind`, async (t) => {
    const cacheDir = temporaryFolder(t);
    const mirrors = [await serve(t, listener)];
    const options = pullOptions(cacheDir, { mirrors, downloadTimeoutMs: 1_000 });
    const error = await failureOf(pullModel(tinyCard(), options));
    assert.deepEqual(
      tried(error).map((one) => one.code),
      [code],
    );
    assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
  });
}

test('without allowDownload no server is asked', async (t) => {
  const cacheDir = temporaryFolder(t);
  let asked = 0;
  const url = await serve(t, (_, response) => {
    asked++;
    response.end(model);
  });
  const options = pullOptions(cacheDir, { mirrors: [url], allowDownload: false });
  const error = await failureOf(pullModel(tinyCard(), options));
  assert.match(error.message, /switched off/);
  assert.equal(asked, 0);
});

test('files above maxBytes are not touched', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const options = pullOptions(cacheDir, { mirrors: [mirror], maxBytes: 1_000 });
  const error = await failureOf(pullModel(tinyCard(), options));
  assert.equal(tried(error)[0]?.code, 'HL_MODEL_TOO_LARGE');
});

function wheelOf(bytes: Uint8Array): Uint8Array {
  return zipSync({
    'tiny_headland_model/weights.onnx': bytes,
    'tiny_headland_model-1.0.dist-info/METADATA': strToU8(
      'Metadata-Version: 2.1\nName: tiny-headland-model\nVersion: 1.0\n',
    ),
    'tiny_headland_model-1.0.dist-info/WHEEL': strToU8(
      'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    ),
    'tiny_headland_model-1.0.dist-info/RECORD': strToU8(''),
  });
}

const WHEEL = 'tiny_headland_model-1.0-py3-none-any.whl';
const wheel = wheelOf(model);
const wheelCard = tinyCard({
  sources: [
    {
      kind: 'pip',
      package: 'tiny-headland-model',
      version: '1.0',
      file: WHEEL,
      ...identity(wheel),
      member: { file: 'tiny_headland_model/weights.onnx', ...identity(model) },
    },
  ],
});

test('pip brings a wheel from the index that it is set up with', async (t) => {
  if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) {
    return t.skip('pip is missing: apt-get install python3-pip');
  }
  const index = await mirrorWith(t, { [WHEEL]: wheel });
  const pipCommand = ['env', 'PIP_NO_INDEX=1', `PIP_FIND_LINKS=${index}`, 'python3', '-m', 'pip'];
  const cacheDir = temporaryFolder(t);
  const seen: PullProgress[] = [];
  const pulled = await pullModel(
    wheelCard,
    pullOptions(cacheDir, { pipCommand, onProgress: (progress) => seen.push(progress) }),
  );
  assert.equal(pulled.source, 'pip tiny-headland-model==1.0');
  assert.equal(seen.at(-1)?.receivedBytes, wheel.length);
  assert.equal((await readdir(join(cacheDir, 'backbones'))).length, 2);

  await writeFile(join(index, WHEEL), wheelOf(flipped));
  const other = temporaryFolder(t);
  const error = await failureOf(pullModel(wheelCard, pullOptions(other, { pipCommand })));
  assert.equal(tried(error)[0]?.code, 'HL_MODEL_CHECKSUM');

  await rm(join(index, WHEEL));
  const absent = await failureOf(pullModel(wheelCard, pullOptions(other, { pipCommand })));
  assert.match(absent.message, /No matching distribution found/);
});

test('pip gets its secrets where nobody else can see them', () => {
  const { args, environment } = hideSecrets([
    '-m',
    'pip',
    '--quiet',
    '--index-url',
    'https://u:p1@index/simple',
    '--timeout',
    '5',
    '--extra-index-url=https://u:p2@other/simple',
    '--extra-index-url',
    'https://u:p3@x/',
    '-f',
    'https://u:p4@links/',
    '--proxy',
    'http://u:p5@proxy:3128',
    '--trusted-host',
    'h',
    'PIP_CERT=https://u:p6@cert/',
  ]);
  assert.deepEqual(args, ['-m', 'pip', '--quiet', '--timeout', '5', '--trusted-host', 'h']);
  assert.deepEqual(environment, {
    PIP_INDEX_URL: 'https://u:p1@index/simple',
    PIP_EXTRA_INDEX_URL: 'https://u:p2@other/simple https://u:p3@x/',
    PIP_FIND_LINKS: 'https://u:p4@links/',
    PIP_PROXY: 'http://u:p5@proxy:3128',
    PIP_CERT: 'https://u:p6@cert/',
  });
});

test('a mirror may want a login, which is sent to it alone', async (t) => {
  const seen: (string | undefined)[] = [];
  const wanted = `Basic ${Buffer.from('farm:p@ss').toString('base64')}`;
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(request.headers.authorization === wanted ? 500 : 401).end();
  });
  const mirrors = [url.replace('://', '://farm:p%40ss@')];
  const pull = pullModel(tinyCard(), pullOptions(temporaryFolder(t), { mirrors }));
  const failure = await failureOf(pull);
  assert.deepEqual(seen, [wanted]);
  assert.match(failure.message, /answered HTTP 500/);
  assert.doesNotMatch(JSON.stringify(failure), /p%40ss|p@ss|farm:/);
});

test('a wheel in a mirror folder serves a card that names pip', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { [WHEEL]: wheel });
  const options = pullOptions(cacheDir, { mirrors: [mirror], allowDownload: false });
  assert.equal((await pullModel(wheelCard, options)).source, `mirror ${join(mirror, WHEEL)}`);
});

test('a pip command that does not exist, or hangs, is a reason, not a crash', async (t) => {
  const cacheDir = temporaryFolder(t);
  const absent = pullOptions(cacheDir, { pipCommand: ['headland-no-such-command'] });
  assert.match((await failureOf(pullModel(wheelCard, absent))).message, /ENOENT/);
  const hanging = pullOptions(cacheDir, {
    pipCommand: ['sh', '-c', 'exec sleep 600'],
    downloadTimeoutMs: 500,
  });
  assert.match((await failureOf(pullModel(wheelCard, hanging))).message, /timeout/i);
  assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
});

test('an installed npm package serves a file', async (t) => {
  const file = 'LICENSE';
  const bytes = await readFile(join(process.cwd(), 'node_modules', 'fflate', file)).catch(
    () => null,
  );
  if (bytes === null) return t.skip('run from the folder of the project');
  const cacheDir = temporaryFolder(t);
  const card = tinyCard({
    sources: [{ kind: 'npm', package: 'fflate', file, ...identity(bytes) }],
  });
  // The right bytes, though no model: it gets as far as the parser.
  const error = await failureOf(pullModel(card, pullOptions(cacheDir, { allowDownload: false })));
  assert.equal(tried(error)[0]?.code, 'HL_MODEL_ONNX_INVALID');
});

const failedChecks: [what: string, changes: Record<string, unknown>, reason: RegExp][] = [
  ['another number of features', { featureSize: 5 }, /HL_/],
  ['other golden features', { golden: { features: [1, 2, 3] } }, /golden/],
  ['another tap', { tap: 'nowhere' }, /no tensor or node/],
];
for (const [what, changes, reason] of failedChecks) {
  test(`a model with ${what} than its card never gets into the cache`, async (t) => {
    const cacheDir = temporaryFolder(t);
    const mirror = await mirrorWith(t, { 'tiny.onnx': model });
    const options = pullOptions(cacheDir, { mirrors: [mirror] });
    const error = await failureOf(pullModel(tinyCard(changes), options));
    assert.match(error.message, reason);
    assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
  });
}

test('a model that gives nothing but zeros fails its check', async (t) => {
  const cacheDir = temporaryFolder(t);
  const zeros = encodeModel(tinyClassifier(0));
  const mirror = await mirrorWith(t, { 'tiny.onnx': zeros });
  const card = tinyCard({ sources: [{ kind: 'mirror', file: 'tiny.onnx', ...identity(zeros) }] });
  const error = await failureOf(pullModel(card, pullOptions(cacheDir, { mirrors: [mirror] })));
  assert.equal(tried(error)[0]?.code, 'HL_MODEL_CHECK_FAILED');
});

test('a damaged cache is noticed, and the next pull mends it', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const card = tinyCard();
  const options = pullOptions(cacheDir, { mirrors: [mirror] });
  const { path, checksum } = await pullModel(card, options);
  const bytes = await readFile(path);
  bytes[200]! ^= 0x10;
  await writeFile(path, bytes);
  const damaged = (error: unknown) => isHeadlandError(error, 'HL_MODEL_CHECKSUM');
  await assert.rejects(verifyModel(card, cacheDir), damaged);
  await assert.rejects(openBackbone({ card, cacheDir, threads: 1, log: silentLog() }), damaged);
  const mended = await pullModel(card, options);
  assert.deepEqual([mended.fromCache, mended.checksum], [false, checksum]);
  await verifyModel(card, cacheDir);
});

test('a model of another card is not opened, and is replaced in one step', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const options = pullOptions(cacheDir, { mirrors: [mirror] });
  const first = await pullModel(tinyCard(), options);
  const changed = tinyCard({ normalisation: { mean: [0, 0, 0], std: [255, 255, 255] } });
  const notCached = (error: unknown) => isHeadlandError(error, 'HL_MODEL_NOT_CACHED');
  await assert.rejects(
    openBackbone({ card: changed, cacheDir, threads: 1, log: silentLog() }),
    notCached,
  );
  const second = await pullModel(changed, options);
  assert.notEqual(second.checksum, first.checksum);
  const names = await readdir(join(cacheDir, 'backbones'));
  assert.equal(names.length, 2, `old one removed: ${names}`);
});

test('leftovers of killed pulls go, those of living ones stay', async (t) => {
  const cacheDir = temporaryFolder(t);
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const dead = spawnSync('true').pid;
  const leftovers = [`.pull-${dead}-12345-aa`, `.pull-${process.pid}-1-bb`];
  for (const name of leftovers) {
    await mkdir(join(cacheDir, 'backbones', name), { recursive: true });
    await writeFile(join(cacheDir, 'backbones', name, 'download'), model.subarray(0, 10));
  }
  const pulls = [1, 2, 3].map(() =>
    pullModel(tinyCard(), pullOptions(cacheDir, { mirrors: [mirror] })),
  );
  const [one, two, three] = await Promise.all(pulls);
  assert.equal(one?.checksum, two?.checksum);
  assert.equal(one?.checksum, three?.checksum);
  await verifyModel(tinyCard(), cacheDir);
  const names = await readdir(join(cacheDir, 'backbones'));
  assert.ok(!names.some((name) => name.startsWith('.pull-')), names.join());
});

test('a cache that cannot be written says so', async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, 'cache'), 'a file where a folder should be');
  const mirror = await mirrorWith(t, { 'tiny.onnx': model });
  const options = pullOptions(join(dir, 'cache'), { mirrors: [mirror] });
  assert.equal((await failureOf(pullModel(tinyCard(), options))).code, 'HL_MODEL_CACHE_UNWRITABLE');
});

test('a pull that is called off leaves nothing behind', async (t) => {
  const cacheDir = temporaryFolder(t);
  const controller = new AbortController();
  const url = await serve(t, () => controller.abort(new Error('called off')));
  const options = pullOptions(cacheDir, { mirrors: [url, url], signal: controller.signal });
  await assert.rejects(pullModel(tinyCard(), options), /called off/);
  assert.deepEqual(await readdir(join(cacheDir, 'backbones')), []);
});

test('mirrors of the environment are separated by commas', () => {
  assert.deepEqual(parseMirrors(undefined), []);
  assert.deepEqual(parseMirrors(' /a, https://h:8/b ,,'), ['/a', 'https://h:8/b']);
});

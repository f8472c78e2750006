import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { headland, Rig } from '../agent/daemon.js';
import { kerasLike, resnetLike } from '../backbone/networks.js';
import { encodeModel } from '../backbone/support.js';
import { TEST_HANG_MS } from '../liveness.js';

describe('backbones from the command line', { concurrency: false }, () => {
  test('an ONNX network is added, compared, trained on, served and removed', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const file = join(rig.dir, 'network.onnx');
    writeFileSync(file, encodeModel(resnetLike()));
    const add = ['models', 'add', file, '--name', 'mine'];

    const unsaid = headland(...add, ...at, '--json');
    assert.equal(unsaid.status, 1);
    const { error } = JSON.parse(unsaid.stdout);
    assert.equal(error.code, 'HL_MODEL_NORMALISATION_UNKNOWN');
    assert.match(error.remedy, /--normalise: imagenet/);
    const added = headland(...add, '--normalise', 'imagenet', ...at, '--json');
    assert.equal(added.status, 0, added.stderr);
    const facts = JSON.parse(added.stdout);
    assert.equal(facts.featureSize, 32);
    assert.equal(facts.tap.tensor, 'flatten_170');
    assert.equal(facts.normalisation.by, 'person');

    // One that normalises pictures itself needs no option, and people get words.
    writeFileSync(file, encodeModel(kerasLike(true)));
    const words = headland('models', 'add', file, '--name', 'keras', ...at);
    assert.equal(words.status, 0, words.stderr);
    assert.match(words.stdout, /normalisation +the graph does it/);
    assert.match(words.stdout, /32 x 32, NHWC, RGB/);

    const list = () => JSON.parse(headland('models', 'list', ...at, '--json').stdout);
    const mine = () => list().find(({ name }: { name: string }) => name === 'mine');
    assert.deepEqual([mine().added, mine().cached], [true, true]);
    assert.equal(headland('models', 'verify', 'mine', ...at).status, 0);

    const pattern = ['--group-pattern', '_(\\d+)'];
    const compare = ['models', 'compare', rig.photosDir, ...pattern, ...at];
    const compared = headland(...compare, '--json');
    assert.equal(compared.status, 0, compared.stderr);
    const { backbones, recommendation, judged } = JSON.parse(compared.stdout);
    assert.equal(judged, 72);
    const names = backbones.map(({ name }: { name: string }) => name);
    assert.deepEqual([...names].sort(), ['keras', 'mine', 'tiny']);
    assert.ok(names.includes(recommendation.backbone));
    for (const one of backbones) {
      assert.ok(one.accuracy > 1 / 3 && one.accuracy <= 1, JSON.stringify(one));
      assert.ok(one.forwardMs > 0 && one.bytes > 1_000 && one.behind <= 0);
    }
    const two = headland(...compare, '--only', '--backbone', 'mine', 'keras');
    assert.match(two.stdout, /^72 photos of 3 classes/);
    assert.doesNotMatch(two.stdout, /tiny/);

    const config = parse(readFileSync(rig.configFile, 'utf8'));
    rig.writeConfig({ ...config, models: { ...config.models, backbone: 'mine' } });
    headland('import', rig.photosDir, ...pattern, ...at, '--json');
    const trained = headland('train', ...at, '--json');
    assert.equal(trained.status, 0, trained.stderr);
    const daemon = await rig.start();
    const ready = await daemon.logged((line) => line.msg === 'backbone ready');
    assert.equal(ready.name, 'mine');
    await daemon.stop();

    const used = headland('models', 'remove', 'mine', ...at, '--json');
    assert.equal(JSON.parse(used.stdout).error.code, 'HL_MODEL_IN_USE');
    rig.writeConfig(config);
    assert.equal(headland('models', 'remove', 'mine', ...at).status, 0);
    assert.equal(mine(), undefined);
  });

  test('a bundle brings a backbone to a robot without internet', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const bundles = join(rig.dir, 'bundles');
    mkdirSync(bundles);
    const file = join(bundles, 'tiny.backbone.zip');
    const made = headland('models', 'bundle', file, ...at, '--json');
    assert.equal(made.status, 0, made.stderr);
    const { name, sha256, checksum } = JSON.parse(made.stdout);
    assert.equal(name, 'tiny', 'the configured one');
    const again = headland('models', 'bundle', 'tiny', file, ...at, '--json');
    assert.equal(JSON.parse(again.stdout).sha256, sha256);
    assert.equal(headland('models', 'bundle', 'a', 'b', 'c', ...at).status, 2);
    assert.equal(headland('models', 'add', file, '--name', 'other', ...at).status, 2);

    // A cache that nothing but the bundle can fill.
    const config = parse(readFileSync(rig.configFile, 'utf8'));
    const empty = { ...config.paths, cacheDir: join(rig.dir, 'empty') };
    const cardsDir = join(rig.dir, 'cards');
    mkdirSync(cardsDir);
    const card = JSON.parse(readFileSync(join(config.models.cardsDir, 'tiny.json'), 'utf8'));
    card.sources = card.sources.map((source: { file: string }) => ({
      ...source,
      file: '/nowhere/tiny.onnx',
    }));
    writeFileSync(join(cardsDir, 'tiny.json'), JSON.stringify(card));
    const models = { ...config.models, cardsDir, allowDownload: false };
    rig.writeConfig({ ...config, paths: empty, models });
    const missing = headland('models', 'pull', ...at, '--json');
    assert.equal(JSON.parse(missing.stdout).error.code, 'HL_MODEL_UNAVAILABLE');
    const added = headland('models', 'add', file, ...at, '--json');
    assert.equal(added.status, 0, added.stderr);
    assert.equal(JSON.parse(added.stdout).checksum, checksum);
    const list = JSON.parse(headland('models', 'list', ...at, '--json').stdout);
    const row = list.find((one: { name: string }) => one.name === 'tiny');
    assert.deepEqual([row.added, row.cached], [true, true]);

    // A daemon finds a bundle that a package has installed by itself.
    rmSync(empty.cacheDir, { recursive: true });
    rmSync(join(empty.stateDir, 'backbones'), { recursive: true });
    rig.writeConfig({ ...config, paths: empty, models: { ...models, bundleDirs: [bundles] } });
    const daemon = await rig.start();
    const ready = await daemon.logged((line) => line.msg === 'backbone ready');
    assert.equal(ready.name, 'tiny');
    await daemon.stop();
  });

  test('wrong usage differs from an unusable network', async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const file = join(rig.dir, 'network.onnx');
    writeFileSync(file, 'no network');
    assert.equal(headland('models', 'add', file, ...at).status, 2);
    assert.equal(
      headland('models', 'add', file, '--name', 'x', '--input-size', '7', ...at).status,
      2,
    );
    assert.equal(headland('models', 'add', file, '--name', 'x', '--pool', 'max', ...at).status, 2);
    const none = headland('models', 'add', file, '--name', 'x', ...at, '--json');
    assert.equal(none.status, 1);
    assert.equal(JSON.parse(none.stdout).error.code, 'HL_MODEL_ONNX_INVALID');
  });
});

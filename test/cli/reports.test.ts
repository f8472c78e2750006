import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { headland, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';

describe('reports from the command line', { concurrency: false }, () => {
  test('evaluate writes a page and data about the serving head', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    const out = join(rig.dir, 'report');
    const early = headland('evaluate', ...at, '--out', out, '--json');
    assert.equal(early.status, 1);
    assert.equal(JSON.parse(early.stdout).error.code, 'HL_EVALUATE_NO_HEAD');

    headland('import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at, '--json');
    assert.equal(headland('train', ...at, '--json').status, 0);
    const evaluated = headland('evaluate', ...at, '--out', out, '--json');
    assert.equal(evaluated.status, 0, evaluated.stderr);
    const result = JSON.parse(evaluated.stdout);
    assert.equal(result.head.version, 1);
    assert.deepEqual(result.files, {
      html: join(out, 'evaluation.html'),
      json: join(out, 'evaluation.json'),
    });
    const kept = JSON.parse(readFileSync(result.files.json, 'utf8'));
    assert.deepEqual(kept.metrics, result.metrics);
    assert.equal(kept.metrics.perClass.length, 3);
    const page = readFileSync(result.files.html, 'utf8');
    assert.match(page, /^<!doctype html>/i);
    for (const label of ['crop', 'weed', 'stone']) assert.ok(page.includes(label), label);
    assert.doesNotMatch(page, /<script|https?:\/\//);

    const words = headland('evaluate', ...at, '--out', out);
    assert.match(
      words.stdout,
      /^head 1: [0-9]+ of [0-9]+ samples in [0-9]+ groups are right .*\naccuracy [0-9.]+ % \(95 %: [0-9.]+ % to [0-9.]+ %\), macro-F1 [01]\.[0-9]{3}/,
    );
  });

  test('study compares networks with the backbone on a folder of photos and explains the result', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const out = join(rig.dir, 'study');
    const of = ['study', rig.photosDir, '--config', rig.configFile, '--out', out];
    const small = ['--group-pattern', '_(\\d+)', '--epochs', '1', '--size', '16', '--folds', '2'];
    const variants = ['--variants', 'backbone,plain,augmentation+l2=0.01'];
    const studied = headland(...of, ...small, ...variants, '--json');
    assert.equal(studied.status, 0, studied.stderr);
    // Wrapped to the terminal: what is continued is indented.
    const notes = studied.stderr.replaceAll(/\n +/g, ' ');
    assert.match(notes, /^training on (tfjs-|tensorflow)/m);
    assert.match(notes, /estimated time, from one measured batch: .* \(.*; .*\)/);
    assert.match(notes, /^fold 2 of 2, Network from scratch: .*; about .* left$/m);
    const result = JSON.parse(studied.stdout);
    assert.deepEqual(
      result.rows.map((row: { variant: { id: string } }) => row.variant.id),
      ['backbone', 'plain', 'augmentation+l2=0.01'],
    );
    for (const row of result.rows) {
      assert.equal(row.state, 'done');
      assert.equal(row.folds.length, 2);
      assert.ok(row.accuracy.mean > 0 && row.accuracy.mean <= 1, JSON.stringify(row));
    }
    const page = readFileSync(join(out, 'study.html'), 'utf8');
    assert.match(page, /^<!doctype html>/i);
    assert.match(page, /On your 72 photos of 3 classes, a network from scratch reached/);
    assert.deepEqual(JSON.parse(readFileSync(join(out, 'study.json'), 'utf8')).rows, result.rows);

    const words = headland(...of, ...small, '--variants', 'backbone');
    assert.match(
      words.stdout,
      /^The frozen backbone reached [0-9.]+ % \[[0-9.]+ to [0-9.]+\] on held-out groups\.$/m,
    );

    assert.equal(headland(...of, '--epochs', 'many').status, 2);
    const unknown = headland(...of, '--variants', 'plain,rotation');
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /"rotation" is no variant; terms are backbone, plain/);
    const nowhere = headland('study', join(rig.dir, 'none'), '--config', rig.configFile, '--json');
    assert.equal(nowhere.status, 1);
    assert.match(JSON.parse(nowhere.stdout).error.code, /^HL_IMPORT_/);
  });
});

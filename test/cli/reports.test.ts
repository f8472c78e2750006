import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { headland, Rig } from '../agent/daemon.js';

describe('reports from the command line', { concurrency: false }, () => {
  test('evaluate writes a page and data about the head that serves', {
    timeout: 180_000,
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
    assert.match(words.stdout, /^head 1: accuracy [0-9.]+ %, macro-F1 [01]\.[0-9]{3}/);
  });

  test('study compares four ways on a folder of photos and says beforehand how long it takes', {
    timeout: 180_000,
  }, async (t) => {
    const rig = await Rig.create(t);
    const out = join(rig.dir, 'study');
    const of = ['study', rig.photosDir, '--config', rig.configFile, '--out', out];
    const pattern = ['--group-pattern', '_(\\d+)'];
    const studied = headland(...of, ...pattern, '--epochs', '1', '--size', '16', '--json');
    assert.equal(studied.status, 0, studied.stderr);
    assert.match(studied.stderr, /^network on (tfjs-|tensorflow)/m);
    assert.match(studied.stderr, /about .* in all, measured on one batch/);
    const result = JSON.parse(studied.stdout);
    assert.equal(result.rows.length, 4);
    for (const row of result.rows) {
      assert.equal(row.state, 'done');
      assert.ok(row.macroF1 > 0 && row.macroF1 <= 1, JSON.stringify(row));
    }
    assert.match(readFileSync(join(out, 'study.html'), 'utf8'), /^<!doctype html>/i);
    assert.deepEqual(JSON.parse(readFileSync(join(out, 'study.json'), 'utf8')).rows, result.rows);

    assert.equal(headland(...of, '--epochs', 'many').status, 2);
    const nowhere = headland('study', join(rig.dir, 'none'), '--config', rig.configFile, '--json');
    assert.equal(nowhere.status, 1);
    assert.match(JSON.parse(nowhere.stdout).error.code, /^HL_IMPORT_/);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { advise, publishedFor } from '../../src/cli/bench/bench-advice.js';
import type { Measurement, Strain } from '../../src/cli/bench/bench-measure.js';
import { CLI } from '../agent/daemon.js';
import { writeSmallCard } from '../backbone/small-network.js';
import { temporaryFolder } from '../temporary-folder.js';

const TIMES = { p50: 1, p95: 1, p99: 1 };
const CALM: Strain = {
  temperatureBeforeC: 40,
  temperatureAfterC: 55,
  leastClockShare: 1,
  underVoltage: false,
  slowdown: 1,
};

function way(precision: 'fp32' | 'int8', threads: number, framesPerSecond: number): Measurement {
  return {
    backbone: precision === 'fp32' ? 'net' : 'net-int8',
    precision,
    threads,
    engine: 'test',
    frames: 10,
    framesPerSecond,
    rssBytes: null,
    decodeMs: TIMES,
    backboneMs: TIMES,
    headMs: TIMES,
    frameMs: TIMES,
  };
}

const advice = (measurements: Measurement[], strain = CALM) =>
  advise(measurements, strain, { backbone: 'net', threads: 1, unfit: false });

test('recommends 8 bits and further threads only if they gain enough', () => {
  const quick = [way('fp32', 1, 10), way('fp32', 2, 18), way('int8', 1, 20), way('int8', 2, 21)];
  assert.deepEqual([advice(quick).backbone, advice(quick).threads], ['net-int8', 1]);
  const slow = [way('fp32', 1, 10), way('fp32', 2, 18), way('int8', 1, 10.5)];
  assert.deepEqual([advice(slow).backbone, advice(slow).threads], ['net', 2]);
  const jump = [way('fp32', 1, 10), way('fp32', 2, 10), way('fp32', 3, 20)];
  assert.equal(advice(jump).threads, 1);
});

test('reports a missing 8-bit version and throttling', () => {
  const text = (strain: Partial<Strain>) =>
    advice([way('fp32', 1, 10)], { ...CALM, ...strain }).sentences.join('\n');
  assert.match(text({}), /headland models quantize net/);
  assert.match(text({ underVoltage: true }), /supply/);
  assert.match(text({ leastClockShare: 0.6 }), /60 %/);
  assert.match(text({ temperatureAfterC: 84 }), /84 °C/);
  assert.match(text({ slowdown: 1.4 }), /1\.40 times/);
  assert.doesNotMatch(text({ temperatureAfterC: null, underVoltage: null }), /hot|supply/);
});

test('shows published figures only for their board', () => {
  assert.ok(publishedFor('Raspberry Pi 5 Model B Rev 1.0').length > 0);
  assert.deepEqual(publishedFor('Raspberry Pi 3 Model B'), []);
  assert.deepEqual(publishedFor(null), []);
});

test('the command measures a board without samples and creates nothing', (t) => {
  const dir = temporaryFolder(t);
  const cardsDir = join(dir, 'cards');
  writeSmallCard(cardsDir);
  const [config, stateDir] = [join(dir, 'headland.yaml'), join(dir, 'state')];
  const paths = { stateDir, cacheDir: join(dir, 'cache') };
  writeFileSync(config, stringify({ paths, models: { backbone: 'small', cardsDir } }));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [CLI, 'bench', '--config', config, ...args], { encoding: 'utf8' });
  const { status, stdout, stderr } = run('--seconds', '1', '--threads', '2', '--json');
  assert.equal(status, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual(
    report.measurements.map((m: Measurement) => [m.backbone, m.threads]),
    [
      ['small', 1],
      ['small', 2],
    ],
  );
  for (const { decodeMs, backboneMs, frameMs } of report.measurements as Measurement[]) {
    assert.ok(decodeMs.p50 > 0 && backboneMs.p50 > 0 && frameMs.p50 >= backboneMs.p50);
    assert.ok(frameMs.p99 >= frameMs.p95 && frameMs.p95 >= frameMs.p50);
  }
  assert.match(report.pictures.source, /synthetic/);
  assert.equal(existsSync(stateDir), false);
  assert.equal(run('--seconds', '0').status, 2);
});

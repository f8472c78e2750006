import { defaultConfig, type LifeRecord, live } from './support/life-cell.js';
import { readPhotoSet } from './support/life-data.js';
import { openKeepingEmbedder } from './support/life-features.js';
import { parseLifeOptions } from './support/life-options.js';
import { say } from './support/life-places.js';
import { liveThroughCommands } from './support/life-process.js';
import { lifeFigures, writeLifeReport } from './support/life-report.js';
import { removeFolder, scratchFolder } from './support/life-run.js';

/**
 * A robot's life end to end: labels arrive step by step, a training follows each step, and the head
 * that serves answers test photos at default settings; beside it what others make of the same
 * labels and features, and our own recipe on all labels without a gate. Options:
 * `--data NAME=DIR` (repeated; a folder a class, an official split as `train/` and `test/` or as
 * prefixes of file names), `--part train|test` (choices are made on `train`), `--orders N`,
 * `--sizes 3,5,10,20,50`, `--scenario NAME` (repeated, or all), `--alter`, `--quick`, `--fresh`,
 * `--process` (the first life also through `headland import` and `headland train`).
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const wanted = parseLifeOptions(options);
  if (wanted.data.length === 0) return { skipped: 'no data set: give --data NAME=DIR' };
  const scratch = scratchFolder();
  const embedder = await openKeepingEmbedder(defaultConfig(scratch));
  removeFolder(scratch);
  const { part, sizes, kinds, fresh } = wanted;
  const lives: LifeRecord[] = [];
  const total = wanted.data.length * wanted.scenarios.length * wanted.orders;
  for (const { name, folder } of wanted.data) {
    const set = await readPhotoSet(name, folder);
    for (const scenario of wanted.scenarios) {
      for (let order = 0; order < wanted.orders; order++) {
        const cell = { set, part, order, scenario, sizes, kinds };
        const life = await live(cell, embedder, { fresh });
        lives.push(life);
        say(`${lives.length}/${total} ${describe(life)}`);
      }
    }
  }
  await embedder.backbone.close();
  writeLifeReport(lives, wanted);
  const figures = lifeFigures(lives, wanted);
  const first = wanted.data[0];
  if (!wanted.process || !first) return figures;
  const set = await readPhotoSet(first.name, first.folder);
  const cell = { set, part, order: 0, scenario: 'clean', sizes, kinds } as const;
  const stages = await liveThroughCommands(cell);
  return { ...figures, process_equal: stages.every(({ equal }) => equal), process: stages };
}

function describe({
  set,
  scenario,
  order,
  seconds,
  stages,
  unpreparedForwards,
}: LifeRecord): string {
  const tops = stages.map(({ name, serving, always }) => {
    const [ours, best] = [serving.original!.top1, always.original!.top1];
    return `${name}: ${(100 * ours).toFixed(1)} (${(100 * best).toFixed(1)})`;
  });
  const unprepared = unpreparedForwards > 0 ? `, ${unpreparedForwards} forwards not kept` : '';
  return `${set} ${scenario} order ${order}, top-1 serving (always promoted) ${tops.join(', ')}; ${seconds.toFixed(0)} s${unprepared}`;
}

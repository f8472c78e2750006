import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HeadRegistry } from '../../src/registry/registry.js';
import { type Cell, defaultConfig } from './life-cell.js';
import { drawPhotos } from './life-data.js';
import { openKeepingEmbedder } from './life-features.js';
import { say } from './life-places.js';
import { planLife } from './life-plan.js';
import { placeLabels, Robot, removeFolder, scratchFolder } from './life-run.js';

export interface ProcessStage {
  stage: string;
  /** Version and SHA-256 of the weights of the head that serves; null: none does. */
  commandLine: string | null;
  inProcess: string | null;
  equal: boolean;
}

/**
 * Lives a life through `headland import` and `headland train`, and beside it the way that the bench
 * takes, on the same samples: after each import the twin gets a copy of the database. Both draw
 * views from the ids of samples.
 */
export async function liveThroughCommands(cell: Cell): Promise<ProcessStage[]> {
  const folder = scratchFolder();
  const robot = join(folder, 'robot');
  const twin = join(folder, 'twin');
  const plan = planLife(
    drawPhotos(cell.set, cell.part, cell.order),
    cell.order,
    'clean',
    cell.sizes,
    0,
  );
  const config = defaultConfig(twin);
  // No daemon follows what `headland train` lets serve.
  const alone = { ...config, gate: { ...config.gate, shadowLabels: 0 } };
  const file = join(folder, 'headland.yaml');
  const { mirrors } = config.models;
  const { searchBudgetMs } = config.training;
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ models: { mirrors }, training: { searchBudgetMs } }));
  const common = ['--config', file, '--state', robot, '--cache', config.paths.cacheDir, '--json'];
  const embedder = await openKeepingEmbedder(config, { exact: true });
  try {
    const stages: ProcessStage[] = [];
    for (const stage of plan.stages) {
      const photos = join(folder, 'photos');
      await placeLabels(photos, stage, async ({ photo }) => join(cell.set.folder, photo.path));
      await headland(['import', photos, ...common]);
      mkdirSync(twin, { recursive: true });
      copyDatabase(robot, twin);
      await headland(['train', ...common]);
      const second = new Robot(alone, embedder);
      await second.prepare();
      await second.train();
      second.close();
      const [commandLine, inProcess] = await Promise.all([robot, twin].map(serving));
      const equal = commandLine === inProcess;
      stages.push({ stage: stage.name, commandLine: commandLine!, inProcess: inProcess!, equal });
      say(`${stage.name} through the command line: ${equal ? 'the same head' : 'another head'}`);
    }
    return stages;
  } finally {
    await embedder.backbone.close();
    removeFolder(folder);
  }
}

/** With its log, if it has one; what the twin's own left would not fit the copy. */
function copyDatabase(from: string, to: string): void {
  for (const file of ['headland.db', 'headland.db-wal', 'headland.db-shm']) {
    rmSync(join(to, file), { force: true });
    const isIndex = file.endsWith('-shm');
    if (!isIndex && existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
}

async function serving(stateDir: string): Promise<string | null> {
  const registry = new HeadRegistry(join(stateDir, 'heads', 'main'), { keep: 5 });
  const version = await registry.current();
  if (version === null) return null;
  const { card } = await registry.load(version);
  return `${version} ${card.weightsSha256}`;
}

/** Exit code 3 says that the gate refused, 1 that a training failed: both are part of a life. */
async function headland(command: string[]): Promise<void> {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  await promisify(execFile)(process.execPath, [main, ...command]).catch((error) => {
    if (command[0] !== 'train' || typeof error.code !== 'number') throw error;
  });
}

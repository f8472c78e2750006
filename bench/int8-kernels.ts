import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedModelDir } from '../src/backbone/cache.js';
import { configSchema } from '../src/config/schema.js';
import type { QuantizationReport } from '../src/evaluation/backbone/quantize-run.js';
import { groceryPhotos } from './support/grocery.js';
import { sharedMirrors, userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { KERNEL_KINDS, type KernelKind, restrictKernels } from './support/restricted-kernels.js';

const ROUNDS = 5;
const SECONDS_A_TURN = 8;
/** Of a file's name: everything but the last digit of its number. */
const GROUP = String.raw`(train_.*\d\d)\d\.jpg$`;
const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

interface Robot {
  kind: KernelKind;
  /** Of the command line, with this kind's own cache. */
  configFile: string;
  cacheDir: string;
  /** Where a copy of the version lies that was made here. */
  madeDir: string;
  environment: NodeJS.ProcessEnv;
}

/**
 * What `headland models quantize` makes of the default backbone on each kind of integer kernel that
 * this processor can stand for, and what it is worth there: the commands run with a copy of ONNX
 * Runtime's library that does not see VNNI, or AVX-512. Pictures: the groceries' training part, to
 * calibrate and to compare on; accuracy is leave-group-out over all of them. Speed: `headland bench`
 * by turns. Options: `--rounds=N`, `--seconds=N` a turn.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const found = groceryPhotos();
  if (!found) return { skipped: 'the grocery photos are not at ../shared/data (HEADLAND_SHARED)' };
  const number = (option: string, fallback: number) =>
    Number(options.find((o) => o.startsWith(`--${option}=`))?.split('=')[1] ?? fallback);
  const [rounds, seconds] = [number('rounds', ROUNDS), number('seconds', SECONDS_A_TURN)];
  const work = mkdtempSync(join(tmpdir(), 'headland-int8-kernels-'));
  try {
    const name = await fetchDefault();
    const robots: Robot[] = [];
    const skipped: Partial<Record<KernelKind, string>> = {};
    for (const kind of KERNEL_KINDS) {
      const libraries = join(work, kind, 'lib');
      const problem = kind === 'native' ? null : restrictKernels(kind, libraries);
      if (problem !== null) skipped[kind] = problem;
      else robots.push(openRobot(kind, work, name, kind === 'native' ? null : libraries));
    }
    const photos = join(work, 'photos');
    for (const { path, label } of found.photos.filter(({ split }) => split === 'train')) {
      mkdirSync(join(photos, label), { recursive: true });
      copyFileSync(join(found.folder, path), join(photos, label, basename(path)));
    }
    headland(robots[0] as Robot, 'import', photos, '--group-pattern', GROUP);
    const reports = new Map<KernelKind, QuantizationReport>();
    for (const robot of robots) {
      const report = headland(robot, 'models', 'quantize') as QuantizationReport;
      reports.set(robot.kind, report);
      if (report.kept) replace(robot.madeDir, cachedModelDir(robot.cacheDir, report.variant));
      if (robot.kind !== 'native' && report.made.kernels.dense === 'exact') {
        skipped[robot.kind] = 'this processor sums exactly without AVX512-VNNI too';
      }
      process.stderr.write(`${robot.kind}: ${report.reason}\n`);
    }
    const measured = robots.filter(({ kind }) => !(kind in skipped));
    const speedups = timeByTurns(measured, name, { rounds, seconds });
    return {
      backbone: name,
      rounds,
      seconds_a_turn: seconds,
      kernels: Object.fromEntries(
        measured.map((robot) => {
          const report = reports.get(robot.kind) as QuantizationReport;
          const own = figures(report, speedups.get(robot.kind) ?? []);
          return [robot.kind, { ...own, opens: openOthers(robot, measured, report.variant) }];
        }),
      ),
      skipped,
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The name of the default backbone, which is in the user's cache from then on. */
async function fetchDefault(): Promise<string> {
  const cacheDir = userCacheDir();
  const config = configSchema.parse({
    paths: { cacheDir, stateDir: cacheDir },
    models: { mirrors: sharedMirrors() },
  });
  return (await preparedCard(config)).name;
}

/** All share the samples; each has a cache of its own that holds the fp32 backbone. */
function openRobot(kind: KernelKind, work: string, name: string, libraries: string | null): Robot {
  const cacheDir = join(work, kind, 'cache');
  mkdirSync(join(cacheDir, 'backbones'), { recursive: true });
  replace(cachedModelDir(cacheDir, name), cachedModelDir(userCacheDir(), name));
  const configFile = join(work, kind, 'headland.yaml');
  // JSON is YAML. Nothing is held out as a holdout, and every labelled sample is compared.
  const config = {
    paths: { stateDir: join(work, 'state'), cacheDir },
    models: { backbone: name, allowDownload: false },
    samples: { holdoutAfterSamples: 100_000 },
    quantization: { maxLabelled: 100_000 },
  };
  writeFileSync(configFile, JSON.stringify(config));
  const environment = { ...process.env, ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) };
  return { kind, configFile, cacheDir, madeDir: join(work, kind, 'made'), environment };
}

/** What a command prints; one that refuses (exit code 3) or finds damage prints its report too. */
function headland({ configFile, environment }: Robot, ...command: string[]): unknown {
  const args = [CLI, ...command, '--config', configFile, '--json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    env: environment,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (stdout === '') throw new Error(`headland ${command.join(' ')} printed nothing: ${stderr}`);
  return JSON.parse(stdout);
}

/** For each kind, fp32's median forward pass over int8's, one thread, of every round. */
function timeByTurns(
  robots: readonly Robot[],
  name: string,
  { rounds, seconds }: { rounds: number; seconds: number },
): Map<KernelKind, number[]> {
  const speedups = new Map<KernelKind, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const robot of robots) {
      const { measurements } = headland(
        ...([robot, 'bench', name, '--threads', '1', '--seconds', String(seconds)] as const),
      ) as { measurements: { precision: string; backboneMs: { p50: number } }[] };
      const of = (precision: string) =>
        measurements.find((one) => one.precision === precision)?.backboneMs.p50 ?? Number.NaN;
      const known = speedups.get(robot.kind) ?? [];
      speedups.set(robot.kind, [...known, round3(of('fp32') / of('int8'))]);
    }
  }
  return speedups;
}

function figures(report: QuantizationReport, speedups: readonly number[]) {
  const { agreement, made } = report;
  const accuracy = report.accuracies[0] ?? null;
  const percent = (share: number) => Math.round(10_000 * share) / 100;
  return {
    sums: made.kernels,
    kept: report.kept,
    ranges: made.rangeMethod,
    activations: made.activations,
    pictures: report.pictures,
    features: {
      relative_error: round3(agreement.relativeError),
      cosine: round4(agreement.cosine),
      least_cosine: round4(agreement.leastCosine),
    },
    speedup: [...speedups].sort((a, b) => a - b)[speedups.length >> 1] ?? null,
    speedup_by_round: speedups,
    top1_percent: accuracy && {
      samples: accuracy.samples,
      classes: accuracy.classes,
      fp32: percent(accuracy.fp32),
      int8: percent(accuracy.int8),
      lost: percent(accuracy.loss),
      standard_error: percent(accuracy.standardError),
    },
  };
}

/** What this kind of kernel says to the versions that were made on each: `ok` or an error's code. */
function openOthers(
  robot: Robot,
  makers: readonly Robot[],
  variant: string,
): Record<string, string> {
  return Object.fromEntries(
    makers.map((maker) => {
      if (!existsSync(maker.madeDir)) return [`made on ${maker.kind}`, 'none was kept'];
      replace(cachedModelDir(robot.cacheDir, variant), maker.madeDir);
      const [result] = headland(robot, 'models', 'verify', variant) as {
        ok: boolean;
        error?: { code: string };
      }[];
      return [`made on ${maker.kind}`, result?.ok ? 'ok' : (result?.error?.code ?? 'no answer')];
    }),
  );
}

/** Puts a copy of a folder, or of what a link leads to, where another may be. */
function replace(target: string, source: string): void {
  rmSync(target, { recursive: true, force: true });
  cpSync(realpathSync(source), target, { recursive: true });
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function round4(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

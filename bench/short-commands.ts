import { spawnSync } from 'node:child_process';
import { Console } from 'node:console';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile, round } from './support/timings.js';

/**
 * `npm run -s bench -- short-commands [--rounds N] [--before PROGRAM]`: processor and wall-clock time of
 * whole processes of short commands above those of `node -e 0`. In each round every command has its turn,
 * and where there is another build of headland, with the command of it.
 */
const ROUNDS = '15';
const PROGRAM = fileURLToPath(new URL('../src/cli/headland.js', import.meta.url));
const BARE = 'node -e 0';

interface Cost {
  cpuMs: number;
  wallMs: number;
}

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: { rounds: { type: 'string', default: ROUNDS }, before: { type: 'string' } },
  });
  const { before } = values;
  const rounds = Number(values.rounds);
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  try {
    const programs = { now: PROGRAM, ...(before ? { before: resolve(before) } : {}) };
    const contenders = new Map<string, string[]>([[BARE, ['-e', '0']]]);
    for (const words of commandsIn(folder)) {
      for (const [build, program] of Object.entries(programs)) {
        contenders.set(`${build}: ${labelOf(words, folder)}`, [program, ...words]);
      }
    }
    const costs = takeTurns([...contenders], rounds);
    return { rounds, ...summary(costs, commandsIn(folder), Object.keys(programs), folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** On a robot with a configuration and a state, and without a daemon. */
function commandsIn(folder: string): string[][] {
  const file = join(folder, 'headland.yaml');
  const at = ['--config', file];
  writeFileSync(
    file,
    `robot: { id: bench }\npaths: { stateDir: ${folder}/state, cacheDir: ${folder}/cache }\n`,
  );
  return [
    ['--version'],
    ['--help'],
    ['config', 'check', file],
    ['audit', ...at],
    ['status', '--state', `${folder}/state`],
    ['pair', ...at],
    ['models', 'heads', ...at],
    ['models', 'list', ...at],
    ['classes', 'list', ...at],
    ['label', ...at],
    ['models', '--help'],
    ['doctor', '--help'],
    ['run', '--help'],
    ['setup', '--help'],
    ['train', '--help'],
    ['import', '--help'],
    ['alerts', '--help'],
  ];
}

function labelOf(words: readonly string[], folder: string): string {
  return words
    .filter((word) => word.startsWith('--') || !word.startsWith(folder))
    .join(' ')
    .replace(/ --(?:config|state)$/, '');
}

/** The first round fills the caches of the disk, and does not count. */
function takeTurns(
  contenders: readonly (readonly [string, string[]])[],
  rounds: number,
): Map<string, Cost[]> {
  const costs = new Map<string, Cost[]>(contenders.map(([name]) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(Math.max(round, 0) + turn) % contenders.length];
      if (contender === undefined) continue;
      const [name, words] = contender;
      const cost = costOf(words);
      if (round >= 0) costs.get(name)?.push(cost);
    }
  }
  return costs;
}

/** As bash tells it: Node.js does not say what a child has taken. */
function costOf(words: readonly string[]): Cost {
  const { stdout } = spawnSync(
    'bash',
    [
      '-c',
      'TIMEFORMAT="%R %U %S"; { time "$@" > /dev/null 2>&1; } 2>&1',
      '-',
      process.execPath,
      ...words,
    ],
    { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  const [wall, user, system] = stdout.trim().split(' ').map(Number);
  if (wall === undefined || user === undefined || system === undefined) throw new Error(stdout);
  return { cpuMs: (user + system) * 1_000, wallMs: wall * 1_000 };
}

function summary(
  costs: ReadonlyMap<string, Cost[]>,
  commands: readonly string[][],
  builds: readonly string[],
  folder: string,
): Record<string, unknown> {
  const median = (name: string, of: keyof Cost): number =>
    quantile(
      (costs.get(name) ?? []).map((cost) => cost[of]),
      0.5,
    );
  const bare = { cpuMs: median(BARE, 'cpuMs'), wallMs: median(BARE, 'wallMs') };
  const above = commands.map((words) => {
    const label = labelOf(words, folder);
    const figures = builds.flatMap((build) => [
      [`${build}_cpu_ms`, round(median(`${build}: ${label}`, 'cpuMs') - bare.cpuMs)],
      [`${build}_wall_ms`, round(median(`${build}: ${label}`, 'wallMs') - bare.wallMs)],
    ]);
    return { command: label, ...Object.fromEntries(figures) };
  });
  // Standard output is for the JSON.
  new Console(process.stderr).table(
    Object.fromEntries(above.map(({ command, ...figures }) => [command, figures])),
  );
  return { bare_cpu_ms: bare.cpuMs, bare_wall_ms: bare.wallMs, above_bare_ms_p50: above };
}

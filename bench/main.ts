import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * `npm run -s bench -- NAME [--json] [options of the bench]`: runs one benchmark, prints its
 * figures, and keeps them with the command and the machine in bench/results/NAME.json.
 */
interface Bench {
  run(options: string[]): Promise<Record<string, unknown>>;
}

const compiled = new URL('./', import.meta.url);
const results = new URL('../../bench/results/', import.meta.url);
const names = readdirSync(compiled)
  .filter((file) => file.endsWith('.js') && file !== 'main.js')
  .map((file) => file.slice(0, -3));

const [name, ...options] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `usage: npm run -s bench -- NAME [--json]\nNAME is one of: ${names.join(', ')}\n`,
  );
  process.exit(2);
}

const bench = (await import(
  pathToFileURL(fileURLToPath(new URL(`${name}.js`, compiled))).href
)) as Bench;
const figures = await bench.run(options.filter((option) => option !== '--json'));
const record = { bench: name, ...figures, ...provenance() };
if (!existsSync(results)) mkdirSync(results, { recursive: true });
writeFileSync(new URL(`${name}.json`, results), `${JSON.stringify(record, null, 2)}\n`);
if (options.includes('--json')) process.stdout.write(`${JSON.stringify(figures)}\n`);
else console.table(scalars(figures));
// Native engines keep threads alive; the figures are out.
process.exit(0);

/** What a terminal has room for; everything else is in the file. */
function scalars(figures: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(figures).filter(([, value]) => value === null || typeof value !== 'object'),
  );
}

function provenance(): Record<string, unknown> {
  return {
    command: `npm run -s bench -- ${[name, ...options].join(' ')}`,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
      arch: process.arch,
    },
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

// Builds the packages twice and judges them: `npm run -s deb [-- --json] [--out DIR]
// [--level 0…9]`. The debs of the first build are kept in DIR (default: deb/ below dist/).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, platformOf } from './files.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const words = process.argv.slice(2);
const asJson = words.includes('--json');
const optionOf = (option, otherwise) =>
  words.includes(option) ? words[words.indexOf(option) + 1] : otherwise;
const out = optionOf('--out', fileURLToPath(new URL('../../dist/deb/', import.meta.url)));
const level = optionOf('--level', '6');
const work = mkdtempSync(join(tmpdir(), 'headland-deb-report-'));

function run(command, args, options = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64_000_000,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? status}`);
  return stdout;
}

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Errors and warnings that no override names; null without lintian. */
function lintian(deb) {
  const { error, stdout } = spawnSync('lintian', ['--allow-root', deb], {
    encoding: 'utf8',
    maxBuffer: 64_000_000,
  });
  return error ? null : stdout.split('\n').filter((line) => /^[EW]: /.test(line));
}

/** Native files for the package's architecture, and for any other. */
function natives(deb, arch) {
  const tree = mkdtempSync(join(work, 'tree-'));
  run('dpkg-deb', ['-x', deb, tree]);
  const platforms = filesBelow(tree).map((file) => [file, platformOf(join(tree, file))]);
  rmSync(tree, { recursive: true });
  const native = platforms.filter(([, platform]) => platform !== null);
  const foreign = native.filter(([, platform]) => platform !== arch).map(([file]) => file);
  return { native: native.length, foreign };
}

function judge(file, again) {
  const deb = join(out, file);
  const [name, , rest] = file.split('_');
  const arch = rest.replace('.deb', '');
  const installed = Number(run('dpkg-deb', ['-f', deb, 'Installed-Size'])) * 1_024;
  return {
    name,
    arch,
    file,
    bytes: statSync(deb).size,
    installedBytes: installed,
    sha256: sha256(deb),
    isReproducible: sha256(deb) === sha256(join(again, file)),
    ...natives(deb, arch),
    lintian: lintian(deb),
  };
}

try {
  mkdirSync(out, { recursive: true });
  for (const old of readdirSync(out)) if (old.endsWith('.deb')) rmSync(join(out, old));
  const again = join(work, 'again');
  for (const folder of [out, again]) {
    run('bash', [join(here, 'build.sh'), '--level', level, '--out', folder]);
  }
  const packages = readdirSync(out)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => judge(file, again));
  const report = {
    packages,
    reproducible: packages.every(({ isReproducible }) => isReproducible),
    foreignBinaries: packages.reduce((sum, { foreign }) => sum + foreign.length, 0),
    lintianFindings: packages.some((one) => one.lintian === null)
      ? null
      : packages.flatMap((one) => one.lintian),
  };
  if (asJson) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    for (const { file, bytes, installedBytes, isReproducible, foreign } of packages) {
      const mega = (size) => `${(size / 1e6).toFixed(1)} MB`;
      process.stdout.write(
        `${file}: ${mega(bytes)}, installed ${mega(installedBytes)}, ` +
          `${isReproducible ? 'reproducible' : 'NOT reproducible'}, ${foreign.length} foreign binaries\n`,
      );
    }
    process.stdout.write(
      `lintian: ${report.lintianFindings?.join('\n') || 'nothing, or not installed'}\n`,
    );
  }
  const isClean = report.reproducible && report.foreignBinaries === 0;
  process.exitCode = isClean && (report.lintianFindings ?? []).length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** File names in `folder`. */
export interface BoardPackages {
  folder: string;
  version: string;
  program: string;
  backbone: string;
  /** The same program as a later version, to upgrade to. */
  nextVersion: string;
  next: string;
}

/** The packages of this checkout, which has been compiled. Those of committed sources are kept in `cache`. */
export function buildPackages(project: string, cache: string): BoardPackages {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();
  const isCommitted = git('status', '--porcelain', '--', ...PACKAGED) === '';
  const sources = git('ls-tree', 'HEAD', '--', ...PACKAGED);
  const key = createHash('sha256').update(sources).digest('hex').slice(0, 16);
  const folder = join(cache, 'packages', isCommitted ? key : 'uncommitted');
  const nextVersion = `${version}+next`;
  if (!isCommitted || !existsSync(folder)) {
    rmSync(join(cache, 'packages'), { recursive: true, force: true });
    const building = join(cache, 'packages', 'building');
    mkdirSync(building, { recursive: true });
    const bash = (...args: string[]): void => {
      execFileSync('bash', args, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
    };
    bash('deploy/deb/build.sh', '--level', '0', '--out', building, 'arm64', 'backbone');
    const program = join(building, nameOf(version));
    const next = join(building, nameOf(nextVersion));
    bash('test/deploy/next-version.sh', program, nextVersion, next);
    renameSync(building, folder);
  }
  return {
    folder,
    version,
    program: nameOf(version),
    backbone: `headland-backbone-efficientnet-lite0-288_${version}_all.deb`,
    nextVersion,
    next: nameOf(nextVersion),
  };
}

const nameOf = (version: string): string => `headland_${version}_arm64.deb`;

/** What the packages are made of. */
const PACKAGED = [
  'src',
  'deploy',
  'systemd',
  'models',
  'docs',
  'package.json',
  'package-lock.json',
];

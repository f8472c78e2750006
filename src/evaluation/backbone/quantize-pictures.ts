import { readFile } from 'node:fs/promises';
import type { Embedder } from '../../backbone/embedder.js';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { fileProblem } from '../../base/files/file-problem.js';
import type { NonEmpty } from '../../base/non-empty.js';
import { listPictureFiles } from '../../samples/folder/picture-files.js';
import type { SampleStore } from '../../samples/store.js';

type RgbImage = Awaited<ReturnType<Embedder['decode']>>;

/** A source of images for the calibration of a backbone. */
export interface PictureSource {
  /** Its name in the report. */
  name: string;
  /** Every image, oldest first. */
  ids: string[];
  /** Null: removed since it was listed. */
  read(id: string): Promise<Uint8Array | null>;
}

const PAGE = 1_000;

/** Every stored sample of the tasks, labelled or waiting. */
export function storedPictures(stores: NonEmpty<SampleStore>): PictureSource {
  const ids = new Set<string>();
  for (const store of stores) {
    for (let afterId = ''; ; ) {
      const page = store.list({ limit: PAGE, afterId });
      if (page.length === 0) break;
      for (const { id } of page) ids.add(id);
      afterId = page.at(-1)!.id;
    }
  }
  const read = async (id: string) => stores[0].picture(id);
  return { name: 'stored samples', ids: [...ids].sort(), read };
}

/**
 * Every JPEG, PNG and WebP file in a folder, at any depth. @throws HL_QUANTIZE_PHOTOS_UNREADABLE
 */
export async function folderPictures(dir: string): Promise<PictureSource> {
  try {
    const found = await listPictureFiles(dir);
    const paths = new Map(found.map(({ name, path }) => [name, path]));
    return {
      name: dir,
      ids: [...paths.keys()],
      read: async (name) => {
        const path = paths.get(name);
        return path === undefined ? null : readFile(path);
      },
    };
  } catch (cause) {
    throw new HeadlandError(
      'HL_QUANTIZE_PHOTOS_UNREADABLE',
      `the folder of pictures ${dir} cannot be read: ${fileProblem(cause)}`,
      {
        remedy: 'Give --photos a folder of pictures that this user may read.',
        details: { dir },
        cause,
      },
    );
  }
}

/**
 * Decodes up to `limits.maxFrames` images, spread evenly over the source, because neighbours are
 * alike. Skips images that cannot be decoded.
 * @throws HeadlandError HL_QUANTIZE_TOO_FEW_FRAMES
 */
export async function readPictures(
  source: PictureSource,
  embedder: Embedder,
  limits: { minFrames: number; maxFrames: number },
): Promise<RgbImage[]> {
  const pictures: RgbImage[] = [];
  for (const id of spread(source.ids, limits.maxFrames)) {
    const bytes = await source.read(id);
    if (!bytes) continue;
    try {
      pictures.push(await embedder.decode(bytes));
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
    }
  }
  if (pictures.length >= limits.minFrames) return pictures;
  throw new HeadlandError(
    'HL_QUANTIZE_TOO_FEW_FRAMES',
    `there are ${pictures.length} usable pictures (${source.name}); ` +
      `an 8-bit backbone needs ${limits.minFrames} (quantization.minFrames)`,
    {
      remedy:
        'Let the robot collect frames, import pictures (`headland import DIR`), or name a folder of pictures: --photos DIR.',
      details: { pictures: pictures.length, minFrames: limits.minFrames },
    },
  );
}

/** At most `count` of the items, evenly spaced, in their order. */
export function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from(
    { length: count },
    (_, i) => items[Math.floor((i * items.length) / count)] as Item,
  );
}

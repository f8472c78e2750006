import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError } from '../../../base/errors.js';
import { writeFileDurably } from '../../../base/files/durable-files.js';
import { makeFolder } from '../../../base/files/make-folder.js';
import { sha256Hex } from '../../../base/hash.js';
import type { Offer } from '../../contract/desired.js';

const OBJECT = /^([0-9a-f]{64})\.object$/;
const PARTS = /^([0-9a-f]{64})\.parts$/;
const PART = /^(\d{1,7})-(\d{1,12})$/;

interface Part {
  index: number;
  /** In the object, bytes. */
  offset: number;
  file: string;
}

/**
 * The folder `<stateDir>/fleet`: whole objects, each under its SHA-256, and the parts of those that are on
 * their way. Every file is whole or absent, so that the daemon may end anywhere.
 */
export class ObjectFolder {
  constructor(readonly dir: string) {}

  /** Where a whole object is, whether or not it is there. */
  path(id: string): string {
    return join(this.dir, `${id}.object`);
  }

  async has(id: string): Promise<boolean> {
    return stat(this.path(id)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** @throws HeadlandError HL_FLEET_OBJECT_DAMAGED; then it is removed, so that it comes again */
  async read(id: string): Promise<Buffer> {
    try {
      return await readObject(this.path(id), id);
    } catch (error) {
      await remove(this.path(id));
      throw error;
    }
  }

  async put(id: string, bytes: Uint8Array): Promise<void> {
    await makeFolder(this.dir, 0o700);
    await writeFileDurably(this.path(id), bytes);
  }

  /** Keeps a part; one that is there already is replaced. */
  async putPart(id: string, index: number, offset: number, bytes: Uint8Array): Promise<void> {
    const dir = this.#parts(id);
    await makeFolder(dir, 0o700);
    await writeFileDurably(join(dir, `${index}-${offset}`), bytes);
  }

  /** Numbers of the parts that are there, ascending. */
  async partsOf(id: string): Promise<number[]> {
    return [...new Set((await this.#list(id)).map(({ index }) => index))];
  }

  /**
   * Makes the whole object of its parts, which go.
   * @throws HeadlandError HL_FLEET_OBJECT_DAMAGED: the parts are removed, so that they come again
   */
  async assemble({ object, bytes, chunks }: Offer): Promise<void> {
    const parts = await this.#list(object);
    const whole = Buffer.alloc(bytes);
    let at = 0;
    let isWhole = parts.length === chunks;
    for (const { offset, file } of parts) {
      const part = await readFile(join(this.#parts(object), file));
      isWhole &&= offset === at && offset + part.length <= bytes;
      if (!isWhole) break;
      part.copy(whole, at);
      at += part.length;
    }
    if (!isWhole || at !== bytes || sha256Hex(whole) !== object) {
      await remove(this.#parts(object));
      throw damaged(object, 'its chunks do not give what the hub has offered');
    }
    await this.put(object, whole);
    await remove(this.#parts(object));
  }

  /** Removes everything but these objects and their parts. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    for (const entry of await entriesOf(this.dir)) {
      const id = (OBJECT.exec(entry) ?? PARTS.exec(entry))?.[1];
      if (id === undefined || !ids.has(id)) await remove(join(this.dir, entry));
    }
  }

  #parts(id: string): string {
    return join(this.dir, `${id}.parts`);
  }

  async #list(id: string): Promise<Part[]> {
    return (await entriesOf(this.#parts(id)))
      .flatMap((file): Part[] => {
        const [, index, offset] = PART.exec(file) ?? [];
        if (index === undefined || offset === undefined) return [];
        return [{ index: Number(index), offset: Number(offset), file }];
      })
      .sort((one, other) => one.index - other.index);
  }
}

/** Reads an object and checks it. @throws HeadlandError HL_FLEET_OBJECT_DAMAGED */
export async function readObject(path: string, id: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw damaged(id, 'its file cannot be read', cause);
  }
  if (sha256Hex(bytes) !== id) throw damaged(id, 'its file holds something else');
  return bytes;
}

function damaged(id: string, why: string, cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_DAMAGED',
    `an object of the fleet (${id.slice(0, 12)}…) is damaged: ${why}`,
    {
      remedy:
        'Wait: the robot asks the hub for it again. If it lasts, look into the log of the hub.',
      details: { object: id },
      cause,
    },
  );
}

/** What a power cut brings back is removed with the next change of what is wanted. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function entriesOf(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

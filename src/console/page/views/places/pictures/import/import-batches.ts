import { zipSync } from 'fflate';
import { folderOf, type ImportFile, mediaTypeOf } from './import-files.js';

/** Files that go to the robot in one request. */
export interface ImportBatch {
  files: readonly ImportFile[];
  /** Class of all of them; null: they wait for one, or the archive names its classes itself. */
  label: string | null;
}

const ARCHIVE = 'application/zip';
/** The robot looks at all its samples in each request; a person wants to see progress, and to cancel. */
const MAX_FILES = 50;
/** Held in the memory of the browser. */
const MAX_BYTES = 32_000_000;
/** Of a name in the archive, without its ending; few enough for a file system that counts bytes. */
const MAX_NAME_CHARACTERS = 60;
/** Where an archive of headland holds images without a class. */
const WAITING_FOLDER = '.waiting';

/** Images of one class together, in their order; archives and what is no image alone. */
export function importBatches(files: readonly ImportFile[], label: string | null): ImportBatch[] {
  const batches: ImportBatch[] = [];
  const open = new Map<
    string | null,
    { files: ImportFile[]; label: string | null; bytes: number }
  >();
  for (const each of files) {
    const type = mediaTypeOf(each.name);
    const own = folderOf(each.name) ?? label;
    if (type === undefined || type === ARCHIVE) {
      batches.push({ files: [each], label });
      continue;
    }
    let batch = open.get(own);
    const { size } = each.file;
    if (!batch || batch.files.length === MAX_FILES || batch.bytes + size > MAX_BYTES) {
      batch = { files: [], label: own, bytes: 0 };
      open.set(own, batch);
      batches.push(batch);
    }
    batch.files.push(each);
    batch.bytes += size;
  }
  return batches;
}

/** An archive of the images of a batch, not compressed, and by the names in it those of the person. */
export async function packed({
  files,
  label,
}: ImportBatch): Promise<{ archive: Blob; names: ReadonlyMap<string, string> }> {
  const names = new Map<string, string>();
  const entries: Record<string, Uint8Array> = {};
  for (const { file, name } of files) {
    const plain = plainName(name.split('/').at(-1) ?? name, names);
    names.set(plain, name);
    const path = label === null ? `${WAITING_FOLDER}/${plain}` : plain;
    entries[path] = new Uint8Array(await file.arrayBuffer());
  }
  const bytes = zipSync(entries, { level: 0 });
  return { archive: new Blob([bytes], { type: ARCHIVE }), names };
}

/** A name that every archive and every file system takes, and that no other file of the batch has. */
function plainName(name: string, taken: ReadonlyMap<string, string>): string {
  const [, stem = '', ending = ''] = /^(.*?)(\.\w+)?$/su.exec(name) ?? [];
  const plain = stem.replaceAll(/[^\p{L}\p{N} ._-]/gu, '_').replace(/^\.+/, '');
  const short = [...plain].slice(0, MAX_NAME_CHARACTERS).join('') || 'picture';
  let unique = `${short}${ending}`;
  for (let number = 2; taken.has(unique); number += 1) unique = `${short} ${number}${ending}`;
  return unique;
}

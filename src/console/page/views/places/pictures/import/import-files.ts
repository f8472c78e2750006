/** A file to be imported, with its path below what was chosen or dropped. */
export interface ImportFile {
  file: File;
  name: string;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  zip: 'application/zip',
};

/** Files that systems leave in folders; nobody means them. */
const LEFT_BEHIND = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX\/.*)$/i;

/** For the file chooser. */
export const ACCEPTED = '.jpg,.jpeg,.png,.webp,.zip';

/** Undefined: neither an image nor an archive that the robot takes. */
export function mediaTypeOf(name: string): string | undefined {
  return MEDIA_TYPES[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''];
}

/** The folder that gives its name to the class; null: none does. */
export function folderOf(name: string): string | null {
  return name.split('/').at(-2) ?? null;
}

export function chosenFiles(list: FileList): ImportFile[] {
  return meant([...list].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
}

/** What was dropped, with the content of folders. Call it during the event: the list is empty afterwards. */
export async function droppedFiles(items: DataTransferItemList): Promise<ImportFile[]> {
  const found = [...items].flatMap((item) => {
    const entry = item.webkitGetAsEntry();
    if (entry !== null) return [filesOf(entry)];
    const file = item.getAsFile();
    return file === null ? [] : [Promise.resolve([{ file, name: file.name }])];
  });
  return meant((await Promise.all(found)).flat());
}

function meant(files: readonly ImportFile[]): ImportFile[] {
  return files.filter(({ name }) => !LEFT_BEHIND.test(name));
}

async function filesOf(entry: FileSystemEntry): Promise<ImportFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: entry.fullPath.replace(/^\//, '') }];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const files: ImportFile[] = [];
  // A reader gives a folder in parts, at most 100 entries each.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return files;
    for (const each of entries) files.push(...(await filesOf(each)));
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

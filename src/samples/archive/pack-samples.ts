import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { ExportOptions } from '../folder/export-folder.js';
import { asExported, endingOf, withPosition } from '../folder/export-folder.js';
import { FOLDER_EXPORTER } from '../folder/exporters/folder-exporter.js';
import { MANIFEST_FILE, manifestLine } from '../folder/manifest.js';
import type { Sample } from '../sample.js';
import type { SampleStore } from '../store.js';

/**
 * Class folders with a manifest as a zip archive, as `exportFolder` writes them. Pictures are read one by
 * one, as fast as the reader takes them. Samples without a picture are left out.
 * @param ids of samples of the task
 */
export function packSamples(
  store: SampleStore,
  ids: readonly string[],
  options: Pick<ExportOptions, 'includePositions'> = {},
): Readable {
  const zip = new ZipFile();
  /** By the index of the id; a sample that was left out has none. */
  const endings: string[] = [];
  const exported = (id: string): Sample | null => {
    const sample = store.get(id);
    return sample && asExported(sample, options);
  };
  const fileOf = (sample: Sample, ending: string): string =>
    `${FOLDER_EXPORTER.folderOf(sample)}/${sample.id}.${ending}`;
  const next = (index: number): void => {
    for (let i = index; i < ids.length; i++) {
      const sample = exported(ids[i]!);
      const bytes = sample && store.picture(sample.id);
      if (!sample || !bytes) continue;
      endings[i] = endingOf(bytes);
      const content = Readable.from([Buffer.from(withPosition(bytes, sample))]);
      content.once('end', () => guarded(() => next(i + 1)));
      zip.addReadStreamLazy(
        fileOf(sample, endings[i]!),
        { compress: false, mtime: new Date(sample.capturedAtMs), mode: 0o100644 },
        (give) => give(null, content),
      );
      return;
    }
    zip.addReadStreamLazy(MANIFEST_FILE, { mode: 0o100644 }, (give) =>
      give(null, Readable.from(lines())),
    );
    zip.end();
  };
  function* lines(): Generator<Buffer> {
    for (const [i, id] of ids.entries()) {
      const ending = endings[i];
      const sample = ending === undefined ? null : exported(id);
      // One that was removed meanwhile has no class that an import could restore.
      if (sample) yield Buffer.from(manifestLine(sample, fileOf(sample, ending!)));
    }
  }
  const output = zip.outputStream as Readable;
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      output.destroy(error as Error);
    }
  };
  zip.on('error', (error) => output.destroy(error as Error));
  guarded(() => next(0));
  return output;
}

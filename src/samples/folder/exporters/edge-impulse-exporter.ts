import type { Sample } from '../../sample.js';
import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { type ExportedPicture, type Exporter, fileNameOf } from './exporter.js';

/** Edge Impulse: `info.labels` for its uploader; the holdout is the category "testing". */
export const EDGE_IMPULSE_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: false,
  takesWaiting: true,
  folderOf: categoryOf,
  *textsOf(pictures) {
    const info = { version: 1, files: pictures.map(entryOf) };
    yield { file: 'info.labels', text: `${JSON.stringify(info, null, 1)}\n` };
  },
};

function categoryOf({ holdout }: Sample): 'training' | 'testing' {
  return holdout ? 'testing' : 'training';
}

function entryOf(picture: ExportedPicture) {
  const { sample, file } = picture;
  const { label, group, source } = sample;
  return {
    path: file,
    name: fileNameOf(picture),
    category: categoryOf(sample),
    label: label === null ? { type: 'unlabeled' } : { type: 'label', label },
    metadata: { group, source },
    // The SDK of Edge Impulse requires the list, also where it is empty.
    boundingBoxes: [],
  };
}

import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import {
  type ExportedPicture,
  type Exporter,
  fileNameOf,
  PICTURE_FOLDER,
  partOf,
} from './exporter.js';

/** COCO: a box around each whole picture; the holdout is the part "val". */
export const COCO_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: true,
  takesWaiting: false,
  folderOf: (sample) => `${PICTURE_FOLDER}/${partOf(sample)}`,
  *textsOf(pictures, labels) {
    const numbers = new Map(labels.map((label, index) => [label, index + 1]));
    for (const part of ['train', 'val'] as const) {
      const inPart = pictures.filter(({ sample }) => partOf(sample) === part);
      if (inPart.length === 0) continue;
      const instances = instancesOf(inPart, numbers);
      yield { file: `annotations/instances_${part}.json`, text: `${JSON.stringify(instances)}\n` };
    }
  },
};

function instancesOf(
  pictures: readonly ExportedPicture[],
  numbers: ReadonlyMap<string | null, number>,
) {
  return {
    info: { description: 'exported by headland' },
    licenses: [],
    categories: [...numbers].map(([name, id]) => ({ id, name, supercategory: '' })),
    images: pictures.map((picture, index) => ({
      id: index + 1,
      file_name: fileNameOf(picture),
      width: picture.width,
      height: picture.height,
    })),
    annotations: pictures.map(({ sample, width, height }, index) => ({
      id: index + 1,
      image_id: index + 1,
      category_id: numbers.get(sample.label),
      bbox: [0, 0, width, height],
      area: width * height,
      segmentation: [],
      iscrowd: 0,
    })),
  };
}

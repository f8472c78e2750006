import { stringify } from 'yaml';
import { stemOf } from '../annotations/picture-index.js';
import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { type Exporter, fileNameOf, PICTURE_FOLDER, partOf } from './exporter.js';

/** YOLO as Ultralytics reads it: a box around each whole picture; the holdout is the part "val". */
export const YOLO_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: false,
  takesWaiting: false,
  folderOf: (sample) => `${PICTURE_FOLDER}/${partOf(sample)}`,
  *textsOf(pictures, labels) {
    const hasHoldout = pictures.some(({ sample }) => sample.holdout);
    const hasTraining = pictures.some(({ sample }) => !sample.holdout);
    // Ultralytics needs both parts.
    const data = {
      train: `${PICTURE_FOLDER}/${hasTraining ? 'train' : 'val'}`,
      val: `${PICTURE_FOLDER}/${hasHoldout ? 'val' : 'train'}`,
      names: new Map(labels.entries()),
    };
    yield { file: 'data.yaml', text: stringify(data) };
    const numbers = new Map<string | null, number>(labels.map((label, index) => [label, index]));
    for (const picture of pictures) {
      const { sample } = picture;
      const file = `labels/${partOf(sample)}/${stemOf(fileNameOf(picture))}.txt`;
      yield { file, text: `${numbers.get(sample.label)} 0.5 0.5 1 1\n` };
    }
  },
};

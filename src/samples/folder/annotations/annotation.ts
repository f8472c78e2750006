import type { Split } from '../../../vision/folder/splits.js';
import type { PictureBox } from '../../../vision/picture-box.js';

/** A part of a picture with a label. */
export interface LabelledBox {
  label: string;
  /** Its edges; null: the annotation has none, or they make no box. */
  box: PictureBox | null;
}

/** Labels of one picture in an annotation file. */
export interface AnnotatedPicture {
  /** As the file names it: a path, a bare name, or an address. */
  picture: string;
  /** Labels of the picture as a whole; may repeat. */
  labels: string[];
  /** Labels of parts of it. Without any label, the file only lists the picture. */
  boxes: LabelledBox[];
  /** Group that the file names for it; null: none. */
  group?: string | null;
  /** Part of the data set that the file names for it; null: none. */
  split?: Split | null;
  /** It has a label for another task. */
  elsewhere?: boolean;
}

/** Tables may label pictures for several tasks, in a column for each. */
export interface TaskColumns {
  /** The task whose labels are read. */
  task: string;
  /** All tasks of the robot. */
  tasks: readonly string[];
}

/** Contents of one annotation file. */
export interface AnnotationFile {
  format: AnnotationFormat;
  pictures: AnnotatedPicture[];
  /** Records that cannot be used, in words that follow the name of the file. */
  faults: string[];
  /** Tasks for which it has labels, in columns of their own. */
  tasks?: readonly string[];
}

/** In order of preference between formats that label equally many pictures. */
export const ANNOTATION_FORMATS = [
  'an Edge Impulse export',
  'a Label Studio export',
  'a CVAT export',
  'a table of labels',
  'COCO annotations',
  'CreateML annotations',
  'LabelMe annotations',
  'Pascal VOC annotations',
  'YOLO annotations',
  'the beginnings of the file names, as Edge Impulse writes them',
] as const;
export type AnnotationFormat = (typeof ANNOTATION_FORMATS)[number];

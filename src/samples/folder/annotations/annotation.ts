/** Labels of one picture in an annotation file. */
export interface AnnotatedPicture {
  /** As the file names it: a path, a bare name, or an address. */
  picture: string;
  /** May repeat; empty: the file lists the picture without a label. */
  labels: string[];
}

/** Contents of one annotation file. */
export interface AnnotationFile {
  format: AnnotationFormat;
  pictures: AnnotatedPicture[];
  /** The labels belong to boxes or other regions in the pictures. */
  boxes: boolean;
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

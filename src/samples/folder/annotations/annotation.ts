/** What an annotation file says of one picture. */
export interface AnnotatedPicture {
  /** As the file names it: a path, a bare name, or an address. */
  picture: string;
  /** Distinct or not; none: the file knows the picture, but labels nothing in it. */
  labels: string[];
}

/** What one annotation file says. */
export interface AnnotationFile {
  format: AnnotationFormat;
  pictures: AnnotatedPicture[];
  /** The labels belong to places in the pictures. */
  boxes: boolean;
}

/** In the order in which they are preferred where several label as many pictures. */
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

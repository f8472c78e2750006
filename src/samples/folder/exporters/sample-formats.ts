/** Layouts of an exported folder. */
export const SAMPLE_FORMATS = [
  'folder',
  'label-studio',
  'cvat',
  'coco',
  'yolo',
  'edge-impulse',
  'csv',
] as const;

export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

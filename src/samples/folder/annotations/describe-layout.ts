import type { Layout } from '../../../vision/folder/layout.js';
import type { AnnotationFormat } from './annotation.js';
import type { BoxUse } from './labelled-parts.js';
import type { Annotated } from './read-annotations.js';

/** " in the splits train, valid"; "" without splits. */
export function inSplits({ splits }: Pick<Layout, 'splits'>): string {
  if (splits.length === 0) return '';
  return ` in the split${splits.length > 1 ? 's' : ''} ${splits.join(', ')}`;
}

/** Describes annotated pictures: "COCO annotations (Roboflow) in the splits train, valid; boxes as crops". */
export function describeAnnotated(
  { tool, boxes }: Pick<Annotated, 'tool' | 'boxes'>,
  format: AnnotationFormat,
  layout: Layout,
  use: BoxUse,
  isExport: boolean,
): string {
  const by = isExport ? ', exported by headland' : tool === null ? '' : ` (${tool})`;
  const parts = use === 'crops' ? 'boxes as crops' : 'boxes as labels of whole pictures';
  return `${format}${by}${inSplits(layout)}${boxes && !isExport ? `; ${parts}` : ''}`;
}

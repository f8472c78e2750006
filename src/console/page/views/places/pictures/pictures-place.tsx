import { LabelCounts } from '../../cards/label-counts.js';
import type { PlaceProps } from '../../page-view.js';

/** Everything that is stored. */
export function PicturesPlace({ status }: PlaceProps) {
  return <LabelCounts samples={status.samples} />;
}

import { Viewer } from '../../look/viewer.js';
import type { PlaceProps } from '../../page-view.js';

/** All cameras and regions. */
export function LivePlace({ page, status }: PlaceProps) {
  return <Viewer page={page} status={status} />;
}

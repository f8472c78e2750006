import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';

/** What every place is given. */
export interface PlaceProps {
  page: PageParts;
  status: ConsoleStatus;
}

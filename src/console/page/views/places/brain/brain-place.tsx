import { HeadVersions } from '../../cards/head-versions.js';
import { HoldoutCard } from '../../cards/holdout-card.js';
import { TrainingCard } from '../../cards/training-card.js';
import type { PlaceProps } from '../../page-view.js';

/** What was learnt. */
export function BrainPlace({ page, status }: PlaceProps) {
  return (
    <>
      <TrainingCard page={page} status={status} />
      <HoldoutCard page={page} />
      <HeadVersions page={page} />
    </>
  );
}

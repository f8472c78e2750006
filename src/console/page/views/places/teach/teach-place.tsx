import { useRef } from 'preact/hooks';
import { AlikeOfferCard } from '../../cards/alike-offer.js';
import { QuestionQueue } from '../../cards/question-queue.js';
import { LabelPad } from '../../look/label-pad.js';
import { Viewer } from '../../look/viewer.js';
import type { PlaceProps } from '../../page-view.js';

/** One question at a time. */
export function TeachPlace({ page, status }: PlaceProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <Viewer page={page} status={status} />
      <LabelPad page={page} status={status} field={field} />
      <AlikeOfferCard page={page} />
      <QuestionQueue page={page} status={status} />
    </>
  );
}

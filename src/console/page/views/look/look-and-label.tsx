import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { ConsoleStatus } from '../../../contract/live-contract.js';
import type { PageParts } from '../../control/page-parts.js';
import { knownLabels } from '../../words/head-words.js';
import { labelKeys, useKeys } from '../use-keys.js';
import { LabelPad } from './label-pad.js';
import { Viewer } from './viewer.js';

/** One camera, large: a press holds and labels exactly the frame on the screen. */
export function LookAndLabel({
  page,
  status,
  head,
  actions,
  leave,
}: {
  page: PageParts;
  status: ConsoleStatus;
  /** Above the picture. */
  head?: ComponentChildren;
  /** Below the labels on phones, beside the picture on desktops. */
  actions?: ComponentChildren;
  /** What Escape does when there is nothing else to leave. */
  leave?: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const { store, viewfinder, labelling } = page;
  useKeys(page, {
    ...labelKeys(knownLabels(status), (label) => void labelling.submit(label)),
    ' ': () => {
      const { view, shown } = store.state;
      if (view.kind === 'live' && shown?.kind === 'live') viewfinder.toggleHold();
    },
    n: () => field.current?.focus(),
    Escape: () => {
      const { view, hold } = store.state;
      if (view.kind !== 'live') viewfinder.backToLive();
      else if (hold !== null) viewfinder.setHold(null);
      else leave?.();
    },
  });
  return (
    <div class="look-and-label">
      {head}
      <div class="look">
        <Viewer page={page} status={status} />
      </div>
      <LabelPad page={page} status={status} field={field} />
      {actions}
    </div>
  );
}

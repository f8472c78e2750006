import { useRef } from 'preact/hooks';
import type { PageParts } from '../control/page-parts.js';
import { isOfTask } from '../words/task-words.js';
import { AlarmList } from './alarm-list.js';
import { AlikeOfferCard } from './cards/alike-offer.js';
import { HeadVersions } from './cards/head-versions.js';
import { HealthCard } from './cards/health-card.js';
import { HoldoutCard } from './cards/holdout-card.js';
import { LabelCounts } from './cards/label-counts.js';
import { QuestionQueue } from './cards/question-queue.js';
import { TrainingCard } from './cards/training-card.js';
import { ConfirmDialog } from './confirm-dialog.js';
import { HeaderBar } from './header-bar.js';
import { LabelPad } from './look/label-pad.js';
import { Viewer } from './look/viewer.js';
import { NoticeToast } from './notice-toast.js';
import { TaskPicker } from './task-picker.js';
import { TokenForm } from './token-form.js';
import { useSelected } from './use-selected.js';
import { useShortcuts } from './use-shortcuts.js';

export function PageView({ page }: { page: PageParts }) {
  const status = useSelected(page.store, (state) => state.status);
  const current = useSelected(page.store, isOfTask);
  const field = useRef<HTMLInputElement>(null);
  useShortcuts(page, field);
  return (
    <>
      <a class="skip" href="#pad">
        Skip to labelling
      </a>
      <HeaderBar page={page} />
      <TokenForm page={page} />
      {status !== null && <AlarmList alarms={status.alarms} />}
      <TaskPicker page={page} />
      <main id="main" hidden={status === null} inert={!current} aria-busy={!current}>
        {status !== null && (
          <>
            <div class="column">
              <section class="look" aria-label="Camera picture">
                <Viewer page={page} status={status} />
                <LabelPad page={page} status={status} field={field} />
              </section>
              <HoldoutCard page={page} />
              <HeadVersions page={page} />
            </div>
            <div class="column">
              <AlikeOfferCard page={page} />
              <QuestionQueue page={page} status={status} />
              <TrainingCard page={page} status={status} />
              <LabelCounts samples={status.samples} />
              <HealthCard page={page} status={status} />
            </div>
          </>
        )}
      </main>
      <ConfirmDialog page={page} />
      <NoticeToast page={page} />
    </>
  );
}

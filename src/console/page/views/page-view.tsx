import type { ComponentType } from 'preact';
import { ConfirmDialog } from '../../../page/views/confirm-dialog.js';
import { NoticeToast } from '../../../page/views/notice-toast.js';
import { TokenForm } from '../../../page/views/token-form.js';
import { useSelected } from '../../../page/views/use-selected.js';
import { useWords } from '../../../page/views/use-words.js';
import type { PageParts } from '../control/page-parts.js';
import type { Place } from '../control/page-state.js';
import { isOfTask } from '../words/task-words.js';
import { HeaderBar } from './header-bar.js';
import { PlaceBar } from './place-bar.js';
import { BrainPlace } from './places/brain/brain-place.js';
import { LivePlace } from './places/live/live-place.js';
import { PicturesPlace } from './places/pictures/pictures-place.js';
import type { PlaceProps } from './places/place-props.js';
import { RobotPlace } from './places/robot/robot-place.js';
import { TeachPlace } from './places/teach/teach-place.js';
import { TaskPicker } from './task-picker.js';
import { useShortcuts } from './use-shortcuts.js';

const VIEWS: Readonly<Record<Place, ComponentType<PlaceProps>>> = {
  live: LivePlace,
  teach: TeachPlace,
  pictures: PicturesPlace,
  brain: BrainPlace,
  robot: RobotPlace,
};

export function PageView({ page }: { page: PageParts }) {
  const words = useWords(page);
  const status = useSelected(page.store, (state) => state.status);
  const current = useSelected(page.store, isOfTask);
  const place = useSelected(page.store, (state) => state.place);
  useShortcuts(page);
  const PlaceView = VIEWS[place];
  return (
    <>
      <a class="skip" href="#main">
        {words.say('shell.skip')}
      </a>
      <HeaderBar page={page} />
      <TokenForm
        page={page}
        title={words.say('shell.gateTitle')}
        help={words.say('shell.gateHelp')}
        open={(token) => page.session.open(token)}
      />
      <div class="frame" hidden={status === null}>
        <PlaceBar page={page} />
        <div class="content">
          <TaskPicker page={page} />
          <main id="main" tabIndex={-1} inert={!current} aria-busy={!current} data-place={place}>
            <h2 class="away" id="place-title">
              {words.say(`shell.${place}`)}
            </h2>
            {status !== null && <PlaceView key={status.task} page={page} status={status} />}
          </main>
        </div>
      </div>
      <ConfirmDialog page={page} />
      <NoticeToast page={page} />
    </>
  );
}

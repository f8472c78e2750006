import type { ColourTheme } from '../state/colour-theme.js';
import type { FrameState } from '../state/frame-state.js';
import type { Notices } from '../state/notices.js';
import type { Store } from '../state/state-store.js';
import type { FrameKey } from '../words/frame/frame.js';
import type { Translator } from '../words/translator.js';

/** The parts of a page that the views around its places need. */
export interface FrameParts {
  readonly store: Store<FrameState>;
  readonly words: Pick<Translator<FrameKey>, 'say' | 'choose'>;
  readonly notices: Notices;
  readonly theme: ColourTheme;
}

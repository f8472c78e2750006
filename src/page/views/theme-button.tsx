import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

export function ThemeButton({ page }: { page: FrameParts }) {
  const words = useWords(page);
  const theme = useSelected(page.store, (state) => state.theme);
  const text = words.say('shell.colours', { theme: words.say(`shell.${theme}`) });
  return (
    <button
      class="quiet square"
      id="theme"
      type="button"
      aria-label={text}
      title={text}
      onClick={() => page.theme.cycle()}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <circle cx="12" cy="12" r="8" />
        <path d="M12 4a8 8 0 0 1 0 16z" />
      </svg>
    </button>
  );
}

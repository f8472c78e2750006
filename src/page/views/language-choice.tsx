import { LANGUAGES, type Language } from '../words/language.js';
import type { FrameParts } from './frame-parts.js';
import { useSelected } from './use-selected.js';
import { useWords } from './use-words.js';

const NAMES: Readonly<Record<Language, string>> = { en: 'EN', de: 'DE', zh: '中文' };

export function LanguageChoice({ page }: { page: FrameParts }) {
  const words = useWords(page);
  const language = useSelected(page.store, (state) => state.language);
  return (
    <select
      id="language"
      aria-label={words.say('shell.language')}
      value={language}
      onChange={({ currentTarget: { value } }) => {
        const chosen = LANGUAGES.find((each) => each === value);
        if (chosen !== undefined) void page.words.choose(chosen);
      }}
    >
      {LANGUAGES.map((each) => (
        <option key={each} value={each} lang={each}>
          {NAMES[each]}
        </option>
      ))}
    </select>
  );
}

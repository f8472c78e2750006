import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { AnswerOf } from '../../../../contract/contract.js';
import type { PageParts } from '../../../control/page-parts.js';
import {
  type Setting,
  type SettingSchema,
  settingsOf,
  valueAt,
} from '../../../control/setting-tree.js';
import { useAnswer } from '../../use-answer.js';
import type { PlaceProps } from '../place-props.js';
import { SettingField } from './setting-field.js';

type Settings = AnswerOf<'GET /api/robot/settings'>;
type Problem = AnswerOf<'POST /api/robot/settings/check'>['problems'][number];

/** Changed settings by path; undefined: back to the default. */
export type Draft = ReadonlyMap<string, { path: readonly string[]; value: unknown }>;

/** Every setting, checked by the schema that the robot itself reads them with. */
export function SettingsSection({ page }: PlaceProps) {
  const words = useWords(page);
  const { answer, problem, reload } = useAnswer(page, 'GET /api/robot/settings', {});
  const [draft, setDraft] = useState<Draft>(new Map());
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [wanted, setWanted] = useState('');
  if (answer === null) return <p class="hint">{problem?.message ?? words.say('shell.loading')}</p>;
  const schema = answer.schema as SettingSchema;
  const sections = Object.entries(schema.properties ?? {}).map(([name, part]) => ({
    name,
    description: part.description ?? '',
    settings: settingsOf([name], part).filter((each) => matches(each, wanted)),
  }));
  const edit = (path: readonly string[], value: unknown) => {
    const next = new Map(draft);
    const key = path.join('.');
    if (same(value, valueAt(answer.values, path))) next.delete(key);
    else next.set(key, { path, value });
    setDraft(next);
    setProblems([]);
  };
  const save = async () => {
    const body = { checksum: answer.checksum, changes: changesOf(draft) };
    try {
      const checked = await page.api.call('POST /api/robot/settings/check', { body });
      setProblems(checked.problems);
      if (checked.problems.length > 0) return;
      const { effect } = await page.api.call('POST /api/robot/settings', { body });
      page.notices.say(words.say(effect === 'restart' ? 'robot.savedRestart' : 'robot.saved'));
      setDraft(new Map());
    } catch (error) {
      page.notices.problem(error);
    }
    reload();
  };
  return (
    <>
      <SettingsHead page={page} settings={answer} />
      <label class="search">
        <span class="away">{words.say('robot.searchSettings')}</span>
        <input
          type="search"
          id="settings-search"
          placeholder={words.say('robot.searchSettings')}
          value={wanted}
          onInput={({ currentTarget: { value } }) => setWanted(value)}
        />
      </label>
      {sections
        .filter(({ settings }) => settings.length > 0)
        .map(({ name, description, settings }) => (
          <details key={name} class="card setting-section" open={wanted !== ''}>
            <summary>
              <strong>{name}</strong>{' '}
              <span class="hint" lang="en">
                {description}
              </span>
            </summary>
            {settings.map((setting) => (
              <SettingField
                key={setting.path.join('.')}
                words={words}
                setting={setting}
                value={shownValue(draft, answer, setting)}
                isGiven={isGiven(draft, answer, setting)}
                isChanged={draft.has(setting.path.join('.'))}
                disabled={!answer.writable || setting.schema.onlyByHand === true}
                edit={(value) => edit(setting.path, value)}
              />
            ))}
          </details>
        ))}
      {(draft.size > 0 || problems.length > 0) && (
        <div class="save-bar" id="save-bar">
          <ul class="problems" role="alert" lang="en">
            {problems.map(({ path, message, remedy, line }) => (
              <li key={`${path} ${message}`}>
                {`${path}${line === null ? '' : ` (${words.say('robot.line', { line })})`}: ${message}. ${remedy}`}
              </li>
            ))}
          </ul>
          <div class="row end wrap">
            <button type="button" onClick={() => setDraft(new Map())}>
              {words.say('robot.discard')}
            </button>
            <button class="primary" type="button" onClick={() => void save()}>
              {words.say('robot.saveChanges', { count: draft.size })}
            </button>
          </div>
        </div>
      )}
    </>
  );
}

/** Where the settings stand, why they cannot be changed here, and whether a restart is needed. */
function SettingsHead({ page, settings }: { page: PageParts; settings: Settings }) {
  const words = useWords(page);
  const { path, writtenTo, writable, reason, restartNeeded, last } = settings;
  const restart = async () => {
    const sure = await page.notices.ask({
      title: words.say('robot.restartTitle'),
      message: words.say('robot.restartText'),
      yes: words.say('robot.restart'),
    });
    if (!sure) return;
    try {
      await page.api.call('POST /api/robot/restart', {});
    } catch (error) {
      page.notices.problem(error);
    }
  };
  return (
    <section class="card" aria-labelledby="settings-title">
      <header>
        <h3 id="settings-title">{words.say('robot.settings')}</h3>
        <button type="button" id="restart" onClick={() => void restart()}>
          {words.say('robot.restart')}
        </button>
      </header>
      <p class="hint">
        {path === null ? words.say('robot.noFile') : words.say('robot.fileAt', { path })}
        {writtenTo !== null && writtenTo !== path
          ? ` ${words.say('robot.writtenTo', { path: writtenTo })}`
          : ''}
      </p>
      {!writable && (
        <p class="warn-line" lang="en">
          {`${reason?.message ?? ''}. ${reason?.remedy ?? ''}`}
        </p>
      )}
      {restartNeeded.length > 0 && (
        <p class="warn-line" role="status">
          {words.say('robot.restartNeeded', { settings: restartNeeded.join(', ') })}
        </p>
      )}
      {last?.state === 'undone' && (
        <p class="warn-line" role="alert">
          {words.say('robot.undone', { settings: last.paths.join(', ') })}{' '}
          <span lang="en">{`${last.failure?.message ?? ''}. ${last.failure?.remedy ?? ''}`}</span>
        </p>
      )}
    </section>
  );
}

function matches({ path, schema }: Setting, wanted: string): boolean {
  const text = `${path.join('.')} ${schema.description ?? ''}`.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function shownValue(
  draft: Draft,
  { values, effective }: Settings,
  { path, schema }: Setting,
): unknown {
  const changed = draft.get(path.join('.'));
  const given = changed === undefined ? valueAt(values, path) : changed.value;
  if (given !== undefined) return given;
  return changed === undefined ? (valueAt(effective, path) ?? schema.default) : schema.default;
}

function isGiven(draft: Draft, { values }: Settings, { path }: Setting): boolean {
  const changed = draft.get(path.join('.'));
  return (changed === undefined ? valueAt(values, path) : changed.value) !== undefined;
}

function changesOf(draft: Draft) {
  return [...draft.values()].map(({ path, value }) =>
    value === undefined ? { path: [...path], unset: true as const } : { path: [...path], value },
  );
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

import { useState } from 'preact/hooks';
import type { Setting } from '../../../control/setting-tree.js';
import type { Words } from '../../../words/words.js';

/** One setting with what it means, its default and a field that fits it. */
export function SettingField({
  words,
  setting,
  value,
  isGiven,
  isChanged,
  disabled,
  edit,
}: {
  words: Words;
  setting: Setting;
  value: unknown;
  /** The file gives it; else the default applies. */
  isGiven: boolean;
  isChanged: boolean;
  disabled: boolean;
  /** @param value undefined: back to the default */
  edit: (value: unknown) => void;
}) {
  const { path, schema } = setting;
  const id = `setting-${path.join('-')}`;
  const notes = [
    schema.default === undefined
      ? ''
      : words.say('robot.default', { value: JSON.stringify(schema.default) }),
    schema.requiresRestart ? words.say('robot.needsRestart') : '',
    schema.onlyByHand ? words.say('robot.onlyByHand') : '',
  ];
  return (
    <div class="setting" data-changed={String(isChanged)}>
      <label for={id}>
        <code>{path.slice(1).join('.') || path[0]}</code>
      </label>
      <p class="hint" id={`${id}-help`} lang="en">
        {schema.description}
      </p>
      <Field
        id={id}
        setting={setting}
        value={value}
        disabled={disabled}
        edit={edit}
        words={words}
      />
      <p class="hint setting-notes">{notes.filter((note) => note !== '').join(' · ')}</p>
      {isGiven && !disabled && (
        <button class="quiet" type="button" onClick={() => edit(undefined)}>
          {words.say('robot.toDefault')}
        </button>
      )}
    </div>
  );
}

interface FieldProps {
  id: string;
  setting: Setting;
  value: unknown;
  disabled: boolean;
  edit: (value: unknown) => void;
  words: Words;
}

function Field(props: FieldProps) {
  const { id, setting, value, disabled, edit, words } = props;
  const { kind, schema, nullable } = setting;
  const common = { id, disabled, 'aria-describedby': `${id}-help` };
  const empty = nullable ? null : undefined;
  switch (kind) {
    case 'switch':
      return (
        <label class="inline">
          <input
            {...common}
            type="checkbox"
            checked={value === true}
            onChange={({ currentTarget: { checked } }) => edit(checked)}
          />
          {words.say(value === true ? 'robot.on' : 'robot.off')}
        </label>
      );
    case 'number':
      return (
        <input
          {...common}
          type="number"
          step="any"
          min={schema.minimum}
          max={schema.maximum}
          value={typeof value === 'number' ? value : ''}
          onChange={({ currentTarget: { valueAsNumber } }) =>
            edit(Number.isNaN(valueAsNumber) ? empty : valueAsNumber)
          }
        />
      );
    case 'choice':
      return (
        <select
          {...common}
          value={value === null ? '' : String(value)}
          onChange={({ currentTarget }) =>
            edit(schema.enum?.find((each) => String(each) === currentTarget.value) ?? empty)
          }
        >
          {nullable && <option value="">{words.say('robot.nothing')}</option>}
          {schema.enum?.map((each) => (
            <option key={each} value={String(each)}>
              {each}
            </option>
          ))}
        </select>
      );
    case 'words':
      return (
        <input
          {...common}
          type="text"
          autocapitalize="none"
          spellcheck={false}
          value={typeof value === 'string' ? value : ''}
          onChange={({ currentTarget }) =>
            edit(currentTarget.value === '' ? empty : currentTarget.value)
          }
        />
      );
    case 'list':
      return (
        <textarea
          {...common}
          rows={3}
          spellcheck={false}
          value={Array.isArray(value) ? value.join('\n') : ''}
          onChange={({ currentTarget }) =>
            edit(currentTarget.value.split('\n').filter((line) => line.trim() !== ''))
          }
        />
      );
    case 'json':
      return <JsonField {...props} common={common} />;
  }
}

function JsonField({
  value,
  edit,
  words,
  common,
}: FieldProps & { common: { id: string; disabled: boolean } }) {
  const [wrong, setWrong] = useState(false);
  return (
    <>
      <textarea
        {...common}
        rows={4}
        spellcheck={false}
        aria-invalid={wrong}
        value={JSON.stringify(value ?? null, null, 2)}
        onChange={({ currentTarget }) => {
          try {
            edit(JSON.parse(currentTarget.value));
            setWrong(false);
          } catch {
            setWrong(true);
          }
        }}
      />
      {wrong && (
        <p class="problem" role="alert">
          {words.say('robot.notJson')}
        </p>
      )}
    </>
  );
}

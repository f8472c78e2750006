import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { type Alerts, conditionKey } from './rule-conditions.js';

const NONE = '';

/** A new rule by choosing: what raises it, where, and what it switches. */
export function RuleForm({
  page,
  alerts,
  done,
}: {
  page: PageParts;
  alerts: Alerts;
  done: () => void;
}) {
  const words = useWords(page);
  const { tasks, cameras, conditions, outputs } = alerts.choices;
  const [name, setName] = useState('');
  const [kind, setKind] = useState<'labels' | 'on'>('labels');
  const [task, setTask] = useState(tasks[0]?.name ?? NONE);
  const [picked, setPicked] = useState<readonly string[]>([]);
  const [where, setWhere] = useState(NONE);
  const [output, setOutput] = useState(outputs[0] ?? NONE);
  const choices = kind === 'on' ? conditions : [...labelsOf(alerts, task), 'unknown'];
  const toggle = (choice: string) =>
    setPicked(
      picked.includes(choice) ? picked.filter((each) => each !== choice) : [...picked, choice],
    );
  const places = cameras.flatMap((camera) => [
    camera.name,
    ...camera.regions.map((region) => `${camera.name}/${region}`),
  ]);
  const save = async () => {
    const [camera, region] = where.split('/', 2);
    const isOfLabels = kind === 'labels';
    const value = {
      name: name.trim(),
      ...(isOfLabels ? { labels: picked } : { on: picked }),
      ...(isOfLabels && tasks.length > 1 ? { task } : {}),
      ...(isOfLabels && where !== NONE ? { camera } : {}),
      ...(isOfLabels && region !== undefined ? { region } : {}),
      ...(output === NONE ? {} : { output }),
    };
    const change = { path: ['alerts', 'rules', alerts.rules.length], value };
    try {
      const body = { checksum: alerts.checksum, changes: [change] };
      await page.api.call('POST /api/robot/settings', { body });
      page.notices.say(words.say('robot.saved'));
      done();
    } catch (error) {
      page.notices.problem(error);
    }
  };
  return (
    <form
      class="rule-form"
      id="rule-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label>
        {words.say('robot.ruleName')}
        <input
          value={name}
          required
          maxlength={63}
          pattern="[A-Za-z0-9][A-Za-z0-9_\-]*"
          title={words.say('robot.nameRule')}
          onInput={({ currentTarget: { value } }) => setName(value)}
        />
      </label>
      <fieldset class="choice-chips">
        <legend>{words.say('robot.ruleWatches')}</legend>
        {(['labels', 'on'] as const).map((each) => (
          <label key={each} class="filter-chip">
            <input
              type="radio"
              name="rule-kind"
              checked={kind === each}
              onChange={() => {
                setKind(each);
                setPicked([]);
              }}
            />
            {words.say(each === 'labels' ? 'robot.ruleOfLabels' : 'robot.ruleOfRobot')}
          </label>
        ))}
      </fieldset>
      {kind === 'labels' && tasks.length > 1 && (
        <Choice
          label={words.say('shell.task')}
          value={task}
          options={tasks.map((each) => [each.name, each.name])}
          set={(value) => {
            setTask(value);
            setPicked([]);
          }}
        />
      )}
      <fieldset class="choice-chips">
        <legend>{words.say('robot.ruleRaisedBy')}</legend>
        {choices.map((choice) => (
          <label key={choice} class="filter-chip">
            <input
              type="checkbox"
              checked={picked.includes(choice)}
              onChange={() => toggle(choice)}
            />
            {kind === 'on' ? words.say(conditionKey(choice)) : choice}
          </label>
        ))}
      </fieldset>
      {kind === 'labels' && (
        <Choice
          label={words.say('robot.ruleWhere')}
          value={where}
          options={[
            [NONE, words.say('robot.everywhere')],
            ...places.map((place) => [place, place] as [string, string]),
          ]}
          set={setWhere}
        />
      )}
      <Choice
        label={words.say('robot.ruleOutput')}
        value={output}
        options={[
          [NONE, words.say('robot.onlyEvent')],
          ...outputs.map((each) => [each, each] as [string, string]),
        ]}
        set={setOutput}
      />
      <button class="primary" type="submit" disabled={picked.length === 0}>
        {words.say('robot.save')}
      </button>
    </form>
  );
}

function labelsOf({ choices }: Alerts, task: string): readonly string[] {
  return choices.tasks.find(({ name }) => name === task)?.labels ?? [];
}

function Choice({
  label,
  value,
  options,
  set,
}: {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  set: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <select value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

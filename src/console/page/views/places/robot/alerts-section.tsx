import { useEffect, useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { useAnswer } from '../../use-answer.js';
import type { PlaceProps } from '../place-props.js';
import { type Alerts, conditionKey } from './rule-conditions.js';
import { RuleForm } from './rule-form.js';

const REFRESH_MS = 2_000;
const TEST_SECONDS = 2;

type Rule = Alerts['rules'][number];
type Output = Alerts['outputs'][number];

/** Rules that watch decisions, and the outputs that they switch. */
export function AlertsSection({ page }: PlaceProps) {
  const words = useWords(page);
  const { answer, reload } = useAnswer(page, 'GET /api/robot/alerts', {});
  const [adds, setAdds] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (answer === null) return <p class="hint">{words.say('shell.loading')}</p>;
  const { rules, outputs } = answer;
  return (
    <>
      <section class="card" aria-labelledby="rules-title">
        <header>
          <h3 id="rules-title">{words.say('robot.rules')}</h3>
          <button class="primary" type="button" aria-expanded={adds} onClick={() => setAdds(!adds)}>
            {words.say(adds ? 'shell.cancel' : 'robot.addRule')}
          </button>
        </header>
        {adds && (
          <RuleForm
            page={page}
            alerts={answer}
            done={() => {
              setAdds(false);
              reload();
            }}
          />
        )}
        {rules.length === 0 && !adds && <p class="empty">{words.say('robot.noRules')}</p>}
        <ul class="lines" id="rules">
          {rules.map((rule) => (
            <RuleLine key={rule.name} page={page} rule={rule} alerts={answer} reload={reload} />
          ))}
        </ul>
      </section>
      <section class="card" aria-labelledby="outputs-title">
        <header>
          <h3 id="outputs-title">{words.say('robot.outputs')}</h3>
        </header>
        {outputs.length === 0 && <p class="empty">{words.say('robot.noOutputs')}</p>}
        <ul class="lines" id="outputs">
          {outputs.map((output) => (
            <OutputLine key={output.name} page={page} output={output} reload={reload} />
          ))}
        </ul>
      </section>
    </>
  );
}

/** What a rule watches, in a sentence. */
function ruleSentence(say: PageParts['words']['say'], { settings }: Rule): string {
  const labels = listOf(settings.labels);
  const conditions = listOf(settings.on).map((each) => say(conditionKey(each)));
  const where = [settings.camera, settings.region].filter((each) => typeof each === 'string');
  const what =
    labels.length > 0
      ? say('robot.ruleLabels', { labels: labels.join(', ') })
      : conditions.length > 0
        ? say('robot.ruleConditions', { conditions: conditions.join(', ') })
        : say('robot.ruleNovel');
  return where.length === 0 ? what : `${what} · ${where.join('/')}`;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function RuleLine({
  page,
  rule,
  alerts,
  reload,
}: {
  page: PageParts;
  rule: Rule;
  alerts: Alerts;
  reload: () => void;
}) {
  const words = useWords(page);
  const isRaised = rule.raised.length > 0;
  const run = async (work: () => Promise<unknown>, done: string) => {
    try {
      await work();
      page.notices.say(done);
    } catch (error) {
      page.notices.problem(error);
    }
    reload();
  };
  const acknowledge = () =>
    run(
      () => page.api.call('POST /api/robot/alerts/acknowledge', { body: { rule: rule.name } }),
      words.say('robot.acknowledged', { name: rule.name }),
    );
  const test = () =>
    run(
      () => page.api.call('POST /api/robot/alerts/{rule}/test', { params: { rule: rule.name } }),
      words.say('robot.commandRan', { name: rule.name }),
    );
  const remove = async () => {
    const sure = await page.notices.ask({
      title: words.say('robot.removeRuleTitle', { name: rule.name }),
      message: words.say('robot.removeRuleText'),
      yes: words.say('robot.removeRule'),
    });
    if (!sure) return;
    const change = { path: ['alerts', 'rules', rule.index], unset: true as const };
    await run(
      () =>
        page.api.call('POST /api/robot/settings', {
          body: { checksum: alerts.checksum, changes: [change] },
        }),
      words.say('robot.saved'),
    );
  };
  return (
    <li>
      <div>
        <strong>{rule.name}</strong>{' '}
        <span class="state" data-well={String(!isRaised)}>
          {words.say(isRaised ? 'robot.raised' : 'robot.quiet')}
        </span>
        <p>{ruleSentence((key, values) => words.say(key, values), rule)}</p>
        <p class="hint">
          {rule.output === null ? '' : words.say('robot.switches', { output: rule.output })}
          {rule.hasCommand ? ` ${words.say('robot.runsCommand')}` : ''}
        </p>
      </div>
      <div class="row wrap end">
        {isRaised && (
          <button class="primary" type="button" onClick={() => void acknowledge()}>
            {words.say('robot.acknowledge')}
          </button>
        )}
        {rule.hasCommand && (
          <button type="button" onClick={() => void test()}>
            {words.say('robot.testCommand')}
          </button>
        )}
        <button type="button" onClick={() => void remove()}>
          {words.say('robot.removeRule')}
        </button>
      </div>
    </li>
  );
}

function OutputLine({
  page,
  output,
  reload,
}: {
  page: PageParts;
  output: Output;
  reload: () => void;
}) {
  const words = useWords(page);
  const { name, description, on, testUntilMs, rules } = output;
  const test = async () => {
    const sure = await page.notices.ask({
      title: words.say('robot.testTitle', { name }),
      message: words.say('robot.testText', { count: TEST_SECONDS }),
      yes: words.say('robot.testYes'),
    });
    if (!sure) return;
    try {
      await page.api.call('POST /api/robot/outputs/{output}/test', {
        params: { output: name },
        body: { seconds: TEST_SECONDS },
      });
    } catch (error) {
      page.notices.problem(error);
    }
    reload();
  };
  return (
    <li>
      <div>
        <strong>{name}</strong>{' '}
        <span class="state" data-on={String(on === true)}>
          {words.say(
            on === null ? 'robot.outputUnknown' : on ? 'robot.outputOn' : 'robot.outputOff',
          )}
        </span>
        <p class="hint">{description ?? words.say('robot.outputClosed')}</p>
        <p class="hint">
          {rules.length === 0
            ? words.say('robot.noRuleSwitches')
            : words.say('robot.switchedBy', { rules: rules.join(', ') })}
        </p>
      </div>
      <button type="button" disabled={testUntilMs !== null} onClick={() => void test()}>
        {words.say(testUntilMs === null ? 'robot.testOutput' : 'robot.testing')}
      </button>
    </li>
  );
}

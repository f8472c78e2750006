import { ProgressBar } from '../../../../../page/views/progress-bar.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { HubCommands, RolloutState, TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate } from '../task-choice.js';

type Action = HubCommands['/api/rollout']['action'];

/** What may be ordered in each state. */
const ACTIONS: Readonly<Record<RolloutState['state'], readonly Action[]>> = {
  running: ['next', 'pause', 'stop'],
  paused: ['resume', 'stop'],
  stopped: ['resume'],
  done: [],
  rolled_back: [],
};

export function RolloutCard({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const { rollout } = task;
  return (
    <section class="card" aria-labelledby="rollout-title" id="rollout">
      <header>
        <h3 id="rollout-title">
          {rollout === null
            ? words.say('fleet.noRollout')
            : words.say('fleet.rolloutOf', { version: rollout.version })}
        </h3>
        {rollout !== null && (
          <span
            class="state"
            data-tone={ROLLOUT_TONES[rollout.state]}
            data-state={rollout.state}
            id="rollout-state"
          >
            {words.say(`fleet.rollout.${rollout.state}`)}
          </span>
        )}
      </header>
      {rollout !== null && <Stages page={page} rollout={rollout} />}
      {mayOperate && <Orders page={page} task={task} />}
    </section>
  );
}

const ROLLOUT_TONES = {
  running: 'plain',
  paused: 'plain',
  stopped: 'bad',
  done: 'good',
  rolled_back: 'bad',
} as const satisfies Record<RolloutState['state'], string>;

function Stages({ page, rollout }: { page: FleetParts; rollout: RolloutState }) {
  const words = useWords(page);
  const { stages, stage, robots, reason, previousVersion, by, stageStartedAtMs } = rollout;
  const settled = robots.serving + robots.refused + robots.rolledBack;
  const isLast = rollout.state === 'done';
  return (
    <>
      {reason !== null && (
        <p class="warn-note" lang="en">
          {reason}
        </p>
      )}
      <ol class="stages">
        {stages.map(({ share, robots: count }, at) => (
          <li
            key={at}
            data-stage={at < stage || isLast ? 'done' : at === stage ? 'current' : 'ahead'}
            aria-current={at === stage && !isLast ? 'step' : undefined}
          >
            <strong>{share === 0 ? words.say('fleet.firstStage') : words.percent(share)}</strong>
            <span>{words.say('fleet.robotsCount', { count })}</span>
          </li>
        ))}
      </ol>
      <ProgressBar
        share={robots.asked === 0 ? 0 : settled / robots.asked}
        label={words.say('fleet.stageProgress')}
      />
      <p>
        {words.say('fleet.stageRobots', {
          asked: robots.asked,
          serving: robots.serving,
          refused: robots.refused,
          rolledBack: robots.rolledBack,
          waiting: robots.waiting,
        })}
      </p>
      <p class="hint">
        {[
          words.say('fleet.stageSince', { time: words.date(stageStartedAtMs) }),
          previousVersion === null
            ? null
            : words.say('fleet.previousVersion', { version: previousVersion }),
          by,
        ]
          .filter((part) => part !== null)
          .join(' · ')}
      </p>
    </>
  );
}

function Orders({ page, task }: { page: FleetParts; task: TaskDetail }) {
  const words = useWords(page);
  const { rollout } = task;
  const key = { task: task.task, backbone: task.backbone };
  const values = { task: task.task, version: rollout?.version ?? 0 };
  const recompute = async () => {
    const answer = await page.orders.give('/api/recompute', key, {
      title: 'fleet.recompute',
      message: 'fleet.recomputeText',
      yes: 'fleet.recompute',
      values,
    });
    if (answer === null) return;
    const { equal, robots, samples } = answer;
    const text = words.say(equal ? 'fleet.recomputeEqual' : 'fleet.recomputeDiffers', {
      robots,
      samples,
    });
    if (equal) page.notices.say(text);
    else page.notices.problem(text);
  };
  return (
    <div class="row wrap orders">
      {rollout !== null &&
        ACTIONS[rollout.state].map((action) => (
          <button
            key={action}
            type="button"
            data-order={action}
            onClick={() =>
              void page.orders.give(
                '/api/rollout',
                { ...key, action },
                {
                  title: `fleet.order.${action}`,
                  message: `fleet.orderText.${action}`,
                  yes: `fleet.order.${action}`,
                  values,
                },
              )
            }
          >
            {words.say(`fleet.order.${action}`)}
          </button>
        ))}
      {rollout !== null && rollout.previousVersion !== null && rollout.state !== 'rolled_back' && (
        <button
          type="button"
          data-order="rollback"
          onClick={() =>
            void page.orders.give(
              '/api/rollback',
              { ...key, version: null },
              {
                title: 'fleet.rollback',
                message: 'fleet.rollbackText',
                yes: 'fleet.rollback',
                values: { ...values, version: rollout.previousVersion ?? 0 },
              },
            )
          }
        >
          {words.say('fleet.rollback')}
        </button>
      )}
      <button
        type="button"
        data-order="round"
        onClick={() =>
          void page.orders.give('/api/round', key, {
            title: 'fleet.newRound',
            message: 'fleet.newRoundText',
            yes: 'fleet.newRound',
            values,
          })
        }
      >
        {words.say('fleet.newRound')}
      </button>
      <button type="button" data-order="recompute" onClick={() => void recompute()}>
        {words.say('fleet.recompute')}
      </button>
      <button
        type="button"
        data-order="renew-basis"
        onClick={() =>
          void page.orders.give('/api/renew-basis', key, {
            title: 'fleet.renewBasis',
            message: 'fleet.renewBasisText',
            yes: 'fleet.renewBasis',
            values,
          })
        }
      >
        {words.say('fleet.renewBasis')}
      </button>
    </div>
  );
}

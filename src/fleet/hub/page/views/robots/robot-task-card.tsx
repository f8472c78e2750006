import { useWords } from '../../../../../page/views/use-words.js';
import type { RobotTask } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { taskId, useMayOperate } from '../task-choice.js';
import { FollowButtons } from './follow-buttons.js';

/** What a robot does in one task: labels, sums, versions, and why something was refused. */
export function RobotTaskCard({
  page,
  robot,
  task,
}: {
  page: FleetParts;
  robot: string;
  task: RobotTask;
}) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const { serving, head, leftOut, labels, follow, pinnedVersion, wantedVersion } = task;
  const none = '–';
  const share = (value: number, samples: number) =>
    words.say('fleet.shareOf', { share: words.percent(value, 1), count: samples });
  const rows = [
    ['fleet.follows', followText()],
    ['fleet.wanted', wantedVersion === null ? none : words.number(wantedVersion)],
    ['fleet.column.fleetVersion', versionText(serving?.fleetVersion ?? null)],
    ['fleet.column.localVersion', versionText(serving?.localVersion ?? null)],
    [
      'fleet.column.holdout',
      serving?.holdout ? share(serving.holdout.accuracy, serving.holdout.samples) : none,
    ],
    ['fleet.column.leftOut', leftOut ? share(leftOut.accuracy, leftOut.samples) : none],
    ['fleet.column.disagreement', disagreementText()],
    ['fleet.notTaught', leftOut ? words.number(leftOut.notKnown) : none],
    [
      'fleet.column.unknown',
      task.unknownShare === null ? none : words.percent(task.unknownShare, 1),
    ],
    ['fleet.sums', sumsText()],
  ] as const;
  const id = taskId(task);
  return (
    <section class="card robot-task" aria-labelledby={`task ${id}`} data-task={task.task}>
      <header>
        <h3 id={`task ${id}`}>
          {words.say('fleet.taskOn', { task: task.task, backbone: task.backboneName })}
        </h3>
        {head !== null && (
          <span class="state" data-tone={headTone(head.state)}>
            {words.say('fleet.headState', { version: head.version, state: stateText(head.state) })}
          </span>
        )}
      </header>
      {head?.reason && (
        <p class="warn-note" lang="en">
          {head.reason}
        </p>
      )}
      {[task.refused, task.problem].map(
        (each) =>
          each !== null && (
            <p class="warn-note" key={each.code} lang="en">
              {`${each.code}: ${each.message}`}
            </p>
          ),
      )}
      <dl class="rows">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{words.say(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>{words.say('fleet.labelsHere', { count: labels.length })}</summary>
        <ul class="label-list">
          {labels.map(({ label, samples }) => (
            <li key={label}>
              <span>{label}</span>
              <span>{words.number(samples)}</span>
            </li>
          ))}
        </ul>
      </details>
      {mayOperate && (
        <FollowButtons
          page={page}
          whom={{ robot, task: task.task, backbone: task.backbone }}
          task={task}
          name={robot}
          follow={follow}
          version={pinnedVersion ?? serving?.fleetVersion ?? wantedVersion ?? 1}
        />
      )}
    </section>
  );

  function followText(): string {
    const mode = words.say(`fleet.follow.${follow}`);
    return pinnedVersion === null ? mode : `${mode}: ${words.number(pinnedVersion)}`;
  }

  function versionText(version: number | null): string {
    return version === null ? none : words.number(version);
  }

  function disagreementText(): string {
    const { disagreement } = task;
    if (disagreement === null) return none;
    const { excess, flagAt, quarantineAt } = disagreement;
    const loss = (value: number) =>
      words.number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return quarantineAt === null
      ? words.say('fleet.disagreementFlag', { excess: loss(excess), flag: loss(flagAt) })
      : words.say('fleet.disagreementLimits', {
          excess: loss(excess),
          flag: loss(flagAt),
          quarantine: loss(quarantineAt),
        });
  }

  function sumsText(): string {
    if (task.sentSamples === null) return words.say('fleet.noSums');
    const sent = words.say('fleet.samples', { count: task.sentSamples });
    return task.sentAtMs === null ? sent : `${sent} · ${words.date(task.sentAtMs)}`;
  }

  function stateText(state: string): string {
    const known = HEAD_STATE_NAMES.find((each) => each === state);
    return known === undefined ? state : words.say(`fleet.head.${known}`);
  }
}

const HEAD_STATE_NAMES = [
  'fetching',
  'judging',
  'serving',
  'trial',
  'refused',
  'rolled_back',
  'held',
] as const;

function headTone(state: string): string {
  if (state === 'serving') return 'good';
  return state === 'refused' || state === 'rolled_back' ? 'bad' : 'plain';
}

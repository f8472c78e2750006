import { useWords } from '../../../../../page/views/use-words.js';
import type { RobotDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { EntryList } from '../entry-list.js';
import { useMayOperate } from '../task-choice.js';
import { useRead } from '../use-read.js';
import { QuarantineCard } from './quarantine-card.js';
import { RobotTaskCard } from './robot-task-card.js';

/** One robot: what it sent, what serves, and what operators may order. */
export function RobotDetailView({ page, robot }: { page: FleetParts; robot: string }) {
  const words = useWords(page);
  const { answer, problem } = useRead(page, robot, () => page.hub.robot(robot));
  return (
    <>
      <p>
        <a id="back" href={page.address.link('robots')}>
          {words.say('fleet.backToAll')}
        </a>
      </p>
      {problem !== null && <p class="problem">{problem}</p>}
      {answer !== null && (
        <>
          <AboutCard page={page} detail={answer} />
          <QuarantineCard page={page} detail={answer} />
          {answer.tasks.map((task) => (
            <RobotTaskCard
              key={`${task.task} ${task.backbone}`}
              page={page}
              robot={robot}
              task={task}
            />
          ))}
          <section class="card" aria-labelledby="robot-audit">
            <header>
              <h3 id="robot-audit">{words.say('fleet.auditTitle')}</h3>
              <a href={page.address.link('audit', { robot })}>{words.say('fleet.older')}</a>
            </header>
            <EntryList page={page} entries={answer.audit} />
          </section>
        </>
      )}
    </>
  );
}

function AboutCard({ page, detail }: { page: FleetParts; detail: RobotDetail }) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const { robot, group, online, lastSeenAtMs, version, share, privacy, position, counters } =
    detail;
  const digits = { minimumFractionDigits: 5, maximumFractionDigits: 5 };
  const rows = [
    ['fleet.group', group ?? '–'],
    ['fleet.lastSeen', words.ago(lastSeenAtMs, Date.now())],
    ['fleet.software', version],
    ['fleet.shares', words.say(share ? 'fleet.yes' : 'fleet.state.withdrawn')],
    [
      'fleet.privacy',
      privacy === null
        ? words.say('fleet.noNoise')
        : words.say('fleet.noise', {
            epsilon: words.number(privacy.epsilon),
            delta: words.number(privacy.delta, { notation: 'scientific' }),
            releases: privacy.releasesLeft,
          }),
    ],
    [
      'fleet.position',
      position === null
        ? words.say('fleet.notKnown')
        : `${words.number(position.latitude, digits)}° ${words.number(position.longitude, digits)}°`,
    ],
    ['fleet.accepted', words.number(counters.accepted)],
    ['fleet.refusedObjects', words.number(counters.refused)],
    ['fleet.replayed', words.number(counters.replayed)],
  ] as const;
  const forget = async () => {
    const answer = await page.orders.give(
      '/api/forget',
      { robot },
      {
        title: 'fleet.forgetTitle',
        message: 'fleet.forgetText',
        yes: 'fleet.forget',
        values: { name: robot },
      },
    );
    if (answer !== null) page.address.go('robots');
  };
  return (
    <section class="card" aria-labelledby="robot-title">
      <header>
        <h3 id="robot-title">{robot}</h3>
        <span class="state" data-tone={online ? 'good' : 'off'}>
          {words.say(online ? 'fleet.online' : 'fleet.state.offline')}
        </span>
      </header>
      <dl class="rows">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{words.say(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {mayOperate && (
        <div class="row wrap orders">
          <GroupForm page={page} robot={robot} group={group} />
          <button type="button" data-order="forget" onClick={() => void forget()}>
            {words.say('fleet.forget')}
          </button>
        </div>
      )}
    </section>
  );
}

function GroupForm({
  page,
  robot,
  group,
}: {
  page: FleetParts;
  robot: string;
  group: string | null;
}) {
  const words = useWords(page);
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget).get('group');
        const text = typeof given === 'string' ? given.trim() : '';
        void page.orders.give(
          '/api/group',
          { robot, group: text === '' ? null : text },
          {
            title: 'fleet.groupTitle',
            message: text === '' ? 'fleet.noGroupText' : 'fleet.groupText',
            yes: 'fleet.change',
            values: { name: robot, group: text },
          },
        );
      }}
    >
      <input
        name="group"
        defaultValue={group ?? ''}
        maxLength={64}
        autocomplete="off"
        aria-label={words.say('fleet.group')}
        placeholder={words.say('fleet.group')}
      />
      <button type="submit" data-order="group">
        {words.say('fleet.change')}
      </button>
    </form>
  );
}

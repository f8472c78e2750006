import { useState } from 'preact/hooks';
import { ScrollArea } from '../../../../../page/views/scroll-area.js';
import { useWords } from '../../../../../page/views/use-words.js';
import { percent } from '../../../../../page/words/figures.js';
import type { ClassSummary, TaskDetail } from '../../../../contract/hub-api.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { useMayOperate } from '../task-choice.js';

/** One class: which robots taught it, and the orders about its name. */
export function ClassCard({
  page,
  task,
  of,
  close,
}: {
  page: FleetParts;
  task: TaskDetail;
  of: ClassSummary;
  close: () => void;
}) {
  const words = useWords(page);
  const mayOperate = useMayOperate(page);
  const teachers = of.taughtBy.toSorted((a, b) => b.samples - a.samples);
  const most = teachers[0]?.samples ?? 1;
  return (
    <section class="card" aria-labelledby="class-title" id="class">
      <header>
        <h3 id="class-title">{words.say('fleet.taughtBy', { label: of.label })}</h3>
        <button type="button" onClick={close}>
          {words.say('shell.close')}
        </button>
      </header>
      {teachers.length === 0 && <p class="empty">{words.say('fleet.nobodyTaught')}</p>}
      <ScrollArea labelledBy="class-title" isShort>
        <table>
          <thead class="away">
            <tr>
              <th scope="col">{words.say('fleet.column.robot')}</th>
              <th scope="col" colSpan={2}>
                {words.say('fleet.samplesColumn')}
              </th>
            </tr>
          </thead>
          <tbody>
            {teachers.map(({ robot, samples }) => (
              <tr key={robot}>
                <th scope="row">
                  <a href={page.address.link('robots', { robot })}>{robot}</a>
                </th>
                <td class="number">{words.number(samples)}</td>
                <td class="share" aria-hidden="true">
                  <i style={{ width: percent(samples / most) }} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
      {mayOperate && <ClassOrders page={page} task={task} of={of} />}
    </section>
  );
}

function ClassOrders({
  page,
  task,
  of: { label, neverShare },
}: {
  page: FleetParts;
  task: TaskDetail;
  of: ClassSummary;
}) {
  const words = useWords(page);
  const [name, setName] = useState('');
  const key = { task: task.task, backbone: task.backbone };
  const others = task.classList.map((each) => each.label).filter((each) => each !== label);
  const rename = () => {
    const instead = name.trim();
    const merges = others.includes(instead);
    void page.orders.give(
      '/api/alias',
      { ...key, label, instead },
      {
        title: merges ? 'fleet.mergeTitle' : 'fleet.renameTitle',
        message: merges ? 'fleet.mergeText' : 'fleet.renameText',
        yes: merges ? 'fleet.merge' : 'fleet.rename',
        values: { label, instead },
      },
    );
  };
  return (
    <div class="row wrap orders">
      <form
        class="row wrap"
        onSubmit={(event) => {
          event.preventDefault();
          rename();
        }}
      >
        <input
          id="new-name"
          list="class-names"
          required
          maxLength={64}
          autocomplete="off"
          value={name}
          aria-label={words.say('fleet.newName', { label })}
          placeholder={words.say('fleet.newNameShort')}
          onInput={({ currentTarget: { value } }) => setName(value)}
        />
        <datalist id="class-names">
          {others.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <button type="submit" data-order="alias">
          {words.say('fleet.renameOrMerge')}
        </button>
      </form>
      <button
        type="button"
        data-order="never-share"
        onClick={() =>
          void page.orders.give(
            '/api/never-share',
            { ...key, label, on: !neverShare },
            {
              title: neverShare ? 'fleet.shareAgain' : 'fleet.neverShare',
              message: neverShare ? 'fleet.shareAgainText' : 'fleet.neverShareText',
              yes: neverShare ? 'fleet.shareAgain' : 'fleet.neverShare',
              values: { label },
            },
          )
        }
      >
        {words.say(neverShare ? 'fleet.shareAgain' : 'fleet.neverShare')}
      </button>
    </div>
  );
}

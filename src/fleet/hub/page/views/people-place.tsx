import { useState } from 'preact/hooks';
import { ScrollArea } from '../../../../page/views/scroll-area.js';
import { useSelected } from '../../../../page/views/use-selected.js';
import { useWords } from '../../../../page/views/use-words.js';
import type { HubRole, NewPerson } from '../../../contract/hub-api.js';
import type { FleetParts } from '../control/fleet-parts.js';
import { useRead } from './use-read.js';

const ROLES: readonly HubRole[] = ['view', 'operate'];

/** Who may use the hub: operators make and withdraw tokens. */
export function PeoplePlace({ page }: { page: FleetParts }) {
  const words = useWords(page);
  const me = useSelected(page.store, (state) => state.me?.name);
  const { answer, problem } = useRead(page, 'people', () => page.hub.people());
  const [added, setAdded] = useState<NewPerson | null>(null);
  return (
    <>
      <section class="card" aria-labelledby="people-title">
        <h3 id="people-title">{words.say('fleet.peopleTitle')}</h3>
        {problem !== null && <p class="problem">{problem}</p>}
        <ScrollArea labelledBy="people-title">
          <table id="people">
            <thead>
              <tr>
                <th scope="col">{words.say('fleet.name')}</th>
                <th scope="col">{words.say('fleet.role')}</th>
                <th scope="col">{words.say('fleet.lastSeen')}</th>
                <th scope="col">
                  <span class="away">{words.say('fleet.actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {answer?.people.map(({ name, role, lastSeenAtMs }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{words.say(`fleet.role.${role}`)}</td>
                  <td>
                    {lastSeenAtMs === null
                      ? words.say('fleet.never')
                      : words.ago(lastSeenAtMs, Date.now())}
                  </td>
                  <td class="number">
                    {name !== me && (
                      <button
                        type="button"
                        aria-label={words.say('fleet.removeOf', { name })}
                        onClick={() =>
                          void page.orders.give(
                            '/api/people/remove',
                            { name },
                            {
                              title: 'fleet.removePerson',
                              message: 'fleet.removePersonText',
                              yes: 'fleet.remove',
                              values: { name },
                            },
                          )
                        }
                      >
                        {words.say('fleet.remove')}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      </section>
      <AddCard page={page} added={setAdded} />
      {added !== null && (
        <section class="card" aria-labelledby="token-title" id="new-token">
          <h3 id="token-title">{words.say('fleet.tokenOf', { name: added.name })}</h3>
          <p>{words.say('fleet.tokenOnce')}</p>
          <code class="secret">{added.token}</code>
          <div class="row end">
            <button type="button" onClick={() => setAdded(null)}>
              {words.say('shell.close')}
            </button>
          </div>
        </section>
      )}
    </>
  );
}

function AddCard({ page, added }: { page: FleetParts; added: (person: NewPerson) => void }) {
  const words = useWords(page);
  const [name, setName] = useState('');
  const [role, setRole] = useState<HubRole>('view');
  const add = async () => {
    const question = {
      title: 'fleet.addPerson',
      message: role === 'operate' ? 'fleet.addOperatorText' : 'fleet.addViewerText',
      yes: 'fleet.add',
      values: { name },
    } as const;
    const person = await page.orders.give('/api/people', { name, role }, question);
    if (person === null) return;
    setName('');
    added(person);
  };
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <h3>{words.say('fleet.addTitle')}</h3>
      <div class="row wrap fields">
        <label>
          {words.say('fleet.name')}
          <input
            id="person-name"
            value={name}
            required
            maxLength={64}
            autocomplete="off"
            onInput={({ currentTarget: { value } }) => setName(value)}
          />
        </label>
        <label>
          {words.say('fleet.role')}
          <select
            id="person-role"
            value={role}
            onChange={({ currentTarget: { value } }) =>
              setRole(ROLES.find((each) => each === value) ?? 'view')
            }
          >
            {ROLES.map((each) => (
              <option key={each} value={each}>
                {words.say(`fleet.role.${each}`)}
              </option>
            ))}
          </select>
        </label>
        <button class="primary" type="submit">
          {words.say('fleet.add')}
        </button>
      </div>
    </form>
  );
}

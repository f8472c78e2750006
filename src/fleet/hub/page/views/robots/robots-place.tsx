import { useMemo, useState } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { FleetParts } from '../../control/fleet-parts.js';
import { TaskChoice, taskId, useTask } from '../task-choice.js';
import { FleetStrip } from './fleet-strip.js';
import { GroupCard } from './group-card.js';
import { type Area, isWithin } from './map-plan.js';
import { RobotDetailView } from './robot-detail.js';
import { RobotTable } from './robot-table.js';
import { RobotsMap } from './robots-map.js';
import { isWanted, ROBOT_STATES, type RobotFilter, type RobotRow, rowOf } from './table-rows.js';

/** All robots on a map and in a table, or one of them. */
export function RobotsPlace({ page }: { page: FleetParts }) {
  const robot = useSelected(page.store, (state) => state.params.robot);
  return robot === undefined ? (
    <AllRobots page={page} />
  ) : (
    <RobotDetailView key={robot} page={page} robot={robot} />
  );
}

function AllRobots({ page }: { page: FleetParts }) {
  const list = useSelected(page.store, (state) => state.list);
  const params = useSelected(page.store, (state) => state.params);
  const task = useTask(page);
  const [area, setArea] = useState<Area | null>(null);
  const key = task === null ? null : taskId(task);
  const rows = useMemo(
    () =>
      (list?.robots ?? []).map((each) =>
        rowOf(each, key === null ? null : (of) => taskId(of) === key),
      ),
    [list, key],
  );
  const filter: RobotFilter = {
    text: params.text ?? '',
    state: ROBOT_STATES.find((each) => each === params.state) ?? null,
    group: params.group ?? null,
  };
  const wanted = useMemo(
    () => rows.filter((row) => isWanted(row, filter)),
    [rows, filter.text, filter.state, filter.group],
  );
  const shown = area === null ? wanted : wanted.filter((row) => isWithin(row, area));
  const isPlaced = rows.some(({ robot }) => robot.position !== null);
  return (
    <>
      <FleetStrip page={page} />
      <FilterBar page={page} rows={rows} filter={filter} />
      {isPlaced && <RobotsMap page={page} rows={wanted} area={area} show={setArea} />}
      <RobotTable page={page} rows={shown} />
      <GroupCard page={page} />
    </>
  );
}

function FilterBar({
  page,
  rows,
  filter,
}: {
  page: FleetParts;
  rows: readonly RobotRow[];
  filter: RobotFilter;
}) {
  const words = useWords(page);
  const groups = useSelected(page.store, (state) => state.list?.groups) ?? [];
  const count = (state: (typeof ROBOT_STATES)[number]) =>
    rows.filter((row) => row.state === state).length;
  const states = ROBOT_STATES.map((state) => ({ state, robots: count(state) })).filter(
    ({ state, robots }) => robots > 0 || state === filter.state,
  );
  return (
    <search class="card robot-filters">
      <input
        id="find"
        type="search"
        aria-label={words.say('fleet.find')}
        placeholder={words.say('fleet.find')}
        value={filter.text}
        onInput={({ currentTarget: { value } }) => page.address.narrow({ text: value })}
      />
      <label class="inline">
        {words.say('fleet.stateFilter')}
        <select
          id="state-filter"
          value={filter.state ?? ''}
          onChange={({ currentTarget: { value } }) => page.address.narrow({ state: value })}
        >
          <option value="">{words.say('fleet.all')}</option>
          {states.map(({ state, robots }) => (
            <option key={state} value={state}>
              {`${words.say(`fleet.state.${state}`)} (${words.number(robots)})`}
            </option>
          ))}
        </select>
      </label>
      {groups.length > 0 && (
        <label class="inline">
          {words.say('fleet.group')}
          <select
            id="group-filter"
            value={filter.group ?? ''}
            onChange={({ currentTarget: { value } }) => page.address.narrow({ group: value })}
          >
            <option value="">{words.say('fleet.all')}</option>
            {groups.map(({ group }) => (
              <option key={group} value={group}>
                {group}
              </option>
            ))}
          </select>
        </label>
      )}
      <TaskChoice page={page} />
    </search>
  );
}

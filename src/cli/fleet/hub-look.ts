import { Command } from 'commander';
import type {
  AuditList,
  HubOverview,
  PersonList,
  RobotList,
  RobotTask,
  TaskSummary,
} from '../../fleet/contract/hub-api.js';
import { printJson, printLine, table } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { type HubAccessOptions, withHub, withHubAccess } from './hub-access.js';

const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${Math.round(100 * share)} %`;
const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19);

/** The fleet at a glance. */
export function overviewCommand(): Command {
  return withHubAccess(new Command('overview')).action(async (options: HubAccessOptions) => {
    const overview = await withHub(options, (hub) => hub.get<HubOverview>('/api/overview'));
    if (options.json) return printJson(overview);
    const { fleet, leader, robots, tasks, alarms } = overview;
    printLine(
      `fleet ${fleet}: ${robots.online} of ${robots.all} robots online, leader ${leader ?? 'none'}`,
    );
    if (robots.quarantined > 0) printLine(`${robots.quarantined} robots in quarantine`);
    for (const { code, message } of alarms) printLine(`${code}: ${message}`);
    for (const task of tasks) printLine(taskLine(task));
  });
}

function taskLine({
  task,
  backboneName,
  robots,
  samples,
  classes,
  head,
  rollout,
}: TaskSummary): string {
  const made =
    head === null
      ? 'no head yet'
      : `head ${head.version}, right on robots that it was made without: ${percent(head.leftOut?.accuracy)}`;
  const where =
    rollout === null
      ? ''
      : `; rollout ${rollout.state}, stage ${rollout.stage + 1} of ${rollout.stages.length}`;
  return `task ${task} (${backboneName}): ${Math.round(samples)} samples of ${robots} robots, ${classes} classes; ${made}${where}`;
}

/** The robots of the fleet. */
export function robotsCommand(): Command {
  return withHubAccess(new Command('robots')).action(async (options: HubAccessOptions) => {
    const list = await withHub(options, (hub) => hub.get<RobotList>('/api/robots'));
    if (options.json) return printJson(list);
    if (list.robots.length === 0) return printLine('no robot has reported');
    const rows = list.robots.flatMap((robot) => {
      const start = [
        robot.robot,
        robot.group ?? '-',
        robot.online ? 'online' : time(robot.lastSeenAtMs),
      ];
      const state = robot.quarantine?.state ?? (robot.share ? '' : 'withdrawn');
      return robot.tasks.map((task) => [...start, ...taskCells(task), state]);
    });
    const heads = [
      'robot',
      'group',
      'seen',
      'task',
      'wanted',
      'head',
      'left out',
      'disagrees',
      'mode',
      '',
    ];
    printLine(table([heads, ...rows], ''));
  });
}

function taskCells({
  task,
  wantedVersion,
  head,
  leftOut,
  disagreement,
  follow,
}: RobotTask): string[] {
  return [
    task,
    String(wantedVersion ?? '-'),
    head === null ? '-' : `${head.version} ${head.state}`,
    percent(leftOut?.accuracy),
    disagreement === null
      ? '-'
      : `${disagreement.excess.toFixed(2)} / ${disagreement.flagAt.toFixed(2)}`,
    follow,
  ];
}

/** What was done, by whom. */
export function hubAuditCommand(): Command {
  return withHubAccess(new Command('audit'))
    .option('--robot <name>', 'only about this robot')
    .option('--limit <n>', 'maximum number of entries, newest first', parseWhole(1, 1_000), 100)
    .action(async (options: HubAccessOptions & { robot?: string; limit: number }) => {
      const query = new URLSearchParams({ limit: String(options.limit) });
      if (options.robot !== undefined) query.set('robot', options.robot);
      const list = await withHub(options, (hub) => hub.get<AuditList>(`/api/audit?${query}`));
      if (options.json) return printJson(list);
      if (list.entries.length === 0) return printLine('no entries');
      const rows = list.entries.map(({ atMs, by, action, robot, task, detail }) => {
        return [time(atMs), by, action, robot ?? task ?? '', JSON.stringify(detail)];
      });
      printLine(table(rows, ''));
    });
}

/** People who may use the hub. */
export function peopleListCommand(): Command {
  return withHubAccess(new Command('list')).action(async (options: HubAccessOptions) => {
    const list = await withHub(options, (hub) => hub.get<PersonList>('/api/people'));
    if (options.json) return printJson(list);
    if (list.people.length === 0) return printLine('nobody');
    const rows = list.people.map(({ name, role, lastSeenAtMs }) => {
      return [name, role, lastSeenAtMs === null ? 'never seen' : time(lastSeenAtMs)];
    });
    printLine(table(rows, ''));
  });
}

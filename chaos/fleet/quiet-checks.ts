import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { readMerged } from '../../src/fleet/hub/lead/exact-merge.js';
import { identityBasis } from '../../src/head/sums/basis.js';
import { flatten, unflatten } from '../../src/head/sums/class-sums.js';
import { ExactSums } from '../../src/head/sums/exact-sums.js';
import { headFromSums } from '../../src/head/sums/fleet-head.js';
import { BACKBONE, FleetMember, SIZE, TASK } from './fleet-member.js';
import type { FleetRound, Hostile } from './fleet-round.js';

/** Longest wait for quiet: nothing fails any more. */
const QUIET_MS = 120_000;
/** A robot whose newest sums the hub does not name sends them again after this time. */
const AGAIN_MS = 2_000;
/** A fleet goes on to learn. */
const GROW_MS = 15_000;
/** How much lower the share of right answers may be than that of a head from honest sums alone. */
const ACCURACY_BOUND = 0.1;
/** Of a message from the store of the hub to a robot. */
const WAY_MS = 1_000;
const MOST_MIB = 400;
const ERROR_LEVEL = 50;

interface Condition {
  what: string;
  holds(): boolean;
}

/**
 * Waits until nothing changes any more.
 * @param unnoticed hostile robots that nobody can know of yet
 * @returns false: that never came, which is a violation
 */
export async function settled(
  round: FleetRound,
  when: string,
  unnoticed: readonly Hostile[],
): Promise<boolean> {
  const untilMs = performance.now() + QUIET_MS;
  let againMs = performance.now() + AGAIN_MS;
  let growMs = performance.now() + GROW_MS;
  let open: string[] = [];
  while (performance.now() < untilMs) {
    open = await openConditions(round, unnoticed);
    if (open.length === 0) return true;
    if (performance.now() > againMs) {
      sendAgain(round);
      againMs = performance.now() + AGAIN_MS;
    }
    if (performance.now() > growMs && !isFound(round)) {
      // The round with its sums may have ended without answers: the next one judges them.
      round.grow();
      growMs = performance.now() + GROW_MS;
    }
    await sleep(100);
  }
  const names = lacking(round).map(({ name, standIn: { epoch, sentVersion, task } }) => {
    const { sums_accepted: accepted = null, refused = null } = task ?? {};
    return `${name} sent ${epoch}/${sentVersion}, accepted ${JSON.stringify(accepted)}, refused ${refused?.code ?? 'nothing'}`;
  });
  round.violate(`${when}, no quiet within ${QUIET_MS} ms: ${[...open, ...names].join('; ')}`);
  return false;
}

async function openConditions(round: FleetRound, unnoticed: readonly Hostile[]): Promise<string[]> {
  const open = conditionsOf(round, unnoticed).flatMap(({ what, holds }) => (holds() ? [] : [what]));
  return [...open, ...(await pendingOf(round))];
}

function sendAgain(round: FleetRound): void {
  for (const member of lacking(round)) member.standIn.sendAgain();
  for (const { standIn } of round.members) {
    if (standIn.task?.evaluate != null) standIn.sendAgain('evaluation');
  }
}

function lacking({ sharing, hostile }: FleetRound): FleetMember[] {
  const refused = hostile.filter(
    ({ kind, member }) =>
      (kind.fate === 'refused' && member.standIn.task?.refused == null) ||
      (kind.fate !== 'refused' && !member.isAccepted),
  );
  return [
    ...sharing.filter((member) => !member.isAccepted),
    ...refused.map(({ member }) => member),
  ];
}

/** What the hubs have still to do, in words. */
async function pendingOf({ yard }: FleetRound): Promise<string[]> {
  try {
    return await yard.store.transaction(
      async ({ scopes, contributions, rounds, rollouts, sql }) => {
        const scope = (await scopes.list()).find(({ task }) => task === TASK);
        if (!scope) return ['the task is not known'];
        const round = await rounds.newest(scope.id);
        const rollout = await rollouts.newest(scope.id);
        const seen = scope.changes === scope.changesOfRound && scope.roundRequested === 0;
        const asked = round === null ? [] : await rounds.asked(scope.id, round.round);
        const silent = asked.filter(({ answeredAtMs }) => answeredAtMs === null);
        const names = silent.map(({ robot }) => robot).join();
        const dirty = await sql.all<{ robot: string }>('SELECT robot FROM robots WHERE dirty = 1');
        return [
          ...((await contributions.pending(scope.id, 1)).length > 0 ? ['sums are not merged'] : []),
          ...(round === null || !seen ? ['a round is due'] : []),
          ...(round?.state === 'judging' ? [`round ${round.round} waits for ${names}`] : []),
          ...(rollout === null || rollout.state === 'running' ? ['a head is on its way'] : []),
          ...(dirty.length > 0 ? [`wishes to ${dirty.map(({ robot }) => robot).join()}`] : []),
        ];
      },
    );
  } catch {
    return ['the store does not answer'];
  }
}

/** Every robot with other labels is quarantined. */
function isFound({ hostile }: FleetRound): boolean {
  return hostile.every(
    ({ kind, member }) =>
      kind.fate !== 'quarantined' || member.standIn.desired?.quarantined != null,
  );
}

function conditionsOf(round: FleetRound, unnoticed: readonly Hostile[]): Condition[] {
  return [
    {
      what: 'newest sums are not accepted',
      holds: () => lacking(round).length === 0,
    },
    {
      what: 'a robot with other labels is not quarantined',
      holds: () => isFound(round),
    },
    {
      what: 'a robot has not dealt with the head that the hub wants of it',
      holds: () =>
        round.sharing.every(({ standIn }) => {
          const version = standIn.task?.head?.fleet_version;
          return version !== undefined && version === standIn.servingVersion;
        }),
    },
    {
      what: 'a robot does not serve all labels of the honest robots',
      holds: () => unnoticed.length > 0 || missingLabels(round).length === 0,
    },
  ];
}

/** Labels of honest robots that some honest robot does not serve. */
function missingLabels(round: FleetRound): string[] {
  const labels = new Set(
    round.sharing.flatMap((member) => member.sums().classes.map(({ label }) => label)),
  );
  return round.sharing.flatMap(({ name, standIn }) => {
    const known = new Set(standIn.head?.labels);
    return [...labels].filter((label) => !known.has(label)).map((label) => `${name}: ${label}`);
  });
}

/** What must be merged now: of each robot the newest sums. */
function expected(round: FleetRound): Map<string, { robots: number; sums: ExactSums }> {
  const hostile = round.hostile.filter(
    ({ kind, member }) => kind.fate !== 'refused' && member.standIn.desired?.quarantined == null,
  );
  const merged = new Map<string, { robots: number; sums: ExactSums }>();
  for (const member of [...round.sharing, ...hostile.map((one) => one.member)]) {
    for (const { label, sums } of member.sums().classes) {
      const flat = flatten(sums);
      const known = merged.get(label) ?? { robots: 0, sums: new ExactSums(flat.length) };
      merged.set(label, known);
      known.sums.add(flat);
      known.robots += 1;
    }
  }
  return merged;
}

/** The merged sums are those of the robots, bit for bit, and the hub finds the same. */
export async function checkSums(round: FleetRound): Promise<void> {
  const wanted = expected(round);
  const found = await round.yard.store.transaction(async (tables) => {
    const scope = (await tables.scopes.list()).find(({ task }) => task === TASK);
    return readMerged(tables, scope!.id, SIZE);
  });
  round.comparisons += 1;
  const labels = [...wanted.keys()].sort();
  const others = found.map(({ label }) => label);
  if (!isDeepStrictEqual(others, labels)) {
    round.violate(`the merged sums have the labels ${others.join()} instead of ${labels.join()}`);
  }
  for (const { label, merged } of found) {
    const right = wanted.get(label);
    if (right === undefined) continue;
    const isSame =
      merged.robots === right.robots &&
      isDeepStrictEqual(merged.sums.coarse, right.sums.coarse) &&
      isDeepStrictEqual(merged.sums.fine, right.sums.fine);
    if (!isSame) round.violate(`the merged sums of "${label}" are not those of the robots`);
  }
  const again = await round.yard.post('/api/recompute', { task: TASK, backbone: BACKBONE });
  if (again.equal !== true) {
    round.violate(`the hub finds other sums: ${JSON.stringify(again)}`);
  }
}

/** No honest robot serves a head that is much worse at its place than one from honest sums alone. */
export function checkGates(round: FleetRound): void {
  for (const { member, accuracy, reference } of accuracies(round)) {
    if (accuracy >= reference - ACCURACY_BOUND) continue;
    const percent = (share: number): string => `${Math.round(100 * share)} %`;
    round.violate(
      `${member.name} answers ${percent(accuracy)} right, and would ${percent(reference)} with honest sums alone`,
    );
  }
}

function accuracies(
  round: FleetRound,
): { member: FleetMember; accuracy: number; reference: number }[] {
  const merged = new Map<string, ExactSums>();
  for (const member of round.sharing) {
    for (const { label, sums } of member.sums().classes) {
      const flat = flatten(sums);
      const known = merged.get(label) ?? new ExactSums(flat.length);
      merged.set(label, known);
      known.add(flat);
    }
  }
  const classes = [...merged]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, sums]) => ({ label, sums: unflatten(sums.value(), SIZE) }));
  const head = headFromSums(classes, {
    backboneChecksum: BACKBONE,
    basis: identityBasis(SIZE),
    lambda: 0.01,
    scale: 10,
    novelty: [],
  });
  return round.sharing.map((member) => {
    return { member, accuracy: member.accuracy(), reference: member.accuracy(head) };
  });
}

/** All honest robots share one view, none is quarantined, and all know everything. */
export async function checkServed(round: FleetRound): Promise<void> {
  checkGates(round);
  for (const { name, standIn, formerFaults } of round.honest) {
    if (standIn.desired?.quarantined != null) {
      round.violate(`${name} is quarantined: ${standIn.desired.quarantined}`);
    }
    for (const fault of [...formerFaults, ...standIn.faults]) {
      round.violate(`${name}: ${String(fault)}`);
    }
  }
  for (const { kind, member } of round.hostile) {
    const isNamed = member.standIn.desired?.quarantined != null;
    if (isNamed || kind.fate === 'refused') continue;
    round.violate(`the robot "${kind.name}" is not quarantined`);
  }
}

/** Nothing that a withdrawn robot sent is left. */
export async function checkWithdrawn(round: FleetRound): Promise<void> {
  for (const { name } of round.honest.filter(({ withdrawn }) => withdrawn)) {
    for (const table of ['contributions', 'uploads', 'chunks', 'round_robots', 'objects']) {
      // What it still gets is made for it, not of it.
      const made = table === 'objects' ? " AND kind NOT IN ('prior')" : '';
      const row = await round.yard.store.transaction(({ sql }) =>
        sql.first<{ rows: number }>(
          `SELECT COUNT(*) AS rows FROM ${table} WHERE robot = ?${made}`,
          name,
        ),
      );
      if ((row?.rows ?? 0) > 0) round.violate(`${row?.rows} rows of ${name} are left in ${table}`);
    }
  }
}

/** Hubs that were restarted in order serve the same, also to a robot that is new. */
export async function checkRestart(round: FleetRound): Promise<void> {
  const { yard, sharing } = round;
  // The newest wishes may still be on their way.
  await sleep(WAY_MS);
  const before = new Map(sharing.map(({ name, standIn }) => [name, contentOf(standIn.desired)]));
  const codes = await yard.endHubs();
  if (codes.some((code) => code !== 0)) round.violate(`hubs ended with ${codes.join()}`);
  const startedAt = new Date().toISOString();
  await yard.hubsUp();
  const newcomer = new FleetMember('newcomer', [], round.random, {
    ...yard.connection,
    data: { features: new Float32Array(), labels: [] },
  });
  await newcomer.standIn.start();
  try {
    const untilMs = performance.now() + QUIET_MS;
    const untold = (): string[] => [
      ...(newcomer.standIn.head === null ? ['a new one'] : []),
      ...sharing.flatMap(({ name, standIn }) =>
        (standIn.desired?.at ?? '') < startedAt ? [name] : [],
      ),
    ];
    while (untold().length > 0 && performance.now() < untilMs) await sleep(50);
    if (untold().length > 0) {
      round.violate(`after a restart the hubs do not serve ${untold().join(', ')}`);
    }
    for (const { name, standIn } of sharing) {
      const content = contentOf(standIn.desired);
      if (content === before.get(name)) continue;
      round.violate(
        `after a restart the hub wants ${content} of ${name} instead of ${before.get(name)}`,
      );
    }
    const wanted = newcomer.standIn.task?.head?.head.object;
    const others = new Set(sharing.map(({ standIn }) => standIn.task?.head?.head.object));
    if (!others.has(wanted)) round.violate('a new robot gets another head');
  } finally {
    await newcomer.standIn.stop();
  }
}

function contentOf(desired: object | null): string {
  return JSON.stringify({ ...desired, at: '' });
}

/** No hub ended by itself, grew without bound, or said that something is wrong which nobody broke. */
export async function checkHubs(round: FleetRound): Promise<void> {
  const { hubs, peakMib } = round.yard;
  round.yard.measure();
  for (const { deaths, history } of hubs) {
    for (const death of deaths) round.violate(`a hub ended by itself: ${death.slice(-500)}`);
    for (const line of history.split('\n')) {
      const entry = readEntry(line);
      if (entry !== null && entry.level >= ERROR_LEVEL) round.violate(`a hub says: ${line}`);
    }
  }
  if (peakMib > MOST_MIB) round.violate(`a hub took ${peakMib} MiB`);
}

function readEntry(line: string): { level: number } | null {
  try {
    const value: unknown = JSON.parse(line);
    const level = value !== null && typeof value === 'object' && 'level' in value && value.level;
    return typeof level === 'number' ? { level } : null;
  } catch {
    return null;
  }
}

/** What the hubs have counted, for the report. */
export async function countersOf({ yard }: FleetRound): Promise<{
  counters: { accepted: number; replayed: number; refused: number };
  heads: number;
}> {
  return yard.store.transaction(async ({ sql, robots }) => {
    const counters = { accepted: 0, replayed: 0, refused: 0 };
    for (const { accepted, replayed, refused } of await robots.list()) {
      counters.accepted += accepted;
      counters.replayed += replayed;
      counters.refused += refused;
    }
    const row = await sql.first<{ heads: number }>('SELECT COUNT(*) AS heads FROM heads');
    return { counters, heads: row?.heads ?? 0 };
  });
}

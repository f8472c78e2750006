import { setTimeout as sleep } from 'node:timers/promises';
import { shuffled } from '../../src/base/random.js';
import { decodeChunk } from '../../src/fleet/contract/chunk-codec.js';
import { DAMAGES, jsonBombs, manyTasks } from './bad-chunks.js';
import { BACKBONE, type FleetMember, SIZE } from './fleet-member.js';
import type { FleetRound } from './fleet-round.js';

export interface Fault {
  name: string;
  applies(round: FleetRound): boolean;
  /** @returns how often it was delivered */
  strike(round: FleetRound): Promise<number>;
}

/** Longest wait for the moment of a fault. */
const MOMENT_MS = 5_000;
const MOST_REPLAYS = 40;
/** Of a store that another process keeps locked. */
const LOCKED_MS = 1_200;

const always = (): boolean => true;
const onPostgres = ({ plan }: FleetRound): boolean => plan.postgres !== null;
const onSqlite = ({ plan }: FleetRound): boolean => plan.postgres === null;
const onMosquitto = ({ yard }: FleetRound): boolean => yard.mosquitto !== null;

const HUB_FAULTS: readonly Fault[] = [
  {
    name: 'leading hub killed',
    applies: always,
    strike: async (round) => {
      await round.yard.killLeader();
      round.grow();
      await round.pause(1_000);
      await round.yard.hubsUp();
      return 1;
    },
  },
  {
    name: 'all hubs killed',
    applies: always,
    strike: async (round) => {
      await round.yard.killHubs();
      round.grow();
      await round.pause();
      await round.yard.hubsUp();
      return 1;
    },
  },
  {
    name: 'hubs killed amid an upload',
    applies: always,
    strike: async (round) => {
      const member = await halfSent(round);
      if (member === null) return 0;
      await round.yard.killHubs();
      await round.yard.hubsUp();
      return Math.min(1, await member.release());
    },
  },
  {
    name: 'leading hub killed amid merges',
    applies: always,
    strike: async (round) => {
      for (const member of round.sharing) round.grow(member);
      const isPending = await moment(() => hasPending(round));
      await sleep(round.random.int(20));
      await round.yard.killLeader();
      await round.yard.hubsUp();
      return isPending ? 1 : 0;
    },
  },
];

const STORE_FAULTS: readonly Fault[] = [
  {
    name: 'PostgreSQL killed',
    applies: onPostgres,
    strike: (round) => withoutStore(round, 'SIGQUIT'),
  },
  {
    name: 'PostgreSQL restarted',
    applies: onPostgres,
    strike: (round) => withoutStore(round, 'SIGINT'),
  },
  {
    name: 'SQLite locked',
    applies: onSqlite,
    strike: async (round) => {
      await round.yard.store.transaction(async () => {
        round.grow();
        round.grow();
        await sleep(LOCKED_MS);
      });
      return 1;
    },
  },
];

async function withoutStore(round: FleetRound, signal: 'SIGQUIT' | 'SIGINT'): Promise<number> {
  const { postgres } = round.plan;
  round.grow();
  await round.pause(100);
  await postgres?.kill(signal);
  round.grow();
  await round.pause(1_500);
  await postgres?.up();
  return 1;
}

const BROKER_FAULTS: readonly Fault[] = [
  {
    name: 'mosquitto killed',
    applies: onMosquitto,
    strike: (round) => withoutBroker(round, 'SIGKILL'),
  },
  {
    name: 'mosquitto restarted',
    applies: onMosquitto,
    strike: (round) => withoutBroker(round, 'SIGTERM'),
  },
  {
    name: 'mosquitto frozen',
    applies: onMosquitto,
    strike: async (round) => {
      round.yard.mosquitto?.freeze();
      round.grow();
      await round.pause(1_500);
      round.yard.mosquitto?.thaw();
      return 1;
    },
  },
  {
    name: 'node of RabbitMQ killed',
    applies: (round) => !onMosquitto(round),
    strike: async (round) => {
      round.grow();
      await round.yard.killNode();
      round.grow();
      return 1;
    },
  },
];

async function withoutBroker(round: FleetRound, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
  const { mosquitto } = round.yard;
  round.grow();
  await round.pause(100);
  await mosquitto?.kill(signal);
  round.grow();
  await round.pause(1_000);
  await mosquitto?.up();
  return 1;
}

const CHUNK_FAULTS: readonly Fault[] = [
  {
    name: 'chunks of old versions replayed',
    applies: always,
    strike: async (round) => {
      const [member] = [...round.sharing].sort(
        (a, b) => b.standIn.sentVersion - a.standIn.sentVersion,
      );
      if (member === undefined) return 0;
      round.grow(member);
      await moment(async () => member.standIn.sentVersion > 1);
      const old = member.standIn.chunks.filter((chunk) => {
        const { kind, version = 0 } = decodeChunk(chunk).header;
        return kind === 'sums' && version < member.standIn.sentVersion;
      });
      return replay(round, member, old);
    },
  },
  {
    name: 'chunks of an old epoch replayed',
    applies: always,
    strike: async (round) => {
      const member = round.one(round.sharing);
      await member.beginAnew();
      return replay(round, member, member.formerChunks);
    },
  },
  {
    name: 'chunks tripled and shuffled',
    applies: always,
    strike: async (round) => {
      const member = round.one(round.sharing);
      member.wire = 'doubled';
      round.grow(member);
      return (await moment(async () => member.wire === 'straight')) ? 1 : 0;
    },
  },
  {
    name: 'chunks of two versions interleaved',
    applies: always,
    strike: async (round) => {
      const member = round.one(round.sharing);
      const next = member.standIn.sentVersion + 2;
      member.wire = 'held';
      round.grow(member);
      round.grow(member);
      const both = await moment(async () => member.standIn.sentVersion >= next);
      member.wire = 'straight';
      await member.release();
      return both ? 1 : 0;
    },
  },
  ...DAMAGES.map(
    (damage): Fault => ({
      name: `chunks ${damage}`,
      applies: always,
      strike: async (round) => {
        const member = round.one(round.sharing);
        const before = member.damaged;
        member.wire = damage;
        round.grow(member);
        await moment(async () => member.damaged > before);
        return member.damaged - before;
      },
    }),
  ),
];

const WITHDRAWALS: readonly Fault[] = [
  {
    name: 'withdrawn amid an upload',
    applies: always,
    strike: async (round) => {
      const member = await halfSent(round);
      if (member === null) return 0;
      member.withdrawn = true;
      member.standIn.withdraw();
      await round.pause();
      await member.release();
      // And what it sent once comes again.
      await replay(round, member, member.standIn.chunks);
      return 1;
    },
  },
  {
    name: 'withdrawn and back',
    applies: always,
    strike: async (round) => {
      const { standIn } = round.one(round.sharing);
      standIn.withdraw();
      await round.pause(600);
      standIn.rejoin();
      return 1;
    },
  },
];

const MESSAGES: readonly Fault[] = [
  {
    name: 'bombs of JSON',
    applies: always,
    strike: async (round) => {
      const { standIn } = round.one(round.sharing);
      const bombs = jsonBombs();
      for (const bomb of bombs) {
        await standIn.publish('want', bomb);
        await standIn.publish('chunk', bomb);
        await standIn.publish('reported', bomb);
      }
      standIn.report();
      return 3 * bombs.length;
    },
  },
  {
    name: 'report with tasks and labels by the thousand',
    applies: always,
    strike: async (round) => {
      const { standIn } = round.one(round.sharing);
      const report = standIn.reported();
      await standIn.publish('reported', manyTasks(report, BACKBONE, SIZE));
      standIn.report();
      return 1;
    },
  },
];

/** Each hostile robot of the round comes at a moment of its own. */
const HOSTILE: readonly Fault[] = [0, 1].map((nth) => ({
  name: 'hostile robot',
  applies: ({ comingHostile }) => comingHostile.length > nth,
  strike: async (round) => {
    const kind = round.comingHostile[nth]!;
    await round.addHostile(kind);
    round.count(`hostile: ${kind.name}`);
    return 1;
  },
}));

/** In every round all that apply strike, in a random order. */
export const FAULTS: readonly Fault[] = [
  ...HUB_FAULTS,
  ...STORE_FAULTS,
  ...BROKER_FAULTS,
  ...CHUNK_FAULTS,
  ...WITHDRAWALS,
  ...MESSAGES,
  ...HOSTILE,
];

/** Of the next sums of a robot only half of the chunks have gone. */
async function halfSent(round: FleetRound): Promise<FleetMember | null> {
  const member = round.one(round.sharing);
  member.wire = 'half';
  round.grow(member);
  return (await moment(async () => member.holds > 0)) ? member : null;
}

async function replay(
  { random }: FleetRound,
  { standIn }: FleetMember,
  chunks: readonly Uint8Array[],
): Promise<number> {
  const some = shuffled(chunks, random).slice(0, MOST_REPLAYS);
  for (const chunk of some) await standIn.publish('chunk', chunk);
  return some.length;
}

async function hasPending({ yard }: FleetRound): Promise<boolean> {
  const found = await yard.store
    .transaction(({ sql }) =>
      sql.first(
        `SELECT 1 AS found FROM contributions WHERE kind = 'sums' AND bytes IS NOT NULL
           AND (merged_object IS NULL OR merged_object <> object)`,
      ),
    )
    .catch(() => null);
  return found !== null;
}

/** @returns false: it has not come */
async function moment(has: () => Promise<boolean>): Promise<boolean> {
  const untilMs = performance.now() + MOMENT_MS;
  while (performance.now() < untilMs) {
    if (await has()) return true;
    await sleep(5);
  }
  return false;
}

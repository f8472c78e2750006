import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random, seedFrom, shuffled } from '../../src/base/random.js';
import type { Postgres } from '../../test/fleet/postgres.js';
import { FAULTS } from './fleet-faults.js';
import { FleetMember } from './fleet-member.js';
import { type BrokerKind, FleetYard } from './fleet-yard.js';
import { HOSTILE_KINDS, type HostileKind } from './hostile-robots.js';
import {
  checkGates,
  checkHubs,
  checkRestart,
  checkServed,
  checkSums,
  checkWithdrawn,
  countersOf,
  settled,
} from './quiet-checks.js';

/** Labels of the first day; each robot knows three of them. */
const LABELS = ['dock', 'grass', 'maize', 'sugar-beet', 'thistle'] as const;
const LEAST_ROBOTS = 6;
const MOST_ROBOTS = 10;
/** Hostile robots beside them, never as many as could outvote the honest ones. */
const HOSTILE = 2;
const PAUSE_MS = 300;

export interface RoundPlan {
  index: number;
  seed: number;
  broker: BrokerKind;
  postgres: Postgres | null;
}

export interface RoundOutcome {
  robots: number;
  hubs: number;
  delivered: Record<string, number>;
  /** What the hubs have counted of robots. */
  counters: { accepted: number; replayed: number; refused: number };
  comparisons: number;
  heads: number;
  peakMib: number;
  violations: string[];
}

/** A hostile robot in the fleet. */
export interface Hostile {
  kind: HostileKind;
  member: FleetMember;
}

/** One fleet from its first day to a restart of its hubs, with faults in between. */
export class FleetRound {
  readonly random: Random;
  readonly violations: string[] = [];
  readonly delivered: Record<string, number> = {};
  readonly honest: FleetMember[] = [];
  readonly hostile: Hostile[] = [];
  /** Hostile robots that have not come yet. */
  readonly comingHostile: HostileKind[];
  comparisons = 0;
  #growths = 0;

  private constructor(
    readonly plan: RoundPlan,
    readonly yard: FleetYard,
  ) {
    this.random = createRandom(seedFrom('fleet', plan.seed, plan.index));
    this.comingHostile = Array.from(
      { length: HOSTILE },
      (_, i) => HOSTILE_KINDS[(plan.index * HOSTILE + i) % HOSTILE_KINDS.length]!,
    );
  }

  static async run(plan: RoundPlan): Promise<RoundOutcome> {
    const yard = await FleetYard.open({
      // The lease of SQLite is for one farm, which has one hub.
      replicas: plan.postgres === null ? 1 : 2,
      broker: plan.broker,
      postgres: plan.postgres,
      database: `chaos_${plan.seed}_${plan.index}`,
    });
    const round = new FleetRound(plan, yard);
    try {
      await round.#live();
      return await round.#outcome();
    } finally {
      await Promise.all(round.members.map(({ standIn }) => standIn.stop()));
      await yard.stop();
    }
  }

  /** All robots, hostile ones included. */
  get members(): FleetMember[] {
    return [...this.honest, ...this.hostile.map(({ member }) => member)];
  }

  /** Honest robots that share. */
  get sharing(): FleetMember[] {
    return this.honest.filter(({ withdrawn }) => !withdrawn);
  }

  get labels(): readonly string[] {
    return LABELS;
  }

  violate(what: string): void {
    const { index, broker } = this.plan;
    this.violations.push(`round ${index} (${this.yard.store.dialect}, ${broker}): ${what}`);
  }

  count(fault: string, times = 1): void {
    this.delivered[fault] = (this.delivered[fault] ?? 0) + times;
  }

  one<T>(among: readonly T[]): T {
    return among[this.random.int(among.length)]!;
  }

  async pause(mostMs = PAUSE_MS): Promise<void> {
    await sleep(this.random.int(mostMs));
  }

  /** A robot labels some more, mostly of what it knows. */
  grow(member: FleetMember = this.one(this.sharing)): void {
    this.#growths += 1;
    const label = this.random.int(8) === 0 ? this.one(LABELS) : this.one(member.labels);
    member.grow(label, 1 + this.random.int(4), this.#growths);
  }

  async addHostile(kind: HostileKind): Promise<void> {
    const member = new FleetMember(kind.name, LABELS, this.random, {
      ...this.yard.connection,
      ...kind.options(LABELS),
    });
    this.hostile.push({ kind, member });
    await member.standIn.start();
  }

  async #live(): Promise<void> {
    const robots = LEAST_ROBOTS + this.random.int(MOST_ROBOTS - LEAST_ROBOTS + 1);
    for (let i = 0; i < robots; i++) {
      const labels = [0, 1, 2].map((j) => LABELS[(i + j) % LABELS.length]!);
      this.honest.push(new FleetMember(`r${i}`, labels, this.random, this.yard.connection));
    }
    await Promise.all(this.honest.map(({ standIn }) => standIn.start()));
    if (!(await settled(this, 'on the first day', []))) return;
    await this.#suffer();
    await this.yard.hubsUp();
    // The last rounds may have ended without an answer: a fleet goes on to learn.
    for (const member of this.sharing) this.grow(member);
    const held = this.hostile.filter(({ kind }) => kind.fate === 'held');
    if (!(await settled(this, 'after the faults', held))) return;
    await checkSums(this);
    checkGates(this);
    for (const { member } of held) {
      await this.yard.post('/api/quarantine', { robot: member.name, reason: 'chaos' });
    }
    if (held.length > 0 && !(await settled(this, 'after the quarantine', []))) return;
    await checkSums(this);
    await checkServed(this);
    await checkWithdrawn(this);
    await checkRestart(this);
    await checkHubs(this);
  }

  async #suffer(): Promise<void> {
    const faults = FAULTS.filter(({ applies }) => applies(this));
    for (const { name, strike } of shuffled(faults, this.random)) {
      this.grow();
      await this.pause();
      try {
        this.count(name, await strike(this));
      } catch (error) {
        this.violate(`the fault ${name} could not be made: ${String(error)}`);
      }
      this.yard.measure();
    }
  }

  async #outcome(): Promise<RoundOutcome> {
    const { counters, heads } = await countersOf(this);
    return {
      robots: this.members.length,
      hubs: this.yard.hubs.length,
      delivered: this.delivered,
      counters,
      heads,
      comparisons: this.comparisons,
      peakMib: this.yard.peakMib,
      violations: this.violations,
    };
  }
}

import { withoutRabbit } from '../../bench/support/rabbit-cluster.js';
import { Postgres, withoutPostgres } from '../../test/fleet/postgres.js';
import { FleetRound, type RoundPlan } from './fleet-round.js';
import type { BrokerKind } from './fleet-yard.js';

/** One round in so many has a cluster of RabbitMQ, which takes long to start. */
const RABBIT_EVERY = 6;

/**
 * `npm run -s chaos -- fleet [--rounds N] [--from N] [--seed N] [--seconds N] [--without-rabbit]`: robots of a fleet learn while its
 * hubs, store and broker are killed, chunks are repeated, mixed, damaged and forged, robots withdraw, and hostile
 * robots join. After each round the merged sums must be those of the robots, bit for bit. The rounds of a seed do
 * not depend on each other: `--from` begins with a later one.
 */
export async function run(options: readonly string[]): Promise<{
  rounds: number;
  robots: number;
  comparisons: number;
  heads: number;
  accepted: number;
  replayed: number;
  refused: number;
  peak_mib: number;
  faults: Record<string, number>;
  skipped: string[];
  seed: number;
  seconds: number;
  complete: boolean;
  violations: string[];
}> {
  const number = (name: string, otherwise: number): number => {
    const at = options.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(options[at + 1]);
  };
  const rounds = number('rounds', 12);
  const from = number('from', 0);
  const seed = number('seed', 1);
  const seconds = number('seconds', 1_800);
  const startMs = performance.now();
  const skipped = new Set<string>();
  const ends: (() => Promise<void>)[] = [];
  const found = { robots: 0, comparisons: 0, heads: 0, accepted: 0, replayed: 0, refused: 0 };
  const faults: Record<string, number> = {};
  const violations: string[] = [];
  let peakMib = 0;
  let done = 0;
  try {
    if (withoutPostgres !== false) skipped.add(withoutPostgres);
    const postgres =
      withoutPostgres === false
        ? await Postgres.start({ after: (stop) => void ends.push(stop) })
        : null;
    for (; done < rounds && performance.now() - startMs < seconds * 1_000; done++) {
      const index = from + done;
      const plan: RoundPlan = {
        index,
        seed,
        broker: brokerOf(index, options.includes('--without-rabbit'), skipped),
        postgres: index % 2 === 1 ? postgres : null,
      };
      const outcome = await FleetRound.run(plan);
      for (const [name, count] of Object.entries(outcome.delivered)) {
        faults[name] = (faults[name] ?? 0) + count;
      }
      found.robots += outcome.robots;
      found.comparisons += outcome.comparisons;
      found.heads += outcome.heads;
      found.accepted += outcome.counters.accepted;
      found.replayed += outcome.counters.replayed;
      found.refused += outcome.counters.refused;
      peakMib = Math.max(peakMib, outcome.peakMib);
      violations.push(...outcome.violations);
      process.stderr.write(
        `round ${index}: ${Math.round((performance.now() - startMs) / 1_000)} s, ${violations.length} violations\n`,
      );
    }
  } finally {
    for (const end of ends) await end();
  }
  return {
    rounds: done,
    ...found,
    peak_mib: peakMib,
    faults: Object.fromEntries(Object.entries(faults).sort()),
    skipped: [...skipped],
    seed,
    seconds: Math.round((performance.now() - startMs) / 1_000),
    complete: done === rounds,
    violations: [...violations, ...(done === 0 ? ['no round was done'] : [])],
  };
}

function brokerOf(index: number, isWithoutRabbit: boolean, skipped: Set<string>): BrokerKind {
  if (index % RABBIT_EVERY === RABBIT_EVERY - 1 && !isWithoutRabbit) {
    if (withoutRabbit === null) return 'rabbitmq';
    skipped.add(withoutRabbit);
  }
  return index % 4 < 2 ? 'mosquitto' : 'mosquitto-persistent';
}

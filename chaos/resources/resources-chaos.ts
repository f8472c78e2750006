import { SCENARIOS, type Scenario } from './scenarios.js';
import { type Limits, Victim } from './victim.js';

const LIMITS: Limits = { alarmMs: 5_000, recoveryMs: 30_000, windowMs: 4_000 };

export interface ResourcesOutcome extends Record<string, unknown> {
  scenarios: number;
  decisions: number;
  /** What could not be tried here, and why. */
  skipped: string[];
  violations: string[];
}

/**
 * Takes disk, files, memory and time away from a real daemon: `chaos -- resources [NAME]`. Inference goes
 * on, an alarm tells within 5 s, and everything comes back by itself.
 */
export async function run(options: readonly string[] = []): Promise<ResourcesOutcome> {
  const wanted = options.filter((option) => !option.startsWith('--')).join(' ');
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(wanted));
  return befall(scenarios, LIMITS);
}

export async function befall(
  scenarios: readonly Scenario[],
  limits: Limits,
): Promise<ResourcesOutcome> {
  const outcome: ResourcesOutcome = { scenarios: 0, decisions: 0, skipped: [], violations: [] };
  for (const scenario of scenarios) {
    const ends: (() => unknown)[] = [];
    const after = (end: () => unknown): void => void ends.push(end);
    try {
      const victim = await Victim.create(scenario.name, limits, after);
      const skipped = await scenario.run(victim, after);
      if (skipped === null) outcome.scenarios += 1;
      else outcome.skipped.push(`${scenario.name}: ${skipped}`);
      outcome.decisions += victim.decisions;
      outcome.violations.push(...victim.violations);
    } catch (error) {
      outcome.violations.push(`${scenario.name}: ${String(error)}`);
    } finally {
      for (const end of ends.reverse()) await end();
    }
  }
  return outcome;
}

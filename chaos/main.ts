import { run as commands } from './commands/commands-chaos.js';
import { run as corrupt } from './corrupt/corrupt-chaos.js';
import { run as fleet } from './fleet/fleet-chaos.js';
import { run as fuzz } from './fuzz/fuzz-chaos.js';
import { run as http } from './http/http-chaos.js';
import { run as kill } from './kill/kill-chaos.js';
import { run as mqtt } from './mqtt/mqtt-chaos.js';
import { run as power } from './power/power-chaos.js';
import { run as resources } from './resources/resources-chaos.js';
import { run as soak } from './soak/soak-chaos.js';
import { run as switchHeads } from './switch/switch-chaos.js';

/**
 * `npm run -s chaos -- NAME [--json] [options]`: faults by the hundred against the real program. Prints
 * counts and every violation of what is promised; ends with 1 if there is one.
 */
interface Outcome extends Record<string, unknown> {
  /** What was promised and did not hold, one sentence each. */
  violations: readonly string[];
}

const CAMPAIGNS: Readonly<Record<string, (options: readonly string[]) => Promise<Outcome>>> = {
  commands,
  fleet,
  fuzz,
  corrupt,
  http,
  soak,
  switch: switchHeads,
  resources,
  kill,
  power,
  mqtt,
};

const [name = '', ...options] = process.argv.slice(2);
const campaign = CAMPAIGNS[name];
if (campaign === undefined) {
  process.stderr.write(
    `usage: npm run -s chaos -- NAME [--json]\nNAME is one of: ${Object.keys(CAMPAIGNS).join(', ')}\n`,
  );
  process.exit(2);
}
const outcome = await campaign(options.filter((option) => option !== '--json'));
if (options.includes('--json')) process.stdout.write(`${JSON.stringify(outcome)}\n`);
else {
  const { violations, ...counts } = outcome;
  console.table(counts);
  for (const violation of violations) process.stdout.write(`violation: ${violation}\n`);
}
process.exit(outcome.violations.length > 0 ? 1 : 0);

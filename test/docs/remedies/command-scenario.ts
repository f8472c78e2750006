import assert from 'node:assert/strict';
import type { Field, Ran, Robot, Settings } from './field.js';
import { checkSaid, type Said, type Situation, saidIn } from './scenario.js';

/** A command that fails, what its remedy says, and the command that does not fail any more. */
export interface CommandScenario extends Situation {
  settings?: Settings;
  /** How things are before the command. */
  given?(robot: Robot): unknown;
  command(robot: Robot): string[];
  /** Run as a user who is not root. */
  asNobody?: boolean;
  /** Runs the command in another way, such as with a signal. */
  provoke?(robot: Robot, command: string[]): Promise<Ran>;
  /** Does what the remedy says. @returns the command to run then, where it is another */
  follow(robot: Robot, said: Said): unknown;
  /** Exit code when the trouble is over; 0 where nothing else is said. */
  leaves?: number;
  /** Gives back what `given` took. */
  after?(robot: Robot): unknown;
  /** Why it cannot be tried on this machine; false where it can. */
  skip?: string | false;
}

export async function tryCommand(field: Field, scenario: CommandScenario): Promise<void> {
  const robot = field.robot(scenario.settings ?? {});
  try {
    await provokeAndFollow(robot, scenario);
  } finally {
    await scenario.after?.(robot);
  }
}

async function provokeAndFollow(robot: Robot, scenario: CommandScenario): Promise<void> {
  await scenario.given?.(robot);
  const run = (args: string[]): Promise<Ran> =>
    scenario.asNobody ? robot.headlandAsNobody(...args) : robot.headland(...args);
  const command = scenario.command(robot);
  const failed = await (scenario.provoke?.(robot, command) ?? run(command));
  const said = saidIn(failed.output, scenario.code);
  assert.ok(said, `${scenario.code} is not in: ${failed.status} ${failed.output}`);
  checkSaid(scenario, said);

  const next = await scenario.follow(robot, said);
  const done = await run(isCommand(next) ? next : command);
  assert.equal(done.status, scenario.leaves ?? 0, done.output);
  assert.ok(!done.output.includes(scenario.code), done.output);
}

function isCommand(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string');
}

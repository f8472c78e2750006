import { z } from 'zod';
import { type ErrorCode, HeadlandError } from '../../../base/errors.js';
import { type Finding, ok, type RobotContext, skipped, warning } from '../doctor-check.js';

const code = z
  .string()
  .regex(/^HL_[A-Z0-9_]+$/)
  .transform((text) => text as ErrorCode);

/** What the answer to the command `status` says of the fleet. */
const answer = z.object({
  fleet: z.object({
    hub: z.string().nullable(),
    quarantined: z.string().nullable(),
    tasks: z.array(
      z.object({
        task: z.string(),
        problem: z.object({ code, message: z.string(), remedy: z.string() }).nullable(),
      }),
    ),
  }),
});

/** Whether the hub is heard, and what it does not take of the robot. Only a running daemon hears it. */
export async function checkFleet({ config, daemon }: RobotContext): Promise<Finding[]> {
  if (!config.fleet.enabled) return [skipped('the robot is in no fleet')];
  if (!(await daemon.running())) return [skipped('no daemon runs that could hear the hub')];
  const parsed = answer.safeParse(await daemon.brokerAnswer());
  if (!parsed.success) return [skipped('the daemon does not answer over its broker')];
  const { hub, quarantined, tasks } = parsed.data.fleet;
  if (hub === null) return [warning(silent())];
  const findings = [ok(`the hub "${hub}" has said what it wants of the robot`)];
  if (quarantined !== null) findings.push(warning(inQuarantine(config.robot.id, quarantined)));
  for (const { task, problem } of tasks) {
    if (problem === null) continue;
    const { message, remedy } = problem;
    findings.push(warning(new HeadlandError(problem.code, message, { remedy }), { subject: task }));
  }
  return findings;
}

function silent(): HeadlandError {
  return new HeadlandError('HL_DOCTOR_FLEET_SILENT', 'no hub has said what it wants of the robot', {
    remedy:
      'Start the hub (`headland fleet serve`) at the broker of the robot. The access list of the broker must let both use headland/ROBOT/fleet/#.',
  });
}

function inQuarantine(robot: string, reason: string): HeadlandError {
  return new HeadlandError(
    'HL_DOCTOR_FLEET_QUARANTINED',
    `the hub uses nothing of the robot: ${reason}`,
    {
      remedy: `Correct what the reason says, such as labels; then an operator ends it: \`headland fleet release\` with the name ${robot}.`,
    },
  );
}

import { z } from 'zod';
import { redactValue } from '../../base/redact.js';
import { FINDING_STATES, type FindingState } from './doctor-check.js';
import { CHECK_NAMES } from './every-check.js';
import type { CheckResult } from './run-checks.js';

const state = z.enum(FINDING_STATES);
const seconds = z.number().min(0);

/** What `headland doctor --json` prints; docs/reference/doctor-schema.json is made of it. */
export const doctorReportSchema = z
  .strictObject({
    schema: z.literal(1),
    version: z.string().describe('Version of headland'),
    at: z.iso.datetime().describe('When the report was made, by the clock of the robot'),
    configFile: z.string(),
    robot: z.string().nullable().describe('robot.id; null without a valid configuration'),
    state: state.describe('The worst of all checks; skipped ones do not count'),
    checks: z.array(
      z.strictObject({
        name: z.enum(CHECK_NAMES).describe('Name for --only'),
        state: state.describe('The worst of its findings; skipped if all are'),
        durationSeconds: seconds,
        findings: z
          .array(
            z.strictObject({
              state,
              subject: z
                .string()
                .nullable()
                .describe('What it is about: a camera, a task, a setting; null: the whole check'),
              code: z
                .string()
                .nullable()
                .describe('A code of docs/reference/errors.md; null: nothing is wrong'),
              reason: z.string().describe('One sentence for people'),
              remedy: z.string().nullable(),
              facts: z.record(z.string(), z.unknown()).describe('Measured values; may grow'),
            }),
          )
          .min(1),
      }),
    ),
    summary: z
      .strictObject({
        ok: z.int().min(0),
        warning: z.int().min(0),
        failed: z.int().min(0),
        skipped: z.int().min(0),
      })
      .describe('Number of checks by state'),
  })
  .describe('Report of headland doctor');

export type DoctorReport = z.infer<typeof doctorReportSchema>;
export type CheckReport = DoctorReport['checks'][number];

export function doctorReport(
  results: readonly CheckResult[],
  about: Pick<DoctorReport, 'version' | 'configFile' | 'robot'>,
): DoctorReport {
  const checks = results.map(({ name, findings, durationMs }): CheckReport => {
    const worst = worstOf(findings.map((finding) => finding.state));
    return { name, state: worst, durationSeconds: Math.round(durationMs) / 1_000, findings };
  });
  const count = (wanted: FindingState): number =>
    checks.filter((check) => check.state === wanted).length;
  const { version, configFile, robot } = about;
  return redactValue({
    schema: 1,
    version,
    at: new Date().toISOString(),
    configFile,
    robot,
    state: worstOf(checks.map((check) => check.state)),
    checks,
    summary: {
      ok: count('ok'),
      warning: count('warning'),
      failed: count('failed'),
      skipped: count('skipped'),
    },
  });
}

/** The most serious state; `skipped` only if there is no other. */
function worstOf(states: readonly FindingState[]): FindingState {
  const bySeverity: readonly FindingState[] = ['failed', 'warning', 'ok'];
  return bySeverity.find((each) => states.includes(each)) ?? 'skipped';
}

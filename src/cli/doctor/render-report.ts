import type { DoctorReport } from '../../agent/doctor/doctor-report.js';
import { layOutTable, textColumns, wrapText } from '../support/prose.js';

type FindingReport = DoctorReport['checks'][number]['findings'][number];

/** Without a terminal, a person reads it in an editor or an e-mail. */
const MOST_COLUMNS = 100;
const WORDS = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', skipped: 'skipped' } as const;
const REMEDY_INDENT = ' '.repeat(6);

/** The report for people: a line for each finding, with its remedy below, and a summary. */
export function renderReport(
  report: DoctorReport,
  stream: { columns?: number | undefined },
  environment: NodeJS.ProcessEnv,
): string {
  const columns = Math.min(MOST_COLUMNS, textColumns(stream, environment));
  const { version, robot, at, checks, summary, configFile } = report;
  const of = robot === null ? configFile : `robot ${robot}`;
  const lines = [`headland ${version} doctor, ${of}, ${at.slice(0, 16).replace('T', ' ')} UTC`, ''];
  for (const { name, findings } of checks) {
    for (const [index, finding] of findings.entries()) {
      lines.push(renderFinding(index === 0 ? name : '', finding, columns));
    }
  }
  const { ok, warning, failed, skipped } = summary;
  const total = `${ok} ok, ${warning} warning${warning === 1 ? '' : 's'}, ${failed} failed, ${skipped} skipped`;
  return [...lines, '', total].join('\n');
}

function renderFinding(name: string, finding: FindingReport, columns: number): string {
  const { state, subject, code, reason, remedy } = finding;
  const about = subject === null ? reason : `${subject}: ${reason}`;
  const text = code === null ? about : `${about} (${code})`;
  // Padded by hand, so that the columns of all findings are aligned.
  const row = layOutTable([[WORDS[state].padEnd(7), name.padEnd(13), text]], '', columns);
  if (remedy === null) return row;
  return `${row}\n${wrapText(`${REMEDY_INDENT}what to do: ${remedy}`, columns)}`;
}

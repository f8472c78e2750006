import { useWords } from '../../../page/views/use-words.js';
import type { AlarmState } from '../../contract/live-contract.js';
import type { PageParts } from '../control/page-parts.js';

/** Raised alarms with their remedies, as the robot says them. */
export function AlarmList({
  page,
  alarms,
  nowMs,
}: {
  page: PageParts;
  alarms: readonly AlarmState[];
  nowMs: number;
}) {
  const words = useWords(page);
  return (
    <ul class="alarms" id="alarms" role="alert" hidden={alarms.length === 0}>
      {alarms.map(({ name, severity, code, message, remedy, sinceAtMs }) => (
        <li key={`${name} ${code}`} data-severity={severity} lang="en">
          <strong>{message}</strong>
          <p>{remedy}</p>
          <p class="hint">
            {code} · {words.ago(sinceAtMs, nowMs)}
          </p>
        </li>
      ))}
    </ul>
  );
}

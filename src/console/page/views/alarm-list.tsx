import type { ConsoleStatus } from '../../contract/live-contract.js';

/** Raised alarms with their remedies. */
export function AlarmList({ alarms }: { alarms: ConsoleStatus['alarms'] }) {
  return (
    <ul class="alarms" id="alarms" role="alert" hidden={alarms.length === 0}>
      {alarms.map(({ severity, code, message, remedy }) => (
        <li key={`${code} ${message}`} data-severity={severity}>
          <strong>{message}</strong>
          <span>{` ${remedy} (${code})`}</span>
        </li>
      ))}
    </ul>
  );
}

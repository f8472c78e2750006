import { AlarmList } from '../../alarm-list.js';
import { HealthCard } from '../../cards/health-card.js';
import type { PlaceProps } from '../../page-view.js';

/** Health, settings and devices. */
export function RobotPlace({ page, status }: PlaceProps) {
  return (
    <>
      <AlarmList alarms={status.alarms} />
      <HealthCard page={page} status={status} />
    </>
  );
}

import type { ConditionSubject } from '../../alerts/rules.js';
import type { Alarm } from '../../base/alarms.js';

/** The conditions of alert rules that alarms stand for. The others are reported where they arise. */
export function conditionsOf(alarms: readonly Alarm[]): ConditionSubject[] {
  return alarms.flatMap(({ name, error }): ConditionSubject[] => {
    const camera = /^(?:camera|pictures)-(.+)$/.exec(name)?.[1];
    if (camera !== undefined) return [{ condition: 'camera_lost', camera, task: null }];
    const full = error.code === 'HL_STORE_FULL' || error.code === 'HL_STORE_LIMIT';
    return full ? [{ condition: 'disk_low', camera: null, task: null }] : [];
  });
}

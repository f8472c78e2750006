import type { ConditionSubject } from '../../../alerts/rules.js';
import type { Alarm } from '../../../base/alarms.js';

const FULL: ReadonlySet<string> = new Set(['HL_STORE_FULL', 'HL_STORE_LIMIT']);

/** The conditions of alert rules that alarms stand for. The others are reported where they arise. */
export function conditionsOf(alarms: readonly Alarm[]): ConditionSubject[] {
  return alarms.flatMap(({ name, error }): ConditionSubject[] => {
    const camera = /^(?:camera|pictures)-(.+)$/.exec(name)?.[1];
    if (camera !== undefined) return [{ condition: 'camera_lost', camera, task: null }];
    if (name === 'board-hot') return [{ condition: 'board_hot', camera: null, task: null }];
    const full = name === 'disk-low' || FULL.has(error.code);
    return full ? [{ condition: 'disk_low', camera: null, task: null }] : [];
  });
}

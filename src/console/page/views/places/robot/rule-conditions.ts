import type { AnswerOf } from '../../../../contract/contract.js';
import type { WordKey } from '../../../words/catalogue/catalogue.js';

export type Alerts = AnswerOf<'GET /api/robot/alerts'>;

const CONDITION_KEYS: Readonly<Record<string, WordKey>> = {
  camera_lost: 'robot.on_camera_lost',
  camera_dirty: 'robot.on_camera_dirty',
  board_hot: 'robot.on_board_hot',
  disk_low: 'robot.on_disk_low',
  training_failed: 'robot.on_training_failed',
  clock_unset: 'robot.on_clock_unset',
};

export function conditionKey(condition: string): WordKey {
  return CONDITION_KEYS[condition] ?? 'robot.on_other';
}

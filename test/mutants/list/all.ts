import type { Mutant } from '../mutant.js';
import { ACCESS_MUTANTS } from './access-mutants.js';
import { ALERT_MUTANTS } from './alert-mutants.js';
import { BASE_MUTANTS } from './base-mutants.js';
import { BOARD_MUTANTS } from './board-mutants.js';
import { BRAIN_MUTANTS } from './brain-mutants.js';
import { CAMERA_MUTANTS } from './camera-mutants.js';
import { CARE_MUTANTS } from './care-mutants.js';
import { COMMAND_MUTANTS } from './command-mutants.js';
import { CONSOLE_MUTANTS } from './console-mutants.js';
import { COUNT_MUTANTS } from './count-mutants.js';
import { DATASET_MUTANTS } from './dataset-mutants.js';
import { DEMO_MUTANTS } from './demo-mutants.js';
import { DEPLOY_MUTANTS } from './deploy-mutants.js';
import { DOCTOR_MUTANTS } from './doctor-mutants.js';
import { FLEET_HUB_MUTANTS } from './fleet-hub-mutants.js';
import { FLEET_PAGE_MUTANTS } from './fleet-page-mutants.js';
import { FLEET_ROBOT_MUTANTS } from './fleet-robot-mutants.js';
import { GATE_MUTANTS } from './gate-mutants.js';
import { GPIO_MUTANTS } from './gpio-mutants.js';
import { HEAD_MUTANTS } from './head-mutants.js';
import { LEARNING_MUTANTS } from './learning-mutants.js';
import { LIFETIME_MUTANTS } from './lifetime-mutants.js';
import { METRICS_MUTANTS } from './metrics-mutants.js';
import { PARSER_MUTANTS } from './parser-mutants.js';
import { PICTURES_MUTANTS } from './pictures-mutants.js';
import { POSITION_MUTANTS } from './position-mutants.js';
import { REGION_MUTANTS } from './region-mutants.js';
import { SAFEKEEPING_MUTANTS } from './safekeeping-mutants.js';
import { SAMPLES_MUTANTS } from './samples-mutants.js';
import { SETTINGS_MUTANTS } from './settings-mutants.js';
import { STORAGE_MUTANTS } from './storage-mutants.js';
import { SUMS_MUTANTS } from './sums-mutants.js';
import { SYNC_MUTANTS } from './sync-mutants.js';
import { TASK_MUTANTS } from './task-mutants.js';
import { TEACH_MUTANTS } from './teach-mutants.js';
import { TELEMETRY_MUTANTS } from './telemetry-mutants.js';
import { VISION_MUTANTS } from './vision-mutants.js';

export const MUTANTS: readonly Mutant[] = [
  ...GATE_MUTANTS,
  ...BRAIN_MUTANTS,
  ...HEAD_MUTANTS,
  ...SAMPLES_MUTANTS,
  ...COUNT_MUTANTS,
  ...DATASET_MUTANTS,
  ...STORAGE_MUTANTS,
  ...SUMS_MUTANTS,
  ...SAFEKEEPING_MUTANTS,
  ...SETTINGS_MUTANTS,
  ...LEARNING_MUTANTS,
  ...BASE_MUTANTS,
  ...COMMAND_MUTANTS,
  ...TELEMETRY_MUTANTS,
  ...TASK_MUTANTS,
  ...TEACH_MUTANTS,
  ...CONSOLE_MUTANTS,
  ...METRICS_MUTANTS,
  ...PARSER_MUTANTS,
  ...PICTURES_MUTANTS,
  ...BOARD_MUTANTS,
  ...GPIO_MUTANTS,
  ...LIFETIME_MUTANTS,
  ...CARE_MUTANTS,
  ...ACCESS_MUTANTS,
  ...ALERT_MUTANTS,
  ...CAMERA_MUTANTS,
  ...VISION_MUTANTS,
  ...REGION_MUTANTS,
  ...SYNC_MUTANTS,
  ...DEMO_MUTANTS,
  ...DEPLOY_MUTANTS,
  ...DOCTOR_MUTANTS,
  ...FLEET_PAGE_MUTANTS,
  ...POSITION_MUTANTS,
  ...FLEET_HUB_MUTANTS,
  ...FLEET_ROBOT_MUTANTS,
];

import { brokerScenarios } from './broker-scenarios.js';
import { cameraScenarios } from './camera-scenarios.js';
import type { CommandScenario } from './command-scenario.js';
import { configScenarios } from './config-scenarios.js';
import { headScenarios } from './head-scenarios.js';
import { importScenarios } from './import-scenarios.js';
import { modelScenarios } from './model-scenarios.js';
import { mapCommands, positionStarts } from './position-scenarios.js';
import type { Situation } from './scenario.js';
import type { StartScenario } from './start-scenario.js';
import { startScenarios as starts } from './start-scenarios.js';
import { storeScenarios } from './store-scenarios.js';
import { syncScenarios } from './sync-scenarios.js';
import type { TalkScenario } from './talk-scenario.js';
import { commandTalks, consoleTalks } from './talk-scenarios.js';

export const commandScenarios: readonly CommandScenario[] = [
  ...configScenarios,
  ...storeScenarios,
  ...importScenarios,
  ...modelScenarios,
  ...headScenarios,
  ...syncScenarios,
  ...mapCommands,
];

export const startScenarios: readonly StartScenario[] = [...starts, ...positionStarts];

export const talkScenarios: readonly TalkScenario[] = [...commandTalks, ...consoleTalks];

export { brokerScenarios, cameraScenarios };

export const everyScenario: readonly Situation[] = [
  ...commandScenarios,
  ...talkScenarios,
  ...startScenarios,
  ...brokerScenarios,
  ...cameraScenarios,
];

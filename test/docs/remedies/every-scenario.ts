import type { CommandScenario } from './command-scenario.js';
import { configScenarios } from './config-scenarios.js';
import { headScenarios } from './head-scenarios.js';
import { importScenarios } from './import-scenarios.js';
import { modelScenarios } from './model-scenarios.js';
import type { Situation } from './scenario.js';
import { storeScenarios } from './store-scenarios.js';

export const commandScenarios: readonly CommandScenario[] = [
  ...configScenarios,
  ...storeScenarios,
  ...importScenarios,
  ...modelScenarios,
  ...headScenarios,
];

export const everyScenario: readonly Situation[] = [...commandScenarios];

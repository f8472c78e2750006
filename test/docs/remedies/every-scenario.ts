import { brokerScenarios } from './broker-scenarios.js';
import { cameraScenarios } from './camera-scenarios.js';
import type { CommandScenario } from './command-scenario.js';
import { configScenarios } from './config-scenarios.js';
import { boardFindings } from './doctor-board-scenarios.js';
import { deviceFindings } from './doctor-device-scenarios.js';
import type { DoctorScenario } from './doctor-scenario.js';
import { brokerFindings, serviceFindings } from './doctor-service-scenarios.js';
import { softwareFindings } from './doctor-software-scenarios.js';
import { fleetHubScenarios } from './fleet-hub-scenarios.js';
import { fleetRobotScenarios } from './fleet-robot-scenarios.js';
import { headScenarios } from './head-scenarios.js';
import { importScenarios } from './import-scenarios.js';
import { keyCommands, keyTalks, repeatedTalk, unsignedTalk } from './key-scenarios.js';
import { modelScenarios } from './model-scenarios.js';
import { mapCommands, positionStarts } from './position-scenarios.js';
import type { Situation } from './scenario.js';
import { setupScenarios } from './setup-scenarios.js';
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
  ...setupScenarios,
  ...mapCommands,
  ...keyCommands,
];

export const startScenarios: readonly StartScenario[] = [...starts, ...positionStarts];

export const talkScenarios: readonly TalkScenario[] = [
  ...commandTalks,
  ...consoleTalks,
  ...keyTalks,
];

export const doctorScenarios: readonly DoctorScenario[] = [
  ...softwareFindings,
  ...deviceFindings,
  ...brokerFindings,
  ...serviceFindings,
  ...boardFindings,
];

export { brokerScenarios, cameraScenarios, fleetHubScenarios, fleetRobotScenarios };

export const everyScenario: readonly Situation[] = [
  ...commandScenarios,
  ...talkScenarios,
  unsignedTalk,
  repeatedTalk,
  ...startScenarios,
  ...brokerScenarios,
  ...cameraScenarios,
  ...doctorScenarios,
  ...fleetHubScenarios,
  ...fleetRobotScenarios,
];

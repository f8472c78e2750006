import type { Config } from './schema.js';

/** Below the default limit of the frame rate, so that a training ends first. */
const PAUSE_ABOVE_START_C = 5;

/** Temperatures at which a running training pauses and goes on, °C. */
export interface TrainingTemperatures {
  pauseTrainingAboveC: number;
  resumeTrainingBelowC: number;
}

/** Those of the settings; where they name none, they follow the temperature at which trainings start. */
export function trainingTemperatures({
  trainBelowC,
  pauseTrainingAboveC,
  resumeTrainingBelowC,
}: Pick<
  Config['board'],
  'trainBelowC' | 'pauseTrainingAboveC' | 'resumeTrainingBelowC'
>): TrainingTemperatures {
  return {
    pauseTrainingAboveC: pauseTrainingAboveC ?? trainBelowC + PAUSE_ABOVE_START_C,
    resumeTrainingBelowC: resumeTrainingBelowC ?? trainBelowC,
  };
}

/** Where the simulated drive stopped, in the state's small facts. */
export const SIMULATED_FRAME_KEY = 'demo.simulated-frame';

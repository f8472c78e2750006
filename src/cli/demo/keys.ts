/** Key in the meta table: the frame at which the last simulation stopped. */
export const SIMULATED_FRAME_KEY = 'demo.simulated-frame';

/**
 * Why a running training is paused: the board is hot, its supply is weak, processes wait for memory or
 * the processor, or a program holds the robot.
 */
export const HOLD_REASONS = ['heat', 'supply', 'memory', 'cpu', 'held'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

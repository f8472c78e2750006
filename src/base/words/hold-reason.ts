/**
 * Why a running training is paused: the board is hot, its supply is weak, or processes wait for memory
 * or the processor.
 */
export const HOLD_REASONS = ['heat', 'supply', 'memory', 'cpu'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

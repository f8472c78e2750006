/**
 * Tests wait for events, and no test asserts how fast something is. These limits end what hangs;
 * they hold on one core that others use too, at the lowest priority.
 */

/** Of one wait, or one command. */
export const HANG_MS = 600_000;
/** Of a test with several waits. */
export const TEST_HANG_MS = 1_200_000;

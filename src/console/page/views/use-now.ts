import { useEffect, useReducer } from 'preact/hooks';
import type { RobotClock } from '../robot/robot-clock.js';

/** The robot's time in Unix milliseconds; rerenders the component every `intervalMs`. */
export function useNow(clock: RobotClock, intervalMs: number): number {
  const [, tick] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => tick(undefined), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return clock.nowMs();
}

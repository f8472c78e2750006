import type { AlertRuleConfig } from '../config/schema.js';

/** What the clock of the board shows. */
export interface LocalTime {
  /** 0 = Sunday … 6 = Saturday. */
  day: number;
  /** Minutes since midnight, 0..1439. */
  minute: number;
}

type Schedule = Pick<AlertRuleConfig, 'schedule' | 'whileClockUnset'>;

/** Boards without a clock battery start in 1970, or when their image was made. */
const FIRST_TRUE_YEAR = 2024;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const MINUTES_OF_DAY = 1_440;

/** @returns null when the clock is not set */
export function localTimeOf(date: Date): LocalTime | null {
  if (!(date.getFullYear() >= FIRST_TRUE_YEAR)) return null;
  return { day: date.getDay(), minute: 60 * date.getHours() + date.getMinutes() };
}

/**
 * Whether a rule applies. The begin of a window belongs to it, its end does not.
 * @param now null: the clock is not set
 */
export function applies({ schedule, whileClockUnset }: Schedule, now: LocalTime | null): boolean {
  if (schedule.length === 0) return true;
  if (now === null) return whileClockUnset === 'apply';
  return schedule.some((window) => holds(window, now));
}

function holds({ days, from, to }: Schedule['schedule'][number], { day, minute }: LocalTime) {
  const begin = minuteOf(from);
  const end = minuteOf(to) > begin ? minuteOf(to) : minuteOf(to) + MINUTES_OF_DAY;
  const beginsOn = (weekday: number): boolean => days.some((name) => name === DAYS[weekday]);
  const sinceYesterday = minute + MINUTES_OF_DAY;
  return (
    (beginsOn(day) && minute >= begin && minute < end) ||
    (beginsOn((day + 6) % 7) && sinceYesterday >= begin && sinceYesterday < end)
  );
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(':');
  return 60 * Number(hours) + Number(minutes);
}

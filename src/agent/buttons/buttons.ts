import type { InputLine } from '../../alerts/input-line.js';
import { type InputDriver, openInput } from '../../alerts/open-input.js';
import type { AlarmSwitch } from '../../base/alarms.js';
import { isHeadlandError, serialiseError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { SideService } from '../../base/side-service.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { Config } from '../../config/schema.js';
import type { Button } from './press.js';

/** Interval of the check for presses. The kernel keeps those between two checks. */
const POLL_MS = 20;
/** A person presses no faster. More comes from a loose contact, and each press is an audit entry. */
const MAX_PRESSES_PER_SECOND = 4;

export interface ButtonParts {
  /** What a press does. */
  press(button: Button): Promise<void>;
  alarms: AlarmSwitch;
  repeats: Repeats;
  log: Log;
  openInput?: typeof openInput;
}

interface Watched {
  button: Button;
  line: InputLine | null;
  service: SideService;
  /** Presses of the second that began at this time. */
  recent: { sinceMs: number; presses: number };
}

/**
 * Watches the buttons and carries out what a press means. A button that cannot be opened or read raises
 * an alarm and is retried; the others keep working.
 */
export class Buttons {
  readonly #watched: Watched[];
  #repetition: Repetition | null = null;

  constructor(
    { driver, inputs }: Config['gpio'],
    private readonly parts: ButtonParts,
  ) {
    this.#watched = driver === 'none' ? [] : inputs.map((button) => this.#watch(driver, button));
  }

  /** Opens the buttons; resolves after one attempt at each. */
  async start(): Promise<void> {
    if (this.#watched.length === 0) return;
    this.#repetition = this.parts.repeats.every({
      name: 'buttons',
      what: 'read the buttons',
      intervalMs: POLL_MS,
      run: () => this.poll(),
    });
    await Promise.all(this.#watched.map(({ service }) => service.start()));
  }

  /** Carries out the presses since the last call. */
  poll(): void {
    for (const watched of this.#watched) {
      try {
        const nowMs = performance.now();
        const changes = watched.line?.changes(nowMs) ?? [];
        for (const { active } of changes) if (active) void this.#pressed(watched, nowMs);
      } catch (error) {
        watched.line?.close();
        watched.line = null;
        watched.service.failed(error);
      }
    }
  }

  async stop(): Promise<void> {
    await this.#repetition?.stop();
    for (const watched of this.#watched) {
      await watched.service.stop();
      watched.line?.close();
    }
  }

  #watch(driver: InputDriver, button: Button): Watched {
    const { alarms, log, openInput: open = openInput } = this.parts;
    const service = new SideService({
      alarm: `input-${button.name}`,
      alarms,
      open: async () => {
        watched.line?.close();
        watched.line = null;
        watched.line = await open(driver, button);
        log.info({ button: button.name, line: watched.line.description }, 'button ready');
      },
    });
    const recent = { sinceMs: Number.NEGATIVE_INFINITY, presses: 0 };
    const watched: Watched = { button, line: null, service, recent };
    return watched;
  }

  /** A press that fails is logged and audited, and changes nothing else. */
  async #pressed({ button, recent }: Watched, nowMs: number): Promise<void> {
    const { log } = this.parts;
    const facts = { button: button.name, action: button.action.kind };
    const isCapture = button.action.kind === 'capture';
    const presses = countPress(recent, nowMs);
    const isTooFast = presses > MAX_PRESSES_PER_SECOND;
    if (isTooFast && !isCapture) {
      if (presses > MAX_PRESSES_PER_SECOND + 1) return;
      log.warn(
        facts,
        `button: more than ${MAX_PRESSES_PER_SECOND} presses a second, the others are ignored: look for a loose contact, or raise debounceMs`,
      );
      return;
    }
    try {
      await this.parts.press(button);
      log[isCapture ? 'debug' : 'info'](facts, 'button pressed');
    } catch (error) {
      const { code, message, remedy } = serialiseError(error);
      if (isHeadlandError(error))
        log[isTooFast ? 'debug' : 'warn']({ ...facts, code, remedy }, `button: ${message}`);
      else log.error({ ...facts, err: error }, `button: ${message}`);
    }
  }
}

/** @returns how many presses there were in this second */
function countPress(recent: Watched['recent'], nowMs: number): number {
  if (nowMs - recent.sinceMs >= 1_000) {
    recent.sinceMs = nowMs;
    recent.presses = 0;
  }
  recent.presses += 1;
  return recent.presses;
}

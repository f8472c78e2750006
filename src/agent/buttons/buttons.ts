import type { InputLine } from '../../alerts/input-line.js';
import { type InputDriver, openInput } from '../../alerts/open-input.js';
import type { AlarmSwitch } from '../../base/alarms.js';
import { isHeadlandError, serialiseError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { SideService } from '../../base/side-service.js';
import type { Config } from '../../config/schema.js';
import type { Button } from './press.js';

/** Interval of the check for presses. The kernel keeps those between two checks. */
const POLL_MS = 20;

export interface ButtonParts {
  /** What a press does. */
  press(button: Button): Promise<void>;
  alarms: AlarmSwitch;
  log: Log;
  openInput?: typeof openInput;
}

interface Watched {
  button: Button;
  line: InputLine | null;
  service: SideService;
}

/**
 * Watches the buttons and carries out what a press means. A button that cannot be opened or read raises
 * an alarm and is retried; the others keep working.
 */
export class Buttons {
  readonly #watched: Watched[];
  #timer: NodeJS.Timeout | null = null;

  constructor(
    { driver, inputs }: Config['gpio'],
    private readonly parts: ButtonParts,
  ) {
    this.#watched = driver === 'none' ? [] : inputs.map((button) => this.#watch(driver, button));
  }

  /** Opens the buttons; resolves after one attempt at each. */
  async start(): Promise<void> {
    if (this.#watched.length === 0) return;
    this.#timer = setInterval(() => this.poll(), POLL_MS);
    await Promise.all(this.#watched.map(({ service }) => service.start()));
  }

  /** Carries out the presses since the last call. */
  poll(): void {
    for (const watched of this.#watched) {
      try {
        const changes = watched.line?.changes(performance.now()) ?? [];
        for (const { active } of changes) if (active) void this.#pressed(watched.button);
      } catch (error) {
        watched.line?.close();
        watched.line = null;
        watched.service.failed(error);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
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
    const watched: Watched = { button, line: null, service };
    return watched;
  }

  /** A press that fails is logged and audited, and changes nothing else. */
  async #pressed(button: Button): Promise<void> {
    const { log } = this.parts;
    const facts = { button: button.name, action: button.action.kind };
    try {
      await this.parts.press(button);
      log.info(facts, 'button pressed');
    } catch (error) {
      const { code, message, remedy } = serialiseError(error);
      if (isHeadlandError(error)) log.warn({ ...facts, code, remedy }, `button: ${message}`);
      else log.error({ ...facts, err: error }, `button: ${message}`);
    }
  }
}

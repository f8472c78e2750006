import { type AlertEvent, AlertRules, observationOf } from '../alerts/rules.js';
import { localTimeOf } from '../alerts/schedule.js';
import type { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { CapturedPicture, Frame } from '../camera/camera.js';
import { createDriver, type ResolvedCameraConfig } from '../camera/open-driver.js';
import { FrameStage } from '../camera/stage/frame-stage.js';
import type { CameraConfig, Config } from '../config/schema.js';
import { Perception } from '../perception/perception.js';
import type { Perceived, ServingHead } from '../perception/perception-protocol.js';
import { perceptionSettings } from './seeing/perception-settings.js';

/** As often as the daemon clears expired alerts. */
const TICK_MS = 250;

export interface SimulationOptions {
  config: Config;
  /** The camera whose picture settings and rules are used; its driver is not opened. */
  camera: CameraConfig;
  /** Shows the recording once, as fast as it is received. */
  recording: ResolvedCameraConfig;
  framesPerSecond: number;
  /** When the first picture was taken, for rules with a schedule; null: as if the clock were not set. */
  startsAt: Date | null;
  /** Heads by task; a task without one raises nothing. */
  serving: ReadonlyMap<string, ServingHead>;
  log: Log;
  onFrame?: (frames: number) => void;
}

export interface OutputSwitch {
  output: string;
  on: boolean;
  /** Since the first picture, milliseconds. */
  atMs: number;
}

/** What alert rules would have done on a recording. Times are since its first picture. */
export interface AlertSimulation {
  pictures: number;
  /** Pictures that could not be decoded. */
  refused: number;
  durationMs: number;
  events: AlertEvent[];
  switches: OutputSwitch[];
}

interface TimedFrame extends Frame {
  atMs: number;
}

/**
 * Applies the alert rules of a configuration to a recording, as fast as it can be classified. Time
 * is that of the recording: picture n comes at n / framesPerSecond.
 *
 * @throws HeadlandError HL_CAMERA_…, and the errors of {@link Perception}
 */
export async function simulateAlerts(options: SimulationOptions): Promise<AlertSimulation> {
  const { config, camera, recording, framesPerSecond, startsAt, serving, log } = options;
  const timeline = new Timeline(config, startsAt);
  let refused = 0;
  const onRefused = (): void => {
    refused += 1;
  };
  let failure: HeadlandError | null = null;
  const stop = new AbortController();
  const giveUp = (error: HeadlandError): void => {
    failure = error;
    stop.abort();
  };
  const perception = new Perception<TimedFrame>(
    perceptionSettings(config),
    {
      onPerceived: (frame, perceived) => timeline.observe(frame, perceived),
      onRefused,
      onFailure: giveUp,
      onHeadLost: (_task, error) => giveUp(error),
    },
    log,
  );
  let pictures = 0;
  const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = config.inference;
  const stage = new FrameStage(
    camera,
    { maxBytes, maxPixels },
    {
      onFrame: (frame) => perception.submit(frame as TimedFrame),
      onRefused,
      onQuality: () => {},
    },
  );
  const show = (picture: CapturedPicture): unknown => {
    const atMs = (pictures * 1_000) / framesPerSecond;
    pictures += 1;
    options.onFrame?.(pictures);
    timeline.tick(atMs);
    const frame: TimedFrame = {
      ...picture,
      camera: camera.name,
      region: null,
      sequence: pictures,
      capturedAtMs: atMs,
      atMs,
    };
    return stage.submit(frame);
  };
  try {
    await perception.start();
    for (const [task, head] of serving) await perception.swapHead(task, head);
    await createDriver(recording, { log }).capture(show, stop.signal);
    if (failure) throw failure;
  } finally {
    stage.close();
    await perception.stop();
  }
  const durationMs = (pictures * 1_000) / framesPerSecond;
  timeline.end(durationMs);
  const { events, switches } = timeline;
  return { pictures, refused, durationMs, events, switches };
}

/** Alerts and outputs in the time of the recording. */
class Timeline {
  readonly events: AlertEvent[] = [];
  readonly switches: OutputSwitch[] = [];
  readonly #rules: AlertRules;
  readonly #longestMs: number;
  #on = new Set<string>();
  #tickMs = 0;
  #nowMs = 0;

  constructor({ alerts }: Pick<Config, 'alerts'>, startsAt: Date | null) {
    this.#rules = new AlertRules(alerts, () =>
      startsAt === null ? null : localTimeOf(new Date(startsAt.getTime() + this.#nowMs)),
    );
    const delaysMs = alerts.rules.map(({ holdMs, minOnMs, delayMs, delayMeters }) => {
      const { metersPerSecond } = alerts;
      const travelMs =
        delayMeters !== null && metersPerSecond ? (1_000 * delayMeters) / metersPerSecond : 0;
      return Math.max(holdMs, minOnMs) + delayMs + travelMs;
    });
    const limitsMs = alerts.rules.map(({ minOnMs, minOffMs }) => minOnMs + minOffMs);
    this.#longestMs = Math.max(0, ...delaysMs) + Math.max(0, ...limitsMs);
  }

  observe(frame: TimedFrame, { answers }: Perceived): void {
    const { atMs } = frame;
    this.#nowMs = atMs;
    for (const answer of answers) {
      this.events.push(...this.#rules.observe(observationOf(frame, answer, atMs)));
    }
    this.#follow(atMs);
  }

  /** Lets time pass as the daemon does. */
  tick(nowMs: number): void {
    for (; this.#tickMs <= nowMs; this.#tickMs += TICK_MS) {
      this.#nowMs = this.#tickMs;
      this.events.push(...this.#rules.tick(this.#tickMs));
      this.#follow(this.#tickMs);
    }
  }

  /** Lets what is still raised end. */
  end(nowMs: number): void {
    this.tick(nowMs + this.#longestMs + TICK_MS);
  }

  #follow(nowMs: number): void {
    for (let next = this.#rules.nextSwitchMs; next !== null && next <= nowMs; ) {
      this.#switch(next);
      next = this.#rules.nextSwitchMs;
    }
  }

  #switch(atMs: number): void {
    const active = this.#rules.activeOutputs(atMs);
    for (const output of new Set([...active, ...this.#on])) {
      const on = active.has(output);
      if (on !== this.#on.has(output)) this.switches.push({ output, on, atMs });
    }
    this.#on = active;
  }
}

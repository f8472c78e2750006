import { stat } from 'node:fs/promises';
import { servingHead } from '../../agent/learning/instant-service.js';
import { openState, type State } from '../../agent/open-state.js';
import { type AlertSimulation, simulateAlerts } from '../../agent/simulate-alerts.js';
import type { AlertEvent } from '../../alerts/rules.js';
import { HeadlandError } from '../../base/errors.js';
import { eyeOf } from '../../base/words/eye.js';
import type { ResolvedCameraConfig } from '../../camera/open-driver.js';
import { type CameraConfig, type Config, configSchema } from '../../config/schema.js';
import type { ServingHead } from '../../perception/perception-protocol.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { noServingHead } from '../support/serving-head.js';
import type { StateOptions } from '../support/state-options.js';

export interface SimulateOptions extends StateOptions {
  camera?: string;
  fps: number;
  speed?: number;
  startsAt?: Date;
  json?: boolean;
}

/** Width of the timeline, characters. */
const TIMELINE = 48;

export async function simulate(path: string, options: SimulateOptions): Promise<void> {
  const config = configured(options);
  if (config.alerts.rules.length === 0) {
    throw new HeadlandError('HL_ALERTS_NO_RULES', 'the configuration has no alert rules', {
      remedy: 'Add rules to alerts.rules, and give the configuration: --config FILE.',
    });
  }
  const camera = cameraOf(config, options.camera);
  const recording = await recordingOf(path, options.fps);
  const log = commandLog();
  const state = openState(config, log);
  const progress = showProgress();
  try {
    const serving = await servingHeads(state);
    await fetchBackbone(config, log);
    const result = await simulateAlerts({
      config,
      camera,
      recording,
      framesPerSecond: options.fps,
      startsAt: options.startsAt ?? null,
      serving,
      log,
      onFrame: (frames) =>
        progress.show({ what: 'replaying', done: frames, total: null, unit: 'pictures' }),
    }).finally(() => progress.stop());
    if (options.json) printJson(result);
    else {
      print(result, config.tasks.length > 0);
      if (options.startsAt === undefined) sayClock(config);
    }
  } finally {
    state.close();
  }
}

/** Rules with a schedule did what they do on a board whose clock is not set. */
function sayClock({ alerts }: Config): void {
  const names = alerts.rules.filter(({ schedule }) => schedule.length > 0).map(({ name }) => name);
  if (names.length === 0) return;
  printLine(
    `the time of the recording is not known: ${names.join(', ')} followed whileClockUnset; give --starts-at`,
  );
}

/**
 * The serving heads by task.
 * @throws HeadlandError HL_EVALUATE_NO_HEAD when no task has one
 */
async function servingHeads(state: State): Promise<Map<string, ServingHead>> {
  const serving = new Map<string, ServingHead>();
  for (const { name, heads } of state.tasks) {
    const current = await heads.current();
    if (current !== null) serving.set(name, servingHead(await heads.load(current)));
  }
  if (serving.size === 0) throw noServingHead();
  return serving;
}

function configured(options: SimulateOptions): Config {
  const config = resolveConfig(options);
  const { speed } = options;
  if (speed === undefined) return config;
  return { ...config, alerts: { ...config.alerts, metersPerSecond: speed } };
}

function cameraOf({ cameras }: Config, name: string | undefined): CameraConfig {
  const camera = name === undefined ? cameras[0] : cameras.find((each) => each.name === name);
  if (camera) return camera;
  throw new HeadlandError('HL_CAMERA_UNKNOWN', `there is no camera "${name}"`, {
    remedy: `Use one of: ${cameras.map((each) => each.name).join(', ')}.`,
  });
}

/** A camera that shows a video file or a folder of photos once, picture by picture. */
async function recordingOf(path: string, framesPerSecond: number): Promise<ResolvedCameraConfig> {
  const found = await stat(path).catch(() => null);
  if (!found) {
    throw new HeadlandError('HL_RECORDING_MISSING', `${path} does not exist`, {
      remedy: 'Give the path of a video file or of a folder of photos.',
    });
  }
  const { cameras } = configSchema.parse({
    cameras: [
      found.isFile()
        ? { driver: 'ffmpeg', input: path, framesPerSecond, realTime: false }
        : { driver: 'replay', path, intervalMs: 0, loop: false },
    ],
  });
  return cameras[0] as ResolvedCameraConfig;
}

function print(
  { pictures, refused, durationMs, events, switches }: AlertSimulation,
  namesTasks: boolean,
): void {
  const nameOf = (event: AlertEvent): string =>
    [event.rule, ...(namesTasks ? [event.task] : []), placeOf(event)].join(' ');
  printLine(
    `${pictures} pictures, ${seconds(durationMs)}` +
      (refused > 0 ? `; ${refused} could not be decoded` : ''),
  );
  const times = (kinds: { key: string; on: boolean; atMs: number }[]): [string, string][] => {
    const keys = [...new Set(kinds.map(({ key }) => key))].sort();
    return keys.map((key) => [
      key,
      timeline(
        kinds.filter((each) => each.key === key),
        durationMs,
      ),
    ]);
  };
  const alerts = times(
    events.map((event) => ({ key: nameOf(event), on: event.state === 'raised', atMs: event.atMs })),
  );
  if (alerts.length === 0) {
    printLine('no alert was raised');
    return;
  }
  printLine('alerts:');
  printLine(table(alerts));
  const outputs = times(switches.map(({ output, on, atMs }) => ({ key: output, on, atMs })));
  if (outputs.length > 0) {
    printLine('outputs:');
    printLine(table(outputs));
  }
  printLine('events:');
  printLine(
    table(
      events.map((event) => [
        seconds(event.atMs),
        event.state,
        nameOf(event),
        event.state === 'raised' ? `${event.label} ${event.probability?.toFixed(2)}` : '',
        event.output ?? '',
      ]),
    ),
  );
}

/** One character per part of the recording: # where it is on, else a dot. */
function timeline(changes: readonly { on: boolean; atMs: number }[], durationMs: number): string {
  const partMs = durationMs / TIMELINE;
  let line = '';
  for (let part = 0; part < TIMELINE; part++) {
    const [fromMs, toMs] = [part * partMs, (part + 1) * partMs];
    const before = changes.findLast(({ atMs }) => atMs <= fromMs)?.on === true;
    const within = changes.some(({ on, atMs }) => on && atMs > fromMs && atMs < toMs);
    line += before || within ? '#' : '.';
  }
  return line;
}

/** Conditions do not occur in a recording: every alert has a camera. */
function placeOf({ camera, region }: AlertEvent): string {
  return camera === null ? '' : eyeOf({ camera, region });
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { runTool, type Tool } from './camera-tool.js';

export interface V4l2Settings {
  exposureMicroseconds: number | null;
  /** Values by control name, in the order in which to set them. */
  v4l2Controls: Readonly<Record<string, number>>;
}

/** V4L2_EXPOSURE_MANUAL of linux/v4l2-controls.h. */
const MANUAL = 1;
/** Unit of V4L2_CID_EXPOSURE_ABSOLUTE. */
const EXPOSURE_STEP_MICROSECONDS = 100;
/** Names of exposure mode and exposure time since Linux 5.14, and before. */
const EXPOSURE_NAMES = [
  { mode: 'auto_exposure', time: 'exposure_time_absolute' },
  { mode: 'exposure_auto', time: 'exposure_absolute' },
];
const TIMEOUT_MS = 5_000;

/**
 * Sets exposure and other controls of a V4L2 device with v4l2-ctl, since ffmpeg has no options for
 * them. Each control must be one that the device lists. A control that cannot be set is logged and
 * does not stop the camera: an overexposed picture is better than none. Does nothing when nothing
 * is configured.
 */
export async function setV4l2Controls(
  device: string,
  settings: V4l2Settings,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { exposureMicroseconds, v4l2Controls } = settings;
  if (exposureMicroseconds === null && Object.keys(v4l2Controls).length === 0) return;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const known = await listControls(device, limit);
    for (const [name, value] of wantedControls(settings, known)) {
      if (known.has(name)) await setControl(device, name, value, limit);
      else throw refused(device, name, `its controls are: ${[...known].join(', ') || 'none'}`);
    }
  } catch (error) {
    if (!(error instanceof HeadlandError)) throw error;
    const { code, message, remedy } = error;
    if (!signal.aborted) log.warn({ code, device, remedy }, `camera control not set: ${message}`);
  }
}

/** Exposure mode first: a camera ignores gain and exposure time while they are automatic. */
function wantedControls(settings: V4l2Settings, known: ReadonlySet<string>): [string, number][] {
  const { exposureMicroseconds, v4l2Controls } = settings;
  const others = Object.entries(v4l2Controls);
  if (exposureMicroseconds === null) return others;
  const names = EXPOSURE_NAMES.find(({ time }) => known.has(time)) ?? EXPOSURE_NAMES[0]!;
  const steps = Math.max(1, Math.round(exposureMicroseconds / EXPOSURE_STEP_MICROSECONDS));
  return [[names.mode, MANUAL], [names.time, steps], ...others];
}

async function listControls(device: string, signal: AbortSignal): Promise<Set<string>> {
  const { output, failed } = await v4l2Ctl(device, ['--list-ctrls'], signal);
  if (failed !== null) throw refused(device, 'the list of controls', failed);
  // "   brightness 0x00980900 (int)    : min=0 max=255 step=1 default=128 value=128"
  return new Set([...output.matchAll(/^\s*([a-z][a-z0-9_]*) 0x[0-9a-f]+ \(/gm)].map(([, n]) => n!));
}

async function setControl(
  device: string,
  name: string,
  value: number,
  signal: AbortSignal,
): Promise<void> {
  const { failed } = await v4l2Ctl(device, ['--set-ctrl', `${name}=${value}`], signal);
  if (failed !== null) throw refused(device, `${name}=${value}`, failed);
}

async function v4l2Ctl(device: string, options: string[], signal: AbortSignal) {
  const tool: Tool = {
    command: 'v4l2-ctl',
    arguments: ['--device', device, ...options],
    debianPackage: 'v4l-utils',
  };
  let output = '';
  const exit = await runTool(tool, (chunk) => (output += Buffer.from(chunk)), signal);
  const failed = exit.code === 0 ? null : (exit.lastLines.at(-1) ?? 'v4l2-ctl did not finish');
  return { output, failed };
}

function refused(device: string, what: string, why: string): HeadlandError {
  return new HeadlandError('HL_CAMERA_CONTROL_REFUSED', `${device} refuses ${what}: ${why}`, {
    remedy: `Compare the settings with what \`v4l2-ctl -d ${device} --list-ctrls\` shows.`,
    details: { device },
  });
}

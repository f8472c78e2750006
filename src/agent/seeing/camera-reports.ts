import type { Log } from '../../base/log.js';
import type { CameraCondition, CameraQuality } from '../../camera/stage/quality-watch.js';
import type { CameraQualityBody, EventBody } from '../../telemetry/contract/messages.js';
import { isoTime, round } from '../reporting/agent-messages.js';

/** Receives the reports of cameras. */
export interface CameraReportSink {
  cameraQuality(body: CameraQualityBody): void;
  event(body: EventBody): void;
}

const ADVICE: Record<CameraCondition, string> = {
  good: 'its pictures are good again',
  garbage: 'its pictures cannot be decoded: check cable and resolution',
  dark: 'its pictures are almost black: check light, lens cap and exposure',
  overexposed: 'its pictures are overexposed: check exposure and the direction of the sun',
  blurred: 'its pictures are less sharp than usual: clean the lens, check focus and exposure time',
};

/** Publishes the image quality of cameras, and an event whenever a camera's condition changes. */
export class CameraReports {
  readonly #conditions = new Map<string, CameraCondition>();

  constructor(
    private readonly sink: CameraReportSink,
    private readonly log: Log,
  ) {}

  /** @returns whether the condition of the camera has changed */
  measured(camera: string, quality: CameraQuality): boolean {
    this.sink.cameraQuality(cameraQualityMessage(camera, quality));
    const { condition } = quality;
    const before = this.#conditions.get(camera);
    if (condition === null || condition === before) return false;
    this.#conditions.set(camera, condition);
    if (before === undefined && condition === 'good') return true;
    const message = `camera ${camera}: ${ADVICE[condition]}`;
    const details = { camera, condition, before: before ?? null };
    const good = condition === 'good';
    this.log[good ? 'info' : 'warn'](details, message);
    this.sink.event({ kind: 'camera', severity: good ? 'info' : 'warning', message, details });
    return true;
  }
}

/** Converts a measurement to a message of the MQTT contract. */
export function cameraQualityMessage(camera: string, quality: CameraQuality): CameraQualityBody {
  const { condition, measuredAtMs, measured, usualSharpness } = quality;
  return {
    camera,
    condition,
    captured_at: isoTime(measuredAtMs),
    mean_luma: measured && round(measured.meanLuma),
    saturation: measured && round(measured.saturation),
    overexposed_share: measured && round(measured.overexposedShare),
    sharpness: measured && significant(measured.sharpness),
    usual_sharpness: usualSharpness === null ? null : significant(usualSharpness),
  };
}

/** Three significant digits, because sharpness is a small ratio without a fixed scale. */
function significant(value: number): number {
  return Number(value.toPrecision(3));
}

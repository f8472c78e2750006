import type { Log } from '../../base/log.js';
import type { Repeats } from '../../base/timers/scheduler.js';
import { PictureCutter } from '../../camera/stage/cutter.js';
import type { CameraState, WholePicture } from '../../camera/supervisor.js';
import type { CameraConfig, Config } from '../../config/schema.js';
import { smallJpeg } from '../../vision/scale-down.js';

/** The socket holds one for each camera on a slow link. */
const MOST = { sidePx: 640, bytes: 131_072 };

/** What is needed of a running camera. */
interface PicturedCamera {
  config: CameraConfig;
  supervisor: {
    readonly latest: WholePicture | null;
    state(): Pick<CameraState, 'framesTotal'>;
  };
}

export interface PictureReportsOptions {
  config: Pick<Config, 'mqtt' | 'inference'>;
  cameras: readonly PicturedCamera[];
  telemetry: { readonly connected: boolean; picture(camera: string, jpeg: Uint8Array): boolean };
  repeats: Repeats;
  log: Log;
}

/**
 * Sends the newest picture of each camera again and again, small and with what the settings crop and
 * mask; without regions. The default settings send none. Pictures are made one after another, off the
 * main thread.
 */
export class PictureReports {
  /** `framesTotal` of the picture that was sent last, by camera. */
  readonly #sent = new Map<string, number>();

  constructor(private readonly options: PictureReportsOptions) {}

  start(): void {
    const { enabled, pictureIntervalMs } = this.options.config.mqtt.homeAssistant;
    if (!enabled || pictureIntervalMs === null) return;
    this.options.repeats.every({
      name: 'broker-pictures',
      what: 'send pictures to the broker',
      intervalMs: pictureIntervalMs,
      run: () => this.send(),
    });
  }

  /** Sends the picture of each camera that has a new one. */
  async send(): Promise<void> {
    const { cameras, telemetry, log } = this.options;
    for (const { config, supervisor } of cameras) {
      const { latest } = supervisor;
      const { framesTotal } = supervisor.state();
      if (!telemetry.connected) return;
      if (latest === null || this.#sent.get(config.name) === framesTotal) continue;
      try {
        const jpeg = await this.#small(latest.picture, config);
        if (telemetry.picture(config.name, jpeg)) this.#sent.set(config.name, framesTotal);
      } catch (error) {
        // Whoever decodes it for a decision counts and reports it.
        this.#sent.set(config.name, framesTotal);
        log.debug({ err: error, camera: config.name }, 'no picture for the broker');
      }
    }
  }

  async #small(picture: Uint8Array, settings: CameraConfig): Promise<Uint8Array> {
    const { maxPictureBytes, maxPicturePixels } = this.options.config.inference;
    const limits = { maxBytes: maxPictureBytes, maxPixels: maxPicturePixels };
    const { crop, masks, jpegQuality } = settings;
    const cutter = new PictureCutter({ crop, masks, jpegQuality, regions: [] }, limits);
    const [whole] = await cutter.cut(picture);
    return smallJpeg(whole!.jpeg, MOST, limits);
  }
}

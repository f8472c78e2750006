import { HeadlandError } from '../../base/errors.js';
import { type FoundCamera, findCameras } from '../../camera/open-driver.js';
import { type CutPicture, PictureCutter } from '../../camera/stage/cutter.js';
import { type NamedRegion, regionsOf } from '../../camera/stage/regions.js';
import type { CameraSupervisor, WholePicture } from '../../camera/supervisor.js';
import { validateConfig } from '../../config/load.js';
import type { CameraConfig, Config } from '../../config/schema.js';
import { scaleDown } from '../../vision/scale-down.js';

/** How a picture is divided, as in the settings of a camera. */
export type PictureLayout = Pick<CameraConfig, 'crop' | 'regions' | 'masks'>;

/** What is needed of a running camera. */
interface PicturedCamera {
  config: CameraConfig;
  supervisor: Pick<CameraSupervisor, 'latest'>;
}

/** Width of the pictures of a preview. */
const PREVIEW_WIDTH_PIXELS = 320;

/** What a person sees of a camera who sets it up. */
export class CameraPictures {
  constructor(
    private readonly cameras: readonly PicturedCamera[],
    private readonly config: Pick<Config, 'inference'>,
    private readonly find: () => Promise<FoundCamera[]> = findCameras,
  ) {}

  /**
   * The newest picture of a camera, whole and as captured: what masks cover is on it.
   * @throws HeadlandError HL_CAMERA_UNKNOWN, HL_FRAME_NONE
   */
  still(name: string): WholePicture {
    const { latest } = this.#camera(name).supervisor;
    if (latest) return latest;
    throw new HeadlandError('HL_FRAME_NONE', `there is no picture of camera "${name}" yet`, {
      remedy: 'Look at the state of the camera: it tells why it delivers no pictures.',
      details: { camera: name },
    });
  }

  /** @throws HeadlandError HL_CAMERA_UNKNOWN */
  layout(name: string): PictureLayout & { boxes: NamedRegion[] } {
    const { crop, regions, masks } = this.#camera(name).config;
    return { crop, regions, masks, boxes: regionsOf({ regions }) };
  }

  /**
   * The newest picture of a camera as other settings would divide it, scaled down; saves nothing.
   * @param layout of plain JSON
   * @throws HeadlandError HL_CONFIG_INVALID, HL_CAMERA_UNKNOWN, HL_FRAME_NONE, HL_PICTURE_…
   */
  async preview(name: string, layout: unknown): Promise<CutPicture[]> {
    const { config } = this.#camera(name);
    const { maxPictureBytes, maxPicturePixels } = this.config.inference;
    const { picture } = this.still(name);
    const [proposed] = validateConfig({
      cameras: [
        { driver: 'simulated', name, jpegQuality: config.jpegQuality, ...(layout as object) },
      ],
    }).cameras;
    const cutter = new PictureCutter(proposed!, {
      maxBytes: maxPictureBytes,
      maxPixels: maxPicturePixels,
    });
    const cut = await cutter.cut(picture);
    return Promise.all(
      cut.map(async ({ region, jpeg }) => {
        return { region, jpeg: (await scaleDown(jpeg, PREVIEW_WIDTH_PIXELS)).bytes };
      }),
    );
  }

  /** The cameras of this machine, and which of them the settings name already. */
  async found(): Promise<(FoundCamera & { camera: string | null })[]> {
    const found = await this.find();
    return found.map((each) => ({ ...each, camera: this.#nameOf(each) }));
  }

  #nameOf({ settings }: FoundCamera): string | null {
    const present = this.cameras.find(({ config }) => {
      if (settings.driver === 'rpicam') {
        return config.driver === 'rpicam' && config.cameraIndex === settings.cameraIndex;
      }
      if (config.driver === 'webcam') return config.device === settings.input;
      return config.driver === 'ffmpeg' && config.input === settings.input;
    });
    return present?.config.name ?? null;
  }

  #camera(name: string): PicturedCamera {
    const camera = this.cameras.find(({ config }) => config.name === name);
    if (camera) return camera;
    throw new HeadlandError('HL_CAMERA_UNKNOWN', `there is no camera "${name}"`, {
      remedy: `Use one of: ${this.cameras.map(({ config }) => config.name).join(', ')}.`,
    });
  }
}

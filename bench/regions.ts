import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import type { Frame } from '../src/camera/camera.js';
import { PictureCutter } from '../src/camera/stage/cutter.js';
import { FrameStage } from '../src/camera/stage/frame-stage.js';
import { validateConfig } from '../src/config/load.js';
import { decodePicture } from '../src/vision/decode.js';
import type { RgbImage } from '../src/vision/image.js';
import { cameraPictures } from './support/camera-pictures.js';
import { benchPerception, serveHead } from './support/perception.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { quantile, round, took } from './support/timings.js';

const WARM_UP = 5;
const PICTURES = 40;
const GRIDS = [
  { columns: 1, rows: 1 },
  { columns: 2, rows: 1 },
  { columns: 3, rows: 2 },
];

/**
 * The cost of regions: the whole way of a 640 x 480 picture whose image is divided into a grid, and,
 * turn by turn in the same run, its parts bare in this thread: cutting, decoding a region, the
 * forward pass. One picture after the other.
 */
export async function run(): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const grids = GRIDS.map((regions) => ({
    driver: 'simulated',
    name: `grid${regions.columns}x${regions.rows}`,
    regions,
  }));
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir }, cameras: grids });
  const card = await preparedCard(config);
  const bare = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const perception = benchPerception(config, {});
  await perception.start();
  await serveHead(perception, bare);
  const jpegs = await cameraPictures();
  const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels, fit } = config.inference;
  const limits = { maxBytes, maxPixels };

  const setups = config.cameras.map((camera) => ({
    camera,
    cutter: new PictureCutter(camera, limits),
    stage: new FrameStage(camera, limits, {
      onFrame: (frame) => perception.submit(frame),
      onRefused: (_, error) => {
        throw error;
      },
      onQuality: () => {},
    }),
    pictureMs: [] as number[],
    cutMs: [] as number[],
    decodeMs: [] as number[],
  }));
  const engineMs: number[] = [];
  for (let n = 0; n < WARM_UP + PICTURES; n++) {
    const jpeg = jpegs[n % jpegs.length]!;
    for (const { camera, cutter, stage, pictureMs, cutMs, decodeMs } of setups) {
      const frame: Frame = {
        camera: camera.name,
        region: null,
        sequence: n + 1,
        capturedAtMs: n,
        jpeg,
      };
      const whole = await took(async () => stage.submit(frame));
      let region = jpeg;
      const cut = await took(async () => {
        region = (await cutter.cut(jpeg))[0]!.jpeg;
      });
      let image: RgbImage | null = null;
      const decode = await took(async () => {
        image = await decodePicture(region, { sizePixels: bare.inputSize, fit, ...limits });
      });
      const engine = await took(() => bare.embed(image as unknown as RgbImage));
      if (n < WARM_UP) continue;
      pictureMs.push(whole);
      cutMs.push(cut);
      decodeMs.push(decode);
      engineMs.push(engine);
    }
  }
  await perception.stop();
  await bare.close();

  const engine = quantile(engineMs, 0.5);
  return {
    backbone: config.models.backbone,
    pictures: PICTURES,
    engine_ms_p50: engine,
    grids: setups.map(({ camera, cutter, pictureMs, cutMs, decodeMs }) => {
      const regions = cutter.masks.size;
      const perRegionMs = quantile(pictureMs, 0.5) / regions;
      const cropMs = quantile(cutMs, 0.5) / regions;
      return {
        grid: camera.name,
        regions,
        picture_ms_p50: quantile(pictureMs, 0.5),
        pictures_per_second: round(1_000 / quantile(pictureMs, 0.5)),
        per_region_ms: round(perRegionMs),
        cut_ms_per_region: round(cropMs),
        decode_ms_p50: quantile(decodeMs, 0.5),
        ratio_to_engine_and_cut: round(perRegionMs / (engine + cropMs)),
      };
    }),
  };
}

import type { Measurement, Strain } from './bench-measure.js';

/** A figure that others have published of a board. */
export interface PublishedFigure {
  runtime: string;
  network: string;
  precision: 'fp32' | 'int8';
  /** Null: several, their number is not given. */
  threads: number | null;
  milliseconds: number;
  source: string;
}

const XNNPACK = 'google/XNNPACK, README (February 2022)';
const NCNN = 'Tencent/ncnn, benchmark/README';
const V2 = 'MobileNetV2 224';

const figure = (
  runtime: string,
  network: string,
  precision: 'fp32' | 'int8',
  threads: number | null,
  milliseconds: number,
  source: string,
): PublishedFigure => ({ runtime, network, precision, threads, milliseconds, source });

/** By the beginning of the name in the device tree. */
const PUBLISHED: Record<string, PublishedFigure[]> = {
  'Raspberry Pi 4': [
    figure('XNNPACK', V2, 'fp32', null, 46, XNNPACK),
    figure('XNNPACK', V2, 'int8', null, 17, XNNPACK),
    figure('ncnn', V2, 'fp32', 1, 93.5, NCNN),
    figure('ncnn', V2, 'fp32', 4, 61.9, NCNN),
    figure('ncnn', 'EfficientNet-B0 224', 'fp32', 4, 74.2, NCNN),
  ],
  'Raspberry Pi 5': [
    figure('ncnn', V2, 'fp32', 1, 16.4, NCNN),
    figure('ncnn', V2, 'fp32', 4, 10.5, NCNN),
    figure('ncnn', 'EfficientNet-B0 224', 'fp32', 1, 24.2, NCNN),
    figure('ncnn', 'EfficientNet-B0 224', 'fp32', 4, 12.3, NCNN),
  ],
  'NVIDIA Jetson AGX Orin': [
    figure('ncnn on the CPU', V2, 'fp32', 4, 5.15, NCNN),
    figure('ncnn on the CPU', 'EfficientNet-B0 224', 'fp32', 4, 9.6, NCNN),
    figure('ncnn on the GPU', V2, 'fp32', null, 2.9, NCNN),
  ],
};

/** What is published of this board; empty for any other. Networks at other sizes are a yardstick. */
export function publishedFor(board: string | null): PublishedFigure[] {
  const known = Object.keys(PUBLISHED).find((name) => board?.startsWith(name));
  return known ? (PUBLISHED[known] as PublishedFigure[]) : [];
}

/** More threads must bring so much, because camera, broker and training want the others. */
const WORTH_A_THREAD = 1.2;
const WORTH_8_BITS = 1.1;
/** Below this share of its clock under load a board is held back. */
const FULL_CLOCK = 0.9;
const SLOWER = 1.1;
const HOT_C = 80;
/** Of the frames that can be classified: what is left for everything else. */
const HEADROOM = 0.8;

/** What to set, in sentences, the most important first. */
export function advise(
  measurements: readonly Measurement[],
  strain: Strain,
  /** `unfit`: an 8-bit version is there that was made for kernels of another kind. */
  configured: { backbone: string; threads: number; unfit: boolean },
): { backbone: string; threads: number; sentences: string[] } {
  const chosen = choose(measurements);
  const { backbone, threads, precision, framesPerSecond } = chosen;
  const sentences = [
    `Use models.backbone: ${backbone} with inference.threads: ${threads}` +
      `${backbone === configured.backbone && threads === configured.threads ? ' (as it is)' : ''}: ` +
      `${framesPerSecond.toFixed(1)} frames/s.`,
    `Cameras together may send ${(HEADROOM * framesPerSecond).toFixed(1)} frames/s; what is more is dropped.`,
  ];
  if (precision === 'fp32' && !measurements.some((m) => m.precision === 'int8')) {
    sentences.push(
      configured.unfit
        ? `The 8-bit version was made on another kind of processor and computes other features here: \`headland models quantize ${backbone}\` makes one that fits.`
        : `No 8-bit version has been made: \`headland models quantize ${backbone}\` makes one and says what it loses.`,
    );
  }
  const perThread = measurements.filter((m) => m.backbone === backbone && m.threads > threads);
  if (perThread.length > 0) {
    const best = perThread.reduce((a, b) => (b.framesPerSecond > a.framesPerSecond ? b : a));
    const gain = best.framesPerSecond / framesPerSecond;
    sentences.push(
      `${best.threads} threads would give ${gain.toFixed(2)} times as many; camera and training need the other cores.`,
    );
  }
  if (strain.underVoltage) {
    sentences.push('The supply fell below its limit: use a stronger one, figures are too low.');
  }
  if (strain.leastClockShare !== null && strain.leastClockShare < FULL_CLOCK) {
    sentences.push(
      `The clock ran at ${Math.round(100 * strain.leastClockShare)} % of its limit under load: look at cooling, supply and the frequency governor.`,
    );
  }
  if (strain.temperatureAfterC !== null && strain.temperatureAfterC >= HOT_C) {
    sentences.push(`It became ${strain.temperatureAfterC.toFixed(0)} °C hot: cool it.`);
  }
  if (strain.slowdown > SLOWER) {
    sentences.push(
      `Frames took ${strain.slowdown.toFixed(2)} times as long in the second half: heat, or something else runs here.`,
    );
  }
  return { backbone, threads, sentences };
}

/** The fastest at one thread, then as many threads as each pay. */
function choose(measurements: readonly Measurement[]): Measurement {
  const least = Math.min(...measurements.map((m) => m.threads));
  const single = measurements.filter((m) => m.threads === least);
  const precise = single.find((m) => m.precision === 'fp32') ?? (single[0] as Measurement);
  const quick = single.find((m) => m.precision === 'int8') ?? precise;
  let chosen = quick.framesPerSecond > WORTH_8_BITS * precise.framesPerSecond ? quick : precise;
  const more = measurements
    .filter((m) => m.backbone === chosen.backbone && m.threads > least)
    .sort((a, b) => a.threads - b.threads);
  for (const next of more) {
    const steps = next.threads - chosen.threads;
    if (next.framesPerSecond < chosen.framesPerSecond * WORTH_A_THREAD ** steps) break;
    chosen = next;
  }
  return chosen;
}

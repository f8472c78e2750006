import type { Measurement, Strain } from './bench-measure.js';

/** A published inference time for a board. */
export interface PublishedFigure {
  runtime: string;
  network: string;
  precision: 'fp32' | 'int8';
  /** Null: several, of unknown number. */
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

/** Keyed by the beginning of the board's name in the device tree. */
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

/** Published figures for a board, for comparison; empty if there are none. */
export function publishedFor(board: string | null): PublishedFigure[] {
  const known = Object.keys(PUBLISHED).find((name) => board?.startsWith(name));
  return known ? (PUBLISHED[known] as PublishedFigure[]) : [];
}

/** Minimum speed-up for each further thread, because camera, broker and training need the other cores. */
const WORTH_A_THREAD = 1.2;
const WORTH_8_BITS = 1.1;
/** A clock below this share of its maximum under load indicates throttling. */
const FULL_CLOCK = 0.9;
const SLOWER = 1.1;
const HOT_C = 80;
/** Recommended share of the measured frame rate, which leaves time for everything else. */
const HEADROOM = 0.8;

/** Recommended settings, explained in sentences, the most important first. */
export function advise(
  measurements: readonly Measurement[],
  strain: Strain,
  /** `unfit`: an 8-bit version exists that was made for a processor with other integer kernels. */
  configured: { backbone: string; threads: number; unfit: boolean },
): { backbone: string; threads: number; sentences: string[] } {
  const chosen = choose(measurements);
  const { backbone, threads, precision, framesPerSecond } = chosen;
  const sentences = [
    `Use models.backbone: ${backbone} with inference.threads: ${threads}` +
      `${backbone === configured.backbone && threads === configured.threads ? ' (as configured)' : ''}: ` +
      `${framesPerSecond.toFixed(1)} frames/s.`,
    `All cameras together should send at most ${(HEADROOM * framesPerSecond).toFixed(1)} frames/s; excess frames are dropped.`,
  ];
  if (precision === 'fp32' && !measurements.some((m) => m.precision === 'int8')) {
    sentences.push(
      configured.unfit
        ? `The 8-bit version was made on another kind of processor and computes different features here: \`headland models quantize ${backbone}\` makes one for this processor.`
        : `There is no 8-bit version: \`headland models quantize ${backbone}\` makes one and reports its loss of accuracy.`,
    );
  }
  const perThread = measurements.filter((m) => m.backbone === backbone && m.threads > threads);
  if (perThread.length > 0) {
    const best = perThread.reduce((a, b) => (b.framesPerSecond > a.framesPerSecond ? b : a));
    const gain = best.framesPerSecond / framesPerSecond;
    sentences.push(
      `${best.threads} threads reach ${gain.toFixed(2)} times this frame rate; camera and training need the other cores.`,
    );
  }
  if (strain.underVoltage) {
    sentences.push(
      'The supply voltage fell below its limit: use a stronger supply. The measured rates are too low.',
    );
  }
  if (strain.leastClockShare !== null && strain.leastClockShare < FULL_CLOCK) {
    sentences.push(
      `The clock ran at ${Math.round(100 * strain.leastClockShare)} % of its maximum under load: check cooling, supply and the frequency governor.`,
    );
  }
  if (strain.temperatureAfterC !== null && strain.temperatureAfterC >= HOT_C) {
    sentences.push(
      `The board reached ${strain.temperatureAfterC.toFixed(0)} °C: improve its cooling.`,
    );
  }
  if (strain.slowdown > SLOWER) {
    sentences.push(
      `Frames took ${strain.slowdown.toFixed(2)} times as long in the second half: the board is throttling, or other programs are running.`,
    );
  }
  return { backbone, threads, sentences };
}

/** The faster precision at one thread, then as many threads as each gain enough. */
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

import { Command } from 'commander';
import { openState, type TaskState } from '../../agent/open-state.js';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { loadCard } from '../../backbone/card-folders.js';
import { fullPrecisionName } from '../../backbone/variant.js';
import { mapNonEmpty, type NonEmpty } from '../../base/non-empty.js';
import {
  type QuantizationReport,
  runQuantization,
} from '../../evaluation/backbone/quantize-run.js';
import { probeIntegerKernels } from '../../models/quantize/kernels.js';
import { requireOnnxEngine } from '../../models/quantize/quantize-backbone.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT, formatBytes, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';

interface QuantizeOptions extends TaskOptions {
  photos?: string;
  json?: boolean;
}

const PHASES = {
  calibrate: 'calibrating on pictures',
  compare: 'comparing features',
  accuracy: 'comparing accuracy',
} as const;

/** Quantizes a backbone to 8 bits, compares the variant, and keeps it if it is good enough. */
export function quantizeCommand(): Command {
  return withTaskOptions(
    new Command('quantize').argument(
      '[name]',
      'name of a model card (default: the configured one)',
    ),
    'calibrate and compare on the samples of this task only',
  )
    .option('--photos <dir>', 'calibrate on the pictures in this folder instead')
    .action(async (name: string | undefined, options: QuantizeOptions) => {
      const config = resolveConfig(options);
      const log = commandLog();
      const base = fullPrecisionName(name ?? config.models.backbone);
      // Check the engine before the download.
      requireOnnxEngine(await loadCard(base, config.models.cardsDir, addedCardsDir(config)));
      await fetchBackbone(config, log, base);
      const state = openState(config, log);
      const progress = showProgress();
      try {
        const tasks: NonEmpty<TaskState> =
          options.task === undefined ? state.tasks : [state.task(options.task)];
        progress.begin('reading pictures');
        const report = await runQuantization({
          name: base,
          settings: config,
          cacheDir: config.paths.cacheDir,
          addedCardsDir: addedCardsDir(config),
          stores: mapNonEmpty(tasks, ({ samples }) => samples),
          photosDir: options.photos ?? null,
          log,
          kernels: await probeIntegerKernels(),
          onProgress: (phase, done, total) =>
            progress.show({ what: PHASES[phase], done, total, unit: 'steps' }),
        });
        progress.stop();
        if (options.json) printJson(report);
        else printReport(report, config.models.backbone);
        if (!report.kept) process.exitCode = EXIT.refused;
      } finally {
        progress.stop();
        state.close();
      }
    });
}

function printReport(report: QuantizationReport, configured: string): void {
  const { backbone, variant, accuracies, agreement, milliseconds, bytes, pictures, made } = report;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rows = [
    ['', '32-bit', '8-bit'],
    [
      'forward pass, one thread',
      `${milliseconds.fp32.toFixed(1)} ms`,
      `${milliseconds.int8.toFixed(1)} ms (${report.speedup.toFixed(2)} times as fast)`,
    ],
    ['file', formatBytes(bytes.fp32), formatBytes(bytes.int8)],
    [
      'features, cosine to 32-bit',
      '1',
      `${agreement.cosine.toFixed(4)} (minimum ${agreement.leastCosine.toFixed(4)})`,
    ],
    ['features, relative error', '0', agreement.relativeError.toFixed(3)],
    ...accuracies.map(({ task, samples, fp32, int8 }) => [
      `accuracy on ${samples} labelled samples${accuracies.length > 1 ? ` (${task})` : ''}`,
      percent(fp32),
      percent(int8),
    ]),
  ];
  if (accuracies.length === 0) rows.push(['accuracy', '-', 'too few labelled samples']);
  printLine(`${backbone}: calibrated on ${pictures.calibration} pictures (${pictures.source}),`);
  printLine(
    `${made.layers} layers in 8 bits, ${made.layersLeft} in 32 bits, ranges by ${made.rangeMethod}`,
  );
  if (made.kernels.dense === 'saturating') {
    printLine('8-bit sums saturate on this processor: weights are limited to avoid that');
  }
  printLine();
  printLine(table(rows));
  printLine();
  printLine(`${report.kept ? 'kept' : 'not kept'}: ${report.reason}`);
  if (report.kept && configured !== variant) {
    printLine(`To use it: models.backbone: ${variant}, then restart and \`headland train\`.`);
  }
}

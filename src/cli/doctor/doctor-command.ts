import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { WrittenBundle } from '../../agent/doctor/bundle/support-bundle.js';
import { type DoctorReport, doctorReport } from '../../agent/doctor/doctor-report.js';
import { CHECK_NAMES } from '../../agent/doctor/every-check.js';
import { runChecks } from '../../agent/doctor/run-checks.js';
import { isHeadlandError } from '../../base/errors.js';
import { loadConfigFile } from '../../config/load.js';
import { showProgress } from '../progress/progress.js';
import { formatBytes, printJson, printNote } from '../support/output.js';
import { DEFAULT_CONFIG_PATH } from '../support/state-options.js';
import { packageVersion } from '../support/version.js';
import { renderReport } from './render-report.js';

/** Exit codes of `doctor`, by the worst finding. */
const EXIT_BY_STATE = { ok: 0, skipped: 0, warning: 1, failed: 2 } as const;

interface DoctorOptions {
  config: string;
  only?: string[];
  images?: string;
  bundle?: string;
  json?: boolean;
}

/** Looks at everything that a robot needs, and says what to do about what is wrong. Changes nothing. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .option('--config <file>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addOption(new Option('--only <check...>', 'run only these checks').choices(CHECK_NAMES))
    .option('--images <dir>', 'write the image of each camera into this folder')
    .option(
      '--bundle <file>',
      'write a support bundle (zip) without secrets; with images only if --images is given',
    )
    .option('--json', 'print one JSON object')
    .action(async (options: DoctorOptions) => {
      const { only = CHECK_NAMES, images } = options;
      const configFile = resolve(options.config);
      const request = { configFile, imagesDir: images === undefined ? null : resolve(images) };
      const progress = showProgress();
      const results = await runChecks({
        request,
        checks: only,
        environment: process.env,
        onBegin: (name) => progress.begin(`checking ${name}`),
      }).finally(() => progress.stop());
      const about = { version: packageVersion(), configFile, robot: robotIn(configFile) };
      const report = doctorReport(results, about);
      print(report, options);
      if (options.bundle !== undefined) {
        progress.begin('writing the support bundle');
        const { writeSupportBundle } = await import('../../agent/doctor/bundle/support-bundle.js');
        const bundle = await writeSupportBundle({
          file: resolve(options.bundle),
          report,
          configFile,
          environment: process.env,
          images: imagesIn(report),
        }).finally(() => progress.stop());
        if (!options.json) describeBundle(bundle);
      }
      process.exitCode = EXIT_BY_STATE[report.state];
    });
}

function print(report: DoctorReport, { json }: DoctorOptions): void {
  if (json) printJson(report);
  else process.stdout.write(`${renderReport(report, process.stdout, process.env)}\n`);
}

/** Files of images that the checks have written. */
function imagesIn({ checks }: DoctorReport): string[] {
  return checks.flatMap(({ findings }) =>
    findings.flatMap(({ facts }) => (typeof facts.file === 'string' ? [facts.file] : [])),
  );
}

function describeBundle({ file, bytes, content, missing }: WrittenBundle): void {
  printNote(`\nsupport bundle: ${file} (${formatBytes(bytes)}), without secrets`);
  printNote(`  contains ${content.join(', ')}`);
  if (missing.length > 0) printNote(`  not available here: ${missing.join(', ')}`);
}

function robotIn(configFile: string): string | null {
  // A pipe would block.
  if (!statSync(configFile, { throwIfNoEntry: false })?.isFile()) return null;
  try {
    return loadConfigFile(configFile).robot.id;
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return null;
  }
}

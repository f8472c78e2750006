import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { zipSync } from 'fflate';
import { isHeadlandError } from '../../../base/errors.js';
import { writeFileDurably } from '../../../base/files/durable-files.js';
import { makeContexts } from '../doctor-context.js';
import type { DoctorReport } from '../doctor-report.js';
import { outputUnwritable } from '../output-unwritable.js';
import { bundleParts, collect, type Part } from './bundle-parts.js';
import { secretsInEnvironment, secretsInFiles, secretsInSettings } from './known-secrets.js';
import { Scrubber } from './scrubber.js';
import { readSettings, settingsText } from './settings-text.js';

/** Environment of the service: see the unit. */
const ENVIRONMENT_FILE = '/etc/default/headland';
/** Whoever sends the file decides who sees the log and the settings in it. */
const MODE = 0o600;

export interface BundleOptions {
  file: string;
  report: DoctorReport;
  configFile: string;
  environment: NodeJS.ProcessEnv;
  /** Files of images to put in. */
  images: readonly string[];
}

export interface WrittenBundle {
  file: string;
  bytes: number;
  /** Names of the files in it. */
  content: string[];
  /** Those of them that only say why they are empty. */
  missing: string[];
}

/**
 * Writes what somebody needs who helps from afar: the report, settings, versions, unit, log, trainings,
 * status, board and packages. Every text goes through the {@link Scrubber}.
 * @throws HeadlandError HL_DOCTOR_OUTPUT_UNWRITABLE
 */
export async function writeSupportBundle(options: BundleOptions): Promise<WrittenBundle> {
  const { file, report, configFile, environment, images } = options;
  const { base, robot } = makeContexts({ configFile, imagesDir: null }, environment);
  const unit = await base.unit();
  const written = readSettings(configFile);
  // What is no file of settings, such as a pipe, could hold up whoever reads it.
  const context = written.fault === null ? await robot() : null;
  const scrubber = new Scrubber([
    ...secretsInFiles(written.settings, unit?.credentials ?? new Map()),
    ...secretsInSettings(written.settings),
    ...secretsInEnvironment(environment, ENVIRONMENT_FILE),
  ]);
  const parts: Part[] = [
    { name: 'doctor.json', text: () => `${JSON.stringify(report, null, 2)}\n` },
    { name: 'settings.yaml', text: () => yamlOf(written) },
    ...bundleParts({
      robot: context === null || isHeadlandError(context) ? null : context,
      environment,
      isStateReadable: !hasHung(report),
    }),
  ];
  const files: Record<string, Uint8Array> = {};
  const missing: string[] = [];
  for (const part of parts) {
    const collected = await collect(part);
    if (collected.missing) missing.push(part.name);
    files[part.name] = Buffer.from(scrubber.text(collected.text));
  }
  for (const image of images.filter((path) => existsSync(path))) {
    files[`images/${basename(image)}`] = readFileSync(image);
  }
  files['README.txt'] = Buffer.from(readme(report, Object.keys(files)));
  const archive = zipSync(files, { level: 6, os: 3, attrs: 0o100644 << 16 });
  try {
    await writeFileDurably(file, archive, MODE);
  } catch (cause) {
    throw outputUnwritable(file, cause);
  }
  return { file, bytes: archive.length, content: Object.keys(files).sort(), missing };
}

function yamlOf({ settings, fault }: { settings: unknown; fault: string | null }): string {
  if (fault !== null) throw new Error(fault);
  return settingsText(settings);
}

/** Whatever hung a check would hang this process. */
function hasHung({ checks }: DoctorReport): boolean {
  return checks.some(({ findings }) => findings.some(({ code }) => code === 'HL_DOCTOR_TIMEOUT'));
}

function readme({ version, at, robot }: DoctorReport, names: readonly string[]): string {
  const images = names.some((name) => name.startsWith('images/'))
    ? 'It contains images, because --images was given.'
    : 'It contains no image.';
  return [
    `Support bundle of headland ${version}, robot ${robot ?? 'unknown'}, ${at}.`,
    'Passwords, tokens and keys have been removed; look through it before you send it.',
    images,
    '',
    ...[...names].sort(),
    '',
  ].join('\n');
}

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  HeadlandError,
  isHeadlandError,
  type SerialisedError,
  serialiseError,
} from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { Log } from '../../base/log.js';
import { redactValue } from '../../base/redact.js';
import { isRecord } from '../../base/values/is-record.js';
import { configJsonSchema } from '../../config/json-schema.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { withHiddenText } from '../../config/settings/hidden-text.js';
import {
  mergedPageChanges,
  pageChangesText,
  readPageChanges,
  withPageChanges,
} from '../../config/settings/page-changes.js';
import { addedByHand, needsRestart } from '../../config/settings/schema-notes.js';
import type { AppliesBy, SettingChange } from '../../config/settings/setting-change.js';
import { parsePath, pathText } from '../../config/settings/setting-path.js';
import { YamlSettings } from '../../config/settings/yaml-settings.js';
import { type SettingsPlace, settingsPlace } from './settings-place.js';
import { SettingsTrial, textOf, undone } from './settings-trial.js';

/** So long an answer may take to its reader before a reload closes the page. */
const ANSWER_MS = 250;

/** A wrong setting, as `headland config check` reports it. */
export interface SettingProblem {
  /** `cameras[0].widthPixels`; empty: the whole file. */
  path: string;
  message: string;
  remedy: string;
  /** In the changed file, from 1; null: it is not written there. */
  line: number | null;
}

export interface CheckedSettings {
  /** Empty: the changes can be applied. */
  problems: SettingProblem[];
  appliesBy: AppliesBy;
  /** Settings that only a restart applies. */
  restartFor: string[];
}

/** What became of the last changes. */
export interface SettingsOutcome {
  /** `applying`: the daemon begins to run with them; `waiting`: a restart applies them. */
  state: 'applying' | 'applied' | 'waiting' | 'undone';
  paths: string[];
  /** Unix time, milliseconds. */
  atMs: number;
  /** Why they were undone. */
  error: SerialisedError | null;
}

export interface SettingsView {
  /** Null: this robot has no file (a demonstration). */
  file: string | null;
  /** Where changes are written; null: nowhere. */
  place: SettingsPlace | null;
  /** Why nothing can be changed; null: it can. */
  readOnly: SerialisedError | null;
  /** Of everything that was read; for {@link RobotSettings.apply}. */
  checksum: string;
  /** The settings as written, without defaults. Secrets in addresses are hidden. */
  values: unknown;
  /** Everything that applies, defaults included; null: the file is wrong. */
  effective: unknown;
  /** Settings that name a secret; the secret itself is not in the settings. */
  secrets: { path: string; set: boolean }[];
  /** Settings that the page has changed on top of the file. */
  changedOnPage: string[];
  /** Settings that wait for a restart. */
  restartFor: string[];
  last: SettingsOutcome | null;
}

export interface RobotSettingsParts {
  /** Null: this robot has no file (a demonstration). */
  configFile: string | null;
  /** What the daemon runs with now. */
  running(): Config;
  /** Reads the files anew and runs with them. @returns why the daemon does not; `ended`: it ends */
  reload(): Promise<HeadlandError | 'ended' | null>;
  /** Ends the process in order and starts it again. Null: that is not possible here. */
  restart: (() => void) | null;
  log: Log;
}

interface Present {
  place: SettingsPlace;
  /** The settings that apply, as the text of a file. */
  yaml: YamlSettings;
  /** The file alone. */
  file: YamlSettings;
  changes: ReturnType<typeof readPageChanges>;
  checksum: string;
}

/**
 * The settings of a robot for a person who changes them on the page: read, checked and written with the
 * schema that loads the file. It outlives reloads, for it begins them.
 */
export class RobotSettings {
  #last: SettingsOutcome | null = null;
  #busy = false;
  #schema: Record<string, unknown> | null = null;

  constructor(private readonly parts: RobotSettingsParts) {}

  /** Null: this robot has none. */
  get configFile(): string | null {
    return this.parts.configFile;
  }

  /** @throws HeadlandError HL_CONFIG_NOT_FOUND */
  read(): SettingsView {
    const { configFile, running } = this.parts;
    if (configFile === null) {
      const values = plain(running());
      return this.#viewOf(values, {
        checksum: sha256Hex(JSON.stringify(values)),
        effective: values,
      });
    }
    const { place, yaml, checksum, changes } = this.#present();
    let effective: Config | null = null;
    try {
      effective = parseConfig(yaml.text, configFile);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
    }
    return {
      ...this.#viewOf(yaml.values, { checksum, effective: effective && plain(effective) }),
      place,
      changedOnPage: changes.map(({ path }) => path),
      restartFor: effective === null ? [] : needsRestart(running(), effective, this.schema()),
    };
  }

  /** The JSON Schema of the settings, with descriptions and defaults. */
  schema(): Record<string, unknown> {
    this.#schema ??= configJsonSchema();
    return this.#schema;
  }

  /**
   * What is wrong with changes, and when they would apply. Changes nothing.
   * @throws HeadlandError HL_SETTINGS_READ_ONLY
   */
  check(changes: readonly SettingChange[]): CheckedSettings {
    const { problems, appliesBy, restartFor } = this.#checked(changes, this.#writable());
    return { problems, appliesBy, restartFor };
  }

  /**
   * Writes changes, durably, and begins to run with them shortly after it resolves, unless they wait for a
   * restart. Settings that cannot run are undone.
   * @param checksum of the settings that the changes are about
   * @throws HeadlandError HL_SETTINGS_READ_ONLY, HL_SETTINGS_BUSY, HL_SETTINGS_CONFLICT, HL_CONFIG_INVALID
   *   (its details list every problem), HL_SETTINGS_UNWRITABLE
   */
  async apply(
    changes: readonly SettingChange[],
    checksum: string,
  ): Promise<{ checksum: string; appliesBy: AppliesBy; restartFor: string[] }> {
    const present = this.#writable();
    if (this.#busy) throw busy();
    if (present.checksum !== checksum) throw conflict();
    const { problems, next, appliesBy, restartFor } = this.#checked(changes, present);
    if (problems.length > 0) throw invalid(problems);
    this.#busy = true;
    try {
      const { place } = present;
      const trial = new SettingsTrial(place.path);
      await trial.write(this.#textFor(present, next, changes), appliesBy === 'reload');
      const paths = changes.map(({ path }) => path);
      this.parts.log.info({ paths, file: place.path, appliesBy }, 'settings written by the page');
      this.#last = { state: 'waiting', paths, atMs: Date.now(), error: null };
      if (appliesBy === 'reload') {
        this.#last.state = 'applying';
        setTimeout(() => void this.#reload(trial), ANSWER_MS);
      } else this.#busy = false;
      return { checksum: this.#present().checksum, appliesBy, restartFor };
    } catch (error) {
      this.#busy = false;
      throw error;
    }
  }

  /**
   * Ends the process in order shortly after this returns, and starts it again.
   * @throws HeadlandError HL_RESTART_UNAVAILABLE, HL_SETTINGS_BUSY
   */
  restart(): void {
    const { restart } = this.parts;
    if (restart === null) throw noRestart();
    if (this.#busy) throw busy();
    setTimeout(restart, ANSWER_MS);
  }

  /** Settings were undone before this process began. */
  startedWithout(error: HeadlandError): void {
    this.#last = { state: 'undone', paths: [], atMs: Date.now(), error: error.toJSON() };
  }

  async #reload(trial: SettingsTrial): Promise<void> {
    const { log, reload } = this.parts;
    const last = this.#last;
    try {
      const refused = await reload();
      if (refused === 'ended') await trial.postpone();
      else if (refused === null) await trial.pass();
      else await trial.undo(refused);
      if (last === null || refused === 'ended') return;
      last.state = refused === null ? 'applied' : 'undone';
      last.error = refused && undone(trial.path, serialiseError(refused)).toJSON();
      if (refused) log.error({ code: 'HL_SETTINGS_UNDONE' }, last.error?.message ?? '');
    } catch (error) {
      log.error({ err: error }, 'cannot finish the change of the settings');
    } finally {
      this.#busy = false;
    }
  }

  /** @throws HeadlandError HL_SETTINGS_READ_ONLY, HL_CONFIG_… */
  #writable(): Present {
    const refused = this.#readOnly;
    if (refused) throw refused;
    return this.#present();
  }

  get #readOnly(): HeadlandError | null {
    if (this.parts.configFile !== null) return null;
    return new HeadlandError(
      'HL_SETTINGS_READ_ONLY',
      'this robot has no configuration file: it is a demonstration',
      {
        remedy: 'Run a robot with settings of its own: `headland setup`, then `headland run`.',
      },
    );
  }

  #present(): Present {
    const configFile = this.parts.configFile!;
    const text = textOf(configFile);
    if (text === null) {
      throw new HeadlandError('HL_CONFIG_NOT_FOUND', `cannot read ${configFile}`, {
        remedy: 'Bring the file back, or start the daemon with another one: --config FILE.',
      });
    }
    const file = new YamlSettings(text);
    const place = settingsPlace(configFile, this.parts.running().paths.stateDir);
    const changes = place.kind === 'changes' ? changesIn(place.path) : [];
    const checksum = sha256Hex(JSON.stringify([text, changes]));
    const { overtaken } = withPageChanges(file.values, changes);
    const inForce = changes.filter(({ path }) => !overtaken.includes(path));
    return { place, yaml: file.with(inForce), file, changes: inForce, checksum };
  }

  #checked(
    changes: readonly SettingChange[],
    present: Present,
  ): CheckedSettings & { next: YamlSettings } {
    const origin = this.parts.configFile ?? 'configuration';
    let next = present.yaml;
    try {
      const { values } = present.yaml;
      next = present.yaml.with(changes.map((change) => withHiddenText(change, values)));
      this.#refuseForbidden(present, next, changes);
      const config = parseConfig(next.text, origin);
      if (!config.console.enabled) throw pageOff();
      const restartFor = needsRestart(this.parts.running(), config, this.schema());
      const appliesBy = restartFor.length === 0 ? 'reload' : 'restart';
      return { problems: [], appliesBy, restartFor, next };
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      return { problems: problemsIn(error), appliesBy: 'reload', restartFor: [], next };
    }
  }

  /** @throws HeadlandError HL_SETTINGS_BY_HAND */
  #refuseForbidden(
    { yaml, place }: Present,
    next: YamlSettings,
    changes: readonly SettingChange[],
  ): void {
    const places = addedByHand(yaml.values, next.values, this.schema());
    if (place.kind === 'changes' && changes.some(({ path }) => parsePath(path)[0] === 'paths')) {
      places.push('paths');
    }
    const [first] = places;
    if (first === undefined) return;
    throw new HeadlandError(
      'HL_SETTINGS_BY_HAND',
      `the page does not set ${places.join(' and ')}`,
      {
        remedy:
          'Write it into the configuration file with an editor, then reload: systemctl reload headland. It names a program, a folder or the file of a secret.',
        details: { path: first },
      },
    );
  }

  #textFor(
    { place, file, changes }: Present,
    next: YamlSettings,
    wanted: readonly SettingChange[],
  ): string | null {
    if (place.kind === 'file') return next.text;
    const paths = wanted.map(({ path }) => path);
    const merged = mergedPageChanges(file.values, changes, next.values, paths);
    return merged.length === 0 ? null : pageChangesText(this.parts.configFile!, merged);
  }

  #viewOf(
    values: unknown,
    { checksum, effective }: Pick<SettingsView, 'checksum' | 'effective'>,
  ): SettingsView {
    return {
      file: this.parts.configFile,
      place: null,
      readOnly: this.#readOnly?.toJSON() ?? null,
      checksum,
      values: redactValue(plain(values)),
      effective: redactValue(effective),
      secrets: secretsIn(this.schema(), effective),
      changedOnPage: [],
      restartFor: [],
      last: this.#last,
    };
  }
}

/** Changes of the page that cannot be read do not keep anybody from making new ones. */
function changesIn(path: string): ReturnType<typeof readPageChanges> {
  try {
    return readPageChanges(path);
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return [];
  }
}

function pageOff(): HeadlandError {
  return new HeadlandError('HL_SETTINGS_BY_HAND', 'the page does not switch itself off', {
    remedy: 'Write console.enabled: false into the configuration file with an editor.',
    details: { path: 'console.enabled' },
  });
}

const listed = z.object({
  problems: z.array(
    z.object({ path: z.string(), message: z.string(), line: z.number().optional() }),
  ),
});
const about = z.object({ path: z.string() });

function problemsIn(error: HeadlandError): SettingProblem[] {
  const { remedy, details } = error;
  const many = listed.safeParse(details);
  if (many.success) {
    return many.data.problems.map(({ path, message, line = null }) => {
      return { path, message, remedy, line };
    });
  }
  const one = about.safeParse(details);
  return [{ path: one.success ? one.data.path : '', message: error.message, remedy, line: null }];
}

/** Every setting whose value is where a secret is read from, and whether it names a place. */
function secretsIn(
  schema: unknown,
  values: unknown,
  path: (string | number)[] = [],
): SettingsView['secrets'] {
  if (!isRecord(schema)) return [];
  const members = [schema.anyOf, schema.oneOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  if (members.some((member) => isDeepStrictEqual(keysOf(member), ['credential']))) {
    return [{ path: pathText(path), set: isRecord(values) }];
  }
  const inner = members.flatMap((member) => secretsIn(member, values, path));
  const { properties } = schema;
  if (isRecord(properties)) {
    for (const [key, each] of Object.entries(properties)) {
      inner.push(...secretsIn(each, isRecord(values) ? values[key] : undefined, [...path, key]));
    }
  }
  return inner;
}

function keysOf(schema: unknown): string[] {
  return isRecord(schema) && isRecord(schema.properties) ? Object.keys(schema.properties) : [];
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

function invalid(problems: readonly SettingProblem[]): HeadlandError {
  const text = problems.map(({ path, message, line }) => {
    const where = line === null ? '' : ` (line ${line})`;
    return `${path || 'the file'}${where}: ${message}`;
  });
  return new HeadlandError('HL_CONFIG_INVALID', text.join('; '), {
    remedy: problems[0]!.remedy,
    details: { problems },
  });
}

function conflict(): HeadlandError {
  return new HeadlandError('HL_SETTINGS_CONFLICT', 'the settings have been changed meanwhile', {
    remedy: 'Read the settings again, and make the change to what they are now.',
  });
}

function busy(): HeadlandError {
  return new HeadlandError('HL_SETTINGS_BUSY', 'the daemon begins to run with other settings', {
    remedy: 'Wait until it runs with them, then read the settings again.',
  });
}

function noRestart(): HeadlandError {
  return new HeadlandError('HL_RESTART_UNAVAILABLE', 'this process cannot start itself again', {
    remedy: 'Stop it and start it again, the way that it was started.',
  });
}

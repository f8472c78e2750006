import { existsSync, readFileSync } from 'node:fs';
import { type Document, isMap, parseDocument } from 'yaml';
import { z } from 'zod';
import { HeadlandError, messageOf } from '../../base/errors.js';
import {
  type Answers,
  type CameraAnswer,
  defaults,
  outputSections,
  type StoredSecrets,
} from './setup-answers.js';

/** What setup looks at in an existing file; anything else is left to the validation. */
const known = z.object({
  robot: z.object({ id: z.string() }).optional().catch(undefined),
  paths: z.object({ stateDir: z.string() }).optional().catch(undefined),
  console: z.object({ host: z.string() }).optional().catch(undefined),
  cameras: z.array(z.record(z.string(), z.unknown())).catch([]),
});
type Known = z.infer<typeof known>;

/** The YAML of a configuration, with its comments. */
export class SettingsDocument {
  readonly #yaml: string;
  /** Only to read: {@link with} changes one of its own. */
  readonly #document: Document;
  readonly #known: Known;

  /** @param isFile it was read from a file */
  private constructor(
    yaml: string,
    readonly isFile: boolean,
  ) {
    this.#yaml = yaml;
    this.#document = parseDocument(yaml);
    const { success, data } = known.safeParse(this.settings);
    this.#known = success ? data : { cameras: [] };
  }

  /**
   * Reads a file; one that does not exist is empty.
   * @throws HeadlandError HL_CONFIG_UNREADABLE, HL_CONFIG_SYNTAX
   */
  static read(path: string): SettingsDocument {
    if (!existsSync(path)) return new SettingsDocument('', false);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw new HeadlandError('HL_CONFIG_UNREADABLE', `cannot read ${path}: ${messageOf(cause)}`, {
        remedy: 'Name a YAML file that this user may read: --config FILE.',
        cause,
      });
    }
    const [fault] = parseDocument(text).errors;
    if (fault) {
      throw new HeadlandError('HL_CONFIG_SYNTAX', `${path} is not YAML: ${fault.message}`, {
        remedy: 'Correct the line that the message shows. Indent with two spaces, not with tabs.',
        cause: fault,
      });
    }
    return new SettingsDocument(text, true);
  }

  /** Null: not configured. */
  get robotId(): string | null {
    return this.#known.robot?.id ?? null;
  }

  get pageHost(): string {
    return this.#known.console?.host ?? defaults().console.host;
  }

  get stateDir(): string {
    return this.#known.paths?.stateDir ?? defaults().paths.stateDir;
  }

  /** Whether a section is written. */
  has(section: 'cameras' | 'mqtt' | 'console' | 'gpio'): boolean {
    return (this.#document.get(section) ?? null) !== null;
  }

  get hasToken(): boolean {
    return (this.#document.getIn(['console', 'token']) ?? null) !== null;
  }

  get text(): string {
    return this.#yaml;
  }

  /** The settings as plain values, not validated. */
  get settings(): unknown {
    return this.#document.toJS() ?? {};
  }

  /** With the answers in place; what no question is about stays, and so do comments. */
  with(answers: Answers, secrets: StoredSecrets): SettingsDocument {
    const document = parseDocument(this.#yaml);
    const { robotId, camera, broker, page, gpio } = answers;
    document.setIn(['robot', 'id'], robotId);
    if (camera !== null) this.#putCamera(document, camera);
    if (broker !== null) {
      put(document, ['mqtt', 'url'], broker.url);
      put(document, ['mqtt', 'username'], broker.username);
      put(document, ['mqtt', 'password'], secrets.password);
    }
    if (page !== null) {
      const { enabled, host } = defaults().console;
      put(document, ['console', 'enabled'], page.enabled === enabled ? null : page.enabled);
      put(document, ['console', 'host'], page.host === host ? null : page.host);
      // People know the token that is configured.
      if (secrets.token !== null) put(document, ['console', 'token'], secrets.token);
    }
    if (gpio !== null) {
      const outputs = outputSections(gpio.outputs);
      put(document, ['gpio', 'driver'], gpio.driver === 'none' ? null : gpio.driver);
      put(document, ['gpio', 'outputs'], outputs.length === 0 ? null : outputs);
    }
    return new SettingsDocument(document.toString(), this.isFile);
  }

  /** In the place of the first camera. */
  #putCamera(document: Document, camera: CameraAnswer): void {
    const [first, ...others] = this.#known.cameras;
    // Alerts and tasks call a camera by its name.
    const named = typeof first?.name === 'string' ? { ...camera, name: first.name } : camera;
    document.set('cameras', document.createNode([named, ...others]));
  }
}

/** Sets a value; null removes it, and its section with the last one. */
function put(document: Document, [section, name]: [string, string], value: unknown): void {
  if (value !== null) {
    document.setIn([section, name], document.createNode(value));
    return;
  }
  if (!document.hasIn([section, name])) return;
  document.deleteIn([section, name]);
  const left = document.get(section);
  if (isMap(left) && left.items.length === 0) document.delete(section);
}

import { z } from 'zod';
import { isHeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import { askConsole } from '../access/ask-console.js';
import { presentToken } from '../access/console-token.js';
import { ownAddress } from '../access/listening.js';
import { isStateLocked } from '../lifetime/state-lock.js';
import { askStatus } from '../reporting/ask-status.js';

const REQUEST_TIMEOUT_MS = 4_000;

const camera = z.object({
  name: z.string(),
  phase: z.string(),
  quality: z.object({ condition: z.string().nullable() }).nullable(),
});
const restartReason = z.object({ code: z.string(), message: z.string() }).nullable();
const backbone = z.object({ name: z.string(), engine: z.string() }).nullable();

/** The status as the page gives it. */
const pageStatus = z.object({
  consoleUrl: z.string().nullable(),
  mqtt: z.object({ connected: z.boolean() }),
  backbone,
  cameras: z.array(camera.extend({ lastRestartReason: restartReason })),
});

/** The status as the response to the command `status` gives it, with the names of the page. */
const mqttStatus = z
  .object({
    console: z.string().nullable(),
    mqtt: z.object({ connected: z.boolean() }),
    backbone,
    cameras: z.array(
      camera
        .extend({ last_restart_reason: restartReason })
        .transform(({ last_restart_reason: lastRestartReason, ...rest }) => {
          return { ...rest, lastRestartReason };
        }),
    ),
  })
  .transform(({ console: consoleUrl, ...rest }) => ({ ...rest, consoleUrl }));

/** What the checks use of the status of a running daemon. */
export interface DaemonStatus {
  /** Null: the page is off, or has not started. */
  consoleUrl: string | null;
  brokerConnected: boolean;
  /** Null until it is loaded. */
  backbone: { name: string; engine: string } | null;
  cameras: {
    name: string;
    phase: string;
    /** Null: not measured yet. */
    condition: string | null;
    lastFailure: { code: string; message: string } | null;
  }[];
  /** The whole answer. */
  raw: unknown;
}

/**
 * The status of a running daemon, over its page or its broker. No request changes anything in the
 * daemon.
 */
export class DaemonContact {
  readonly #config: Config;
  readonly #environment: NodeJS.ProcessEnv;
  #status: Promise<DaemonStatus | null> | null = null;

  constructor(config: Config, environment: NodeJS.ProcessEnv) {
    this.#config = config;
    this.#environment = environment;
  }

  /** Whether a daemon runs on the configured state folder. */
  running(): Promise<boolean> {
    return isStateLocked(this.#config.paths.stateDir, 'run');
  }

  /** Null: no daemon runs, or it does not answer. Never rejects. */
  status(): Promise<DaemonStatus | null> {
    this.#status ??= this.#ask();
    return this.#status;
  }

  /** The answer of a running daemon to the command `status`, over its broker; null: none. Never rejects. */
  async brokerAnswer(): Promise<unknown> {
    try {
      return await askStatus(this.#config, this.#environment);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      return null;
    }
  }

  /** Address of the page of a running daemon, without a final "/"; null: it has none. */
  async pageUrl(): Promise<string | null> {
    const url = (await this.status())?.consoleUrl ?? this.#configuredUrl();
    return url?.replace(/\/$/, '') ?? null;
  }

  /** The newest image of a camera, from the page; null: there is none, or no page. Never rejects. */
  async image(name: string): Promise<Uint8Array | null> {
    const url = await this.pageUrl();
    if (url === null) return null;
    const bytes = await this.#get(`${url}/api/frame.jpg?camera=${encodeURIComponent(name)}`);
    return bytes !== null && bytes.length > 0 ? bytes : null;
  }

  async #ask(): Promise<DaemonStatus | null> {
    if (!(await this.running())) return null;
    return (await this.#askPage()) ?? (await this.#askBroker());
  }

  async #askPage(): Promise<DaemonStatus | null> {
    const url = this.#configuredUrl();
    const bytes = url === null ? null : await this.#get(`${url}/api/status`);
    if (bytes === null) return null;
    const raw: unknown = parseJson(bytes);
    return daemonStatus(pageStatus.safeParse(raw), raw);
  }

  async #askBroker(): Promise<DaemonStatus | null> {
    const raw = await this.brokerAnswer();
    return daemonStatus(mqttStatus.safeParse(raw), raw);
  }

  /** Null where only the daemon knows it: an unused port that it chose. */
  #configuredUrl(): string | null {
    const { enabled, host, port, tls } = this.#config.console;
    if (!enabled || port === 0) return null;
    return ownAddress({ scheme: tls.mode === 'off' ? 'http' : 'https', host, port });
  }

  async #get(url: string): Promise<Uint8Array | null> {
    try {
      const { token } = presentToken(this.#config, this.#environment);
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      return await askConsole({ url, headers, timeoutMs: REQUEST_TIMEOUT_MS }, this.#config);
    } catch {
      // Nobody listens, another program listens, or the token cannot be read.
      return null;
    }
  }
}

function daemonStatus(
  parsed: z.ZodSafeParseResult<z.output<typeof pageStatus>>,
  raw: unknown,
): DaemonStatus | null {
  if (!parsed.success) return null;
  const { consoleUrl, mqtt, backbone: opened, cameras } = parsed.data;
  return {
    consoleUrl,
    brokerConnected: mqtt.connected,
    backbone: opened,
    cameras: cameras.map(({ name, phase, quality, lastRestartReason }) => {
      const condition = quality?.condition ?? null;
      return { name, phase, condition, lastFailure: lastRestartReason };
    }),
    raw,
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}

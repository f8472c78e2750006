import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { freePort } from '../ports.js';
import { until } from '../telemetry/tools.js';

const FILES = fileURLToPath(new URL('../../../deploy/mosquitto/', import.meta.url));
const SCRIPT = join(FILES, 'certificates.sh');

export interface Identity {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

/** Runs certificates.sh with an authority in `dir`. */
export function certificates(dir: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync('bash', [SCRIPT, '--dir', dir, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** The files of a broker, wherever they come from. */
export interface BrokerFiles {
  /** Folder of certificates.sh. */
  authority: string;
  /** Main configuration, as the broker names it. */
  main: string;
  /** Whom a broker that root starts runs as; null: the user that it chooses by itself. */
  uid: number | null;
  /**
   * Puts everything below a folder that stands for "/".
   * @param configuration what a file of the broker becomes: only its paths and the port are changed
   */
  install(root: string, configuration: (shipped: string) => string): void;
}

/** As docs/guides/mosquitto.md says, with the main configuration of Debian. */
function asGuide(authority: string): BrokerFiles {
  return {
    authority,
    main: '/etc/mosquitto/mosquitto.conf',
    uid: null,
    install(root, configuration) {
      const own = join(root, 'etc/mosquitto/headland');
      const conf = join(root, 'etc/mosquitto/conf.d');
      const lib = join(root, 'var/lib/mosquitto');
      for (const folder of [own, conf, lib]) mkdirSync(folder, { recursive: true, mode: 0o755 });
      chmodSync(lib, 0o777);
      for (const name of ['ca.crt', 'broker.crt', 'revoked.crl', 'broker.key']) {
        copyFileSync(join(authority, name), join(own, name));
      }
      chmodSync(join(own, 'broker.key'), 0o640);
      spawnSync('chgrp', ['mosquitto', join(own, 'broker.key')]);
      copyFileSync(join(FILES, 'access'), join(own, 'access'));
      const shipped = readFileSync(join(FILES, 'headland.conf'), 'utf8');
      assert.ok(shipped.includes('\nlistener 8883\n'));
      writeFileSync(join(conf, 'headland.conf'), configuration(shipped));
      const main = [
        'persistence true',
        'persistence_location /var/lib/mosquitto/',
        'log_dest stderr',
        'include_dir /etc/mosquitto/conf.d',
      ];
      writeFileSync(join(root, 'etc/mosquitto/mosquitto.conf'), configuration(main.join('\n')));
    },
  };
}

/** A broker from files of deploy/, in a folder instead of / and on a free port. */
export class DeployedBroker {
  #process: ChildProcess | null = null;

  private constructor(
    /** Stands for "/". */
    readonly root: string,
    private readonly files: BrokerFiles,
    readonly port: number,
  ) {}

  /** @param files default: deploy/mosquitto, with an authority of its own */
  static async start(t: TestContext, files?: BrokerFiles): Promise<DeployedBroker> {
    const root = mkdtempSync(join(tmpdir(), 'headland-deployed-'));
    // A broker that root starts becomes another user.
    chmodSync(root, 0o755);
    const broker = new DeployedBroker(
      root,
      files ?? asGuide(join(root, 'authority')),
      await freePort(),
    );
    t.after(async () => {
      await broker.down();
      rmSync(root, { recursive: true, force: true });
    });
    if (files === undefined) {
      broker.certify('ca');
      broker.certify('broker', 'localhost', '127.0.0.1');
    }
    broker.install();
    await broker.up();
    return broker;
  }

  /** Runs certificates.sh, which must succeed. */
  certify(...args: string[]): string {
    const { status, stdout, stderr } = certificates(this.files.authority, ...args);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** Only folders and the port differ from what is shipped. */
  install(): void {
    this.files.install(this.root, (shipped) =>
      shipped
        .replace(/^([a-z_]+ )(?=\/)/gm, `$1${this.root}`)
        .replace(/^listener 8883$/m, `listener ${this.port}`),
    );
  }

  async up(): Promise<void> {
    const path = `${process.env.PATH}:/usr/sbin`;
    const { main, uid } = this.files;
    const child = spawn('mosquitto', ['-c', join(this.root, main)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: path },
      ...(uid === null || process.getuid?.() !== 0 ? {} : { uid, gid: uid }),
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    this.#process = child;
    await until('the broker to run', () => {
      assert.equal(child.exitCode, null, said);
      return / running\b/.test(said);
    });
  }

  /** @param signal SIGKILL: as a power cut */
  async down(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  get url(): string {
    return `mqtts://127.0.0.1:${this.port}`;
  }

  /** Path of a file of the authority. */
  file(name: string): string {
    return join(this.files.authority, name);
  }

  identity(name: string): Identity {
    const file = (of: string) => readFileSync(this.file(of));
    return { ca: file('ca.crt'), cert: file(`${name}.crt`), key: file(`${name}.key`) };
  }

  /** A plain client with somebody's certificate; it ends with the test. */
  async connect(
    t: TestContext,
    identity: Partial<Identity>,
    options: IClientOptions = {},
  ): Promise<MqttClient> {
    const client = await connectAsync(this.url, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...identity,
      ...options,
    });
    client.on('error', () => {});
    t.after(() => client.end(true));
    return client;
  }
}

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

/** What deploy/mosquitto makes of a broker, in a folder instead of /etc and on a free port. */
export class DeployedBroker {
  readonly #dir: string;
  readonly #ca: string;
  #process: ChildProcess | null = null;

  private constructor(
    dir: string,
    readonly port: number,
  ) {
    this.#dir = dir;
    this.#ca = join(dir, 'ca');
  }

  static async start(t: TestContext): Promise<DeployedBroker> {
    const dir = mkdtempSync(join(tmpdir(), 'headland-deployed-'));
    // A broker that root starts becomes another user.
    chmodSync(dir, 0o755);
    const broker = new DeployedBroker(dir, await freePort());
    t.after(async () => {
      await broker.down();
      rmSync(dir, { recursive: true, force: true });
    });
    broker.certify('ca');
    broker.certify('broker', 'localhost', '127.0.0.1');
    broker.install();
    await broker.up();
    return broker;
  }

  /** Runs certificates.sh, which must succeed. */
  certify(...args: string[]): string {
    const { status, stdout, stderr } = certificates(this.#ca, ...args);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** As the guide says; only the folder and the port differ. */
  install(): void {
    const etc = join(this.#dir, 'etc');
    const own = join(etc, 'headland');
    const conf = join(etc, 'conf.d');
    const lib = join(this.#dir, 'lib');
    for (const folder of [own, conf, lib]) mkdirSync(folder, { recursive: true, mode: 0o755 });
    chmodSync(lib, 0o777);
    for (const name of ['ca.crt', 'broker.crt', 'revoked.crl', 'broker.key']) {
      copyFileSync(join(this.#ca, name), join(own, name));
    }
    chmodSync(join(own, 'broker.key'), 0o640);
    spawnSync('chgrp', ['mosquitto', join(own, 'broker.key')]);
    copyFileSync(join(FILES, 'access'), join(own, 'access'));
    const shipped = readFileSync(join(FILES, 'headland.conf'), 'utf8');
    assert.ok(shipped.includes('\nlistener 8883\n'));
    writeFileSync(
      join(conf, 'headland.conf'),
      shipped.replaceAll('/etc/mosquitto', etc).replace('listener 8883', `listener ${this.port}`),
    );
    // As Debian's own, but for its paths.
    const main = [
      'persistence true',
      `persistence_location ${lib}/`,
      'log_dest stderr',
      `include_dir ${conf}`,
    ];
    writeFileSync(join(etc, 'mosquitto.conf'), `${main.join('\n')}\n`);
  }

  async up(): Promise<void> {
    const path = `${process.env.PATH}:/usr/sbin`;
    const child = spawn('mosquitto', ['-c', join(this.#dir, 'etc', 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: path },
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

  async down(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  }

  get url(): string {
    return `mqtts://127.0.0.1:${this.port}`;
  }

  /** Path of a file of the authority. */
  file(name: string): string {
    return join(this.#ca, name);
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

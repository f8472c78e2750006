import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../fleet/hub-fixture.js';
import { HANG_MS } from '../../liveness.js';
import { accepts, freePort } from '../../ports.js';
import { changed, FLEET, shipped } from './fleet-files.js';

/** The programs themselves: those in the path become another user. */
const PROGRAMS = '/usr/lib/rabbitmq/bin';
const NAMES = ['mq1', 'mq2', 'mq3'] as const;
export type NodeName = (typeof NAMES)[number];

/** For `test(…, { skip })`: false when Debian's RabbitMQ can be started. */
export const withoutRabbit: string | false = existsSync(join(PROGRAMS, 'rabbitmq-server'))
  ? false
  : 'RabbitMQ is missing: apt-get install rabbitmq-server';

interface Started {
  child: ChildProcess;
  port: number;
}

/** Three nodes of Debian's RabbitMQ on loopback, from the files of deploy/fleet/fleet/rabbitmq. */
export class RabbitNodes {
  /** Also the home of all programs, with the cookie of the cluster. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'headland-rabbit-'));
  readonly #nodes = new Map<NodeName, Started>();
  #names: ChildProcess | null = null;
  #namesPort = 0;

  private constructor(
    /** Folder of certificates.sh. */
    private readonly authority: string,
  ) {}

  /** Ends with the test. @param authority has certificates with the names of the nodes */
  static async start(
    t: { after(stop: () => Promise<void>): void },
    authority: string,
  ): Promise<RabbitNodes> {
    const nodes = new RabbitNodes(authority);
    t.after(() => nodes.stop());
    writeFileSync(join(nodes.#folder, '.erlang.cookie'), 'COOKIEOFATEST', { mode: 0o400 });
    // Of its own: a cluster of somebody else may have nodes with the same names.
    nodes.#namesPort = await freePort();
    const where = ['-port', String(nodes.#namesPort), '-address', '127.0.0.1'];
    nodes.#names = spawn('epmd', where, { stdio: 'ignore' });
    await until('epmd', () => accepts(nodes.#namesPort), HANG_MS);
    const ports = new Map<NodeName, number>();
    for (const name of NAMES) ports.set(name, await freePort());
    // One after another, as the guide says: nodes that begin at once may form two clusters.
    for (const [name, port] of ports) {
      const { child } = await nodes.#up(name, port);
      await until(
        `${name} listens`,
        () => {
          assert.equal(child.exitCode, null, nodes.log());
          return accepts(port);
        },
        HANG_MS,
      );
    }
    nodes.control('await_online_nodes', String(NAMES.length));
    return nodes;
  }

  /** The nodes in the order of the configuration; robots and hubs begin with the first. */
  get urls(): string[] {
    return [...this.#nodes.values()].map(({ port }) => `mqtts://localhost:${port}`);
  }

  url(name: NodeName): string {
    return `mqtts://localhost:${this.#node(name).port}`;
  }

  /** What the nodes have logged. */
  log(): string {
    return NAMES.map((name) => join(this.#folder, name, 'rabbit.log'))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
  }

  /** Runs robots.sh on the first node that runs. */
  robots(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync('bash', [join(FLEET, 'robots.sh'), ...args], {
      encoding: 'utf8',
      env: this.#environment(),
    });
    return { status, stdout, stderr };
  }

  /** Runs rabbitmqctl on the first node that runs. @returns what it says */
  control(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(join(PROGRAMS, 'rabbitmqctl'), ['-q', ...args], {
      encoding: 'utf8',
      env: this.#environment(),
    });
    assert.equal(status, 0, `${args[0]}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Ends a node as a crash does. */
  async kill(name: NodeName): Promise<void> {
    const { child } = this.#node(name);
    this.#nodes.delete(name);
    await end(child);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ child }) => end(child)));
    this.#names?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #node(name: NodeName): Started {
    const node = this.#nodes.get(name);
    assert.ok(node, `${name} does not run`);
    return node;
  }

  /** As docs/guides/fleet.md says, in a folder instead of /. */
  #install(name: NodeName, port: number): string {
    const etc = join(this.#folder, name, 'etc/rabbitmq');
    const own = join(etc, 'headland');
    for (const folder of [own, join(etc, 'conf.d')]) mkdirSync(folder, { recursive: true });
    const conf = changed(shipped('rabbitmq/rabbitmq.conf'), [
      ...NAMES.map((each) => [`rabbit@${each}`, `${each}@localhost`] as const),
      [' = 8883\n', ` = 127.0.0.1:${port}\n`],
      [' = /etc/rabbitmq/', ` = ${etc}/`],
    ]);
    writeFileSync(join(etc, 'rabbitmq.conf'), conf);
    writeFileSync(join(etc, 'conf.d/headland.conf'), shipped('rabbitmq/3.10.conf'));
    writeFileSync(join(etc, 'enabled_plugins'), shipped('rabbitmq/enabled_plugins'));
    writeFileSync(join(own, 'definitions.json'), shipped('rabbitmq/definitions-3.10.json'));
    copyFileSync(join(this.authority, 'ca.crt'), join(own, 'ca.crt'));
    for (const kind of ['crt', 'key']) {
      copyFileSync(join(this.authority, `${name}.${kind}`), join(own, `node.${kind}`));
    }
    return etc;
  }

  async #up(name: NodeName, port: number): Promise<Started> {
    const dir = join(this.#folder, name);
    const etc = this.#install(name, port);
    const child = spawn(join(PROGRAMS, 'rabbitmq-server'), [], {
      stdio: 'ignore',
      // Its programs end with it.
      detached: true,
      env: {
        ...this.#environment(),
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_CONFIG_FILE: join(etc, 'rabbitmq.conf'),
        RABBITMQ_CONFIG_FILES: join(etc, 'conf.d'),
        RABBITMQ_DIST_PORT: String(await freePort()),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(etc, 'enabled_plugins'),
        RABBITMQ_LOGS: join(dir, 'rabbit.log'),
        RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
        RABBITMQ_NODENAME: `${name}@localhost`,
        RABBITMQ_PID_FILE: join(dir, 'pid'),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
          '-kernel inet_dist_use_interface {127,0,0,1} +S 1 +sbwt none',
      },
    });
    this.#nodes.set(name, { child, port });
    return { child, port };
  }

  #environment(): NodeJS.ProcessEnv {
    const [first] = this.#nodes.keys();
    return {
      ...process.env,
      PATH: `${PROGRAMS}:${process.env.PATH}`,
      HOME: this.#folder,
      ERL_EPMD_PORT: String(this.#namesPort),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_NODENAME: `${first ?? NAMES[0]}@localhost`,
    };
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exited;
}

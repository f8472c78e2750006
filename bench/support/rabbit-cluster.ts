import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts, freePort } from '../../test/ports.js';

/** Not the wrapper in the path, which becomes another user. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const CONTROL = '/usr/lib/rabbitmq/bin/rabbitmqctl';
const START_MS = 120_000;
const NODES = ['r1', 'r2', 'r3'] as const;

/** For a bench: null when Debian's RabbitMQ can be started. */
export const withoutRabbit: string | null = existsSync(SERVER)
  ? null
  : 'RabbitMQ is missing: apt-get install rabbitmq-server';

interface RabbitNode {
  name: string;
  url: string;
  child: ChildProcess;
}

/** Three nodes of Debian's RabbitMQ (MQTT 3.1.1) on loopback, which form a cluster. */
export class RabbitCluster {
  private constructor(private readonly nodes: RabbitNode[]) {}

  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** @param isMirrored each queue is on all nodes */
  static async start(folder: string, isMirrored = true): Promise<RabbitCluster> {
    const nodes: RabbitNode[] = [];
    const cluster = new RabbitCluster(nodes);
    try {
      for (const name of NODES) nodes.push(await startNode(folder, name));
      await Promise.all(nodes.map(({ url }) => listening(Number(new URL(url).port))));
      // The nodes listen before all of them have joined.
      await sleep(5_000);
      if (isMirrored) mirrorQueues(folder);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Ends the last node as a crash does. */
  async killOne(): Promise<void> {
    await end(this.nodes.at(-1)!.child, 'SIGKILL');
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ child }) => end(child, 'SIGKILL')));
  }
}

/** A queue on one node alone keeps its client out of the cluster while that node is down. */
function mirrorQueues(folder: string): void {
  const policy = JSON.stringify({ 'ha-mode': 'all', 'ha-promote-on-failure': 'always' });
  const { status, stderr } = spawnSync(
    CONTROL,
    ['-n', `${NODES[0]}@localhost`, 'set_policy', 'mqtt', '^mqtt-subscription-', policy],
    {
      encoding: 'utf8',
      env: { ...process.env, HOME: folder, RABBITMQ_CONF_ENV_FILE: '/dev/null' },
    },
  );
  if (status !== 0) throw new Error(`no mirrored queues: ${stderr}`);
}

async function startNode(folder: string, name: string): Promise<RabbitNode> {
  const dir = join(folder, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const [amqp, mqtt, distribution] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(dir, 'plugins'), '[rabbitmq_mqtt].\n');
  const peers = NODES.map(
    (peer, at) => `cluster_formation.classic_config.nodes.${at + 1} = ${peer}@localhost`,
  );
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${amqp}`,
    `mqtt.listeners.tcp.1 = 127.0.0.1:${mqtt}`,
    'cluster_formation.peer_discovery_backend = classic_config',
    ...peers,
    'log.console = false',
    'log.file = rabbit.log',
  ];
  writeFileSync(join(dir, 'rabbitmq.conf'), `${settings.join('\n')}\n`);
  const child = spawn(SERVER, [], {
    stdio: 'ignore',
    // Its programs end with it.
    detached: true,
    env: {
      ...process.env,
      HOME: folder,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq'),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'plugins'),
      RABBITMQ_LOG_BASE: dir,
      RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
      RABBITMQ_NODENAME: `${name}@localhost`,
      RABBITMQ_PID_FILE: join(dir, 'pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '-kernel inet_dist_use_interface {127,0,0,1} +S 1 +sbwt none',
    },
  });
  return { name, url: `mqtt://guest:guest@127.0.0.1:${mqtt}`, child };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, signal);
  await exited;
}

async function listening(port: number): Promise<void> {
  const untilMs = performance.now() + START_MS;
  while (performance.now() < untilMs) {
    if (await accepts(port)) return;
    await sleep(250);
  }
  throw new Error('a node of RabbitMQ does not listen');
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import type { BrokerFiles, DeployedBroker } from '../mosquitto-broker.js';
import { type Compose, composeSchema, type Mount, mountsOf } from './yard-files.js';

const DEPLOY = fileURLToPath(new URL('../../../../deploy/', import.meta.url));
export const IS_ROOT = process.getuid?.() === 0;

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

const section = z.looseObject({}).default({});
const hubFile = z.looseObject({ learning: section, rollout: section, log: section });

/** A copy of deploy/fleet/yard, with deploy/mosquitto where it looks for it, in which setup.sh works. */
export class YardCopy {
  /** Of compose.yaml. */
  readonly folder: string;
  readonly #root: string;

  /** It is removed after the test. */
  constructor(t: TestContext) {
    this.#root = mkdtempSync(join(tmpdir(), 'headland-yard-'));
    t.after(() => rmSync(this.#root, { recursive: true, force: true }));
    // The user of the broker gets to its key.
    chmodSync(this.#root, 0o755);
    for (const folder of ['fleet/yard', 'mosquitto']) {
      cpSync(join(DEPLOY, folder), join(this.#root, folder), {
        recursive: true,
        // What somebody has made in the working tree.
        filter: (source) => !/\/yard\/(headland-ca|broker|hub)$/.test(source),
      });
    }
    this.folder = join(this.#root, 'fleet/yard');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  text(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Runs setup.sh as the guide does; who is not root cannot give the keys away. */
  setup(...args: string[]): Run {
    return this.run(IS_ROOT ? args : ['--owners', 'keep', ...args]);
  }

  run(args: string[], options: { env?: NodeJS.ProcessEnv; uid?: number } = {}): Run {
    const { status, stdout, stderr } = spawnSync('bash', [this.path('setup.sh'), ...args], {
      encoding: 'utf8',
      cwd: '/',
      // A shell whose input is a socket takes itself for a remote one, and reads .bashrc.
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    });
    return { status, stdout, stderr };
  }

  /** {@link setup}, which must succeed. @returns its output */
  mustSetup(...args: string[]): string {
    const { status, stdout, stderr } = this.setup(...args);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  compose(): Compose {
    return composeSchema.parse(parse(this.text('compose.yaml')));
  }

  /** Where a mount is on this computer. */
  source({ source, isVolume }: Mount): string {
    return isVolume ? join(this.#root, 'volumes', source) : join(this.folder, source);
  }

  /** What compose.yaml mounts into the container of the broker. */
  brokerFiles(): BrokerFiles {
    const compose = this.compose();
    const { command, user } = compose.services.broker;
    const [program, option, main] = command;
    assert.deepEqual([program, option, command.length], ['mosquitto', '-c', 3]);
    assert.ok(main !== undefined && user !== undefined);
    const uid = Number(user.split(':')[0]);
    return {
      authority: this.path('headland-ca'),
      main,
      uid,
      install: (root, configuration) => {
        for (const mount of mountsOf(compose, 'broker')) {
          const target = join(root, mount.target);
          mkdirSync(dirname(target), { recursive: true });
          if (mount.isVolume) {
            mkdirSync(target, { recursive: true });
            if (IS_ROOT) chownSync(target, uid, uid);
            continue;
          }
          const source = this.source(mount);
          rmSync(target, { force: true });
          if (statSync(source).isDirectory()) {
            symlinkSync(source, target);
          } else {
            writeFileSync(target, configuration(readFileSync(source, 'utf8')));
            chmodSync(target, statSync(source).mode & 0o777);
          }
        }
      },
    };
  }

  /** The shipped settings; only paths, address, port and times are those of the test. */
  hubSettings(broker: DeployedBroker): object {
    let text = this.text('hub.yaml');
    for (const part of ['mqtts://broker:8883', 'host: 0.0.0.0', 'port: 8790']) {
      assert.ok(text.includes(part), part);
    }
    for (const mount of mountsOf(this.compose(), 'hub')) {
      const source = this.source(mount);
      if (mount.isVolume) mkdirSync(source, { recursive: true });
      text = text.replaceAll(`${mount.target}/`, `${source}/`);
    }
    const shipped = hubFile.parse(
      parse(
        text
          .replace('mqtts://broker:8883', broker.url)
          .replace('host: 0.0.0.0', 'host: 127.0.0.1')
          .replace('port: 8790', 'port: 0'),
      ),
    );
    const times = { roundIntervalMs: 1_000, settleMs: 100, roundTimeoutMs: 5_000 };
    return {
      ...shipped,
      learning: { ...shipped.learning, ...times },
      rollout: { ...shipped.rollout, stageMs: 0 },
      tickMs: 50,
      log: { ...shipped.log, format: 'json', level: 'info' },
    };
  }
}

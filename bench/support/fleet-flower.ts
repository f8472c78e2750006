import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Material } from './fleet-material.js';
import { peerScript } from './peer-process.js';
import { userCacheDir } from './places.js';

const PACKAGES = ['flwr==1.42.0', 'numpy==2.4.6'];

export interface Strategy {
  rate: number;
  epochs: number;
  mu: number;
  transform: string;
  /** Of the rows held out of the training rows, by which the settings were chosen. */
  heldAccuracy: number;
  /** On the test rows, after each round. */
  accuracy: number[];
}

export interface FlowerAnswer {
  fedavg: Strategy;
  fedprox: Strategy;
  /** Softmax on all training rows in one place: what rounds can come to. */
  pooled: Strategy;
  seconds: number;
}

/** Federated averaging with Flower on several deals of one data set. @throws without python3-venv and pip */
export async function runFlower(
  { featureSize, features, unit, labels, test, train }: Material,
  deals: readonly (readonly number[][])[],
  rounds: number,
): Promise<FlowerAnswer[]> {
  const python = flowerPython();
  const folder = mkdtempSync(join(tmpdir(), 'headland-flower-'));
  try {
    const files = { l2: join(folder, 'l2.f32'), 'sqrt-l2': join(folder, 'sqrt-l2.f32') };
    writeFileSync(files.l2, features);
    writeFileSync(files['sqrt-l2'], unit);
    const names = [...new Set(labels)].sort();
    const request = {
      files,
      featureSize,
      classes: names.length,
      labels: labels.map((label) => names.indexOf(label)),
      train,
      test,
      deals,
      rounds,
    };
    return (await ask(python, request)) as FlowerAnswer[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A virtual environment of its own, made once in the user's cache. */
function flowerPython(): string {
  const folder = join(userCacheDir(), 'bench-venv', PACKAGES.join('-').replaceAll('==', '-'));
  const python = join(folder, 'bin/python');
  const ready = join(folder, 'ready');
  if (existsSync(ready)) return python;
  process.stderr.write(`installing ${PACKAGES.join(' and ')} with pip\n`);
  mkdirSync(dirname(folder), { recursive: true });
  const stdio: ['ignore', 'ignore', 'inherit'] = ['ignore', 'ignore', 'inherit'];
  execFileSync('python3', ['-m', 'venv', '--clear', folder], { stdio });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
  execFileSync(python, install, { stdio });
  writeFileSync(ready, '');
  return python;
}

async function ask(python: string, request: object): Promise<unknown> {
  const child = spawn(python, [peerScript('fleet_learning.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      OMP_NUM_THREADS: '1',
      OPENBLAS_NUM_THREADS: '1',
      FLWR_TELEMETRY_ENABLED: '0',
    },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(JSON.stringify(request));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const code = await ended;
  if (code !== 0) throw new Error(`fleet_learning.py ended with ${code}`);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

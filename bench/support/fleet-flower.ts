import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerScript, pythons } from './peer-process.js';

interface Dealt {
  featureSize: number;
  features: Float32Array;
  labels: readonly string[];
  test: readonly number[];
}

interface Strategy {
  rate: number;
  epochs: number;
  mu: number;
  /** On the test rows, after each round. */
  accuracy: number[];
}

interface FlowerAnswer {
  flwr: string;
  strategies: Record<string, Strategy>;
}

/**
 * Federated averaging with Flower (`pip install flwr`), with the first interpreter that has it; null: none has.
 */
export async function runFlower(
  { featureSize, features, labels, test }: Dealt,
  robots: readonly number[][],
  rounds: number,
): Promise<FlowerAnswer | null> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-flower-'));
  try {
    const file = join(folder, 'features.f32');
    writeFileSync(file, features);
    const names = [...new Set(labels)].sort();
    const request = {
      features: file,
      featureSize,
      classes: names.length,
      labels: labels.map((label) => names.indexOf(label)),
      test,
      robots,
      rounds,
    };
    for (const python of pythons()) {
      const answer = await ask(python, request);
      if (answer !== null) return answer;
    }
    process.stderr.write('no Python with flwr: name one in HEADLAND_BENCH_PYTHONS\n');
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function ask(python: string, request: object): Promise<FlowerAnswer | null> {
  const child = spawn(python, [peerScript('fleet_learning.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(request));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  await ended;
  const text = Buffer.concat(chunks).toString('utf8');
  const answer = text === '' ? null : (JSON.parse(text) as FlowerAnswer | { missing: string });
  return answer === null || 'missing' in answer ? null : answer;
}

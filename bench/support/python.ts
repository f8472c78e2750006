import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs bench/peers/<script> with Debian's python3 on one thread (python3-sklearn, python3-torch):
 * a JSON request in, a JSON answer out.
 */
export async function runPeer<T>(script: string, request: object): Promise<T> {
  const file = fileURLToPath(new URL(`../../../bench/peers/${script}`, import.meta.url));
  const child = spawn('/usr/bin/python3', [file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(JSON.stringify(request));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const code = await ended;
  if (code !== 0) throw new Error(`${script} ended with ${code}: are its packages installed?`);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
}

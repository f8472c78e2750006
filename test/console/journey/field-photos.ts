import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceLabel } from '../../../src/camera/reference.js';
import { SimulatedDriver } from '../../../src/camera/simulated/simulated-camera.js';
import { validateConfig } from '../../../src/config/load.js';

/** Photos of a field in one folder, with what is on each. */
export interface FieldPhotos {
  folder: string;
  /** Paths of the files, in the order in which they were taken. */
  files: readonly string[];
  /** What is on a photo; null: it is none of these. */
  truthOf(bytes: Uint8Array): string | null;
}

/** Takes every fourth frame of the simulated field, `count` of them. */
export async function takeFieldPhotos(folder: string, count: number): Promise<FieldPhotos> {
  mkdirSync(folder, { recursive: true });
  const [camera] = validateConfig({ cameras: [{ driver: 'simulated', intervalMs: 0 }] }).cameras;
  if (camera?.driver !== 'simulated') throw new Error('another driver');
  const truths = new Map<string, string>();
  const files: string[] = [];
  const enough = new AbortController();
  let frame = 0;
  await new SimulatedDriver(camera).capture((picture) => {
    frame += 1;
    const label = referenceLabel(picture);
    if (frame % 4 !== 0 || label === undefined || files.length === count) return;
    const file = join(folder, `pass${Math.floor(frame / 8)}_${String(frame).padStart(4, '0')}.jpg`);
    writeFileSync(file, picture.jpeg);
    truths.set(sha256(picture.jpeg), label);
    files.push(file);
    if (files.length === count) enough.abort();
  }, enough.signal);
  return { folder, files, truthOf: (bytes) => truths.get(sha256(bytes)) ?? null };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

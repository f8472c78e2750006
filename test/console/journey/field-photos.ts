import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
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

/** The small backbone of the tests sees little but colour. */
const TINTS: Readonly<Record<string, { r: number; g: number; b: number }>> = {
  crop: { r: 40, g: 255, b: 40 },
  weed: { r: 90, g: 110, b: 255 },
  obstacle: { r: 255, g: 90, b: 120 },
};

/**
 * Takes every fourth frame of the simulated field, `count` of them.
 * @param tinted each class has a light of its own, for a backbone that sees colour alone
 */
export async function takeFieldPhotos(
  folder: string,
  count: number,
  tinted: boolean,
): Promise<FieldPhotos> {
  mkdirSync(folder, { recursive: true });
  const [camera] = validateConfig({ cameras: [{ driver: 'simulated', intervalMs: 0 }] }).cameras;
  if (camera?.driver !== 'simulated') throw new Error('another driver');
  const taken: { file: string; jpeg: Uint8Array; label: string }[] = [];
  const enough = new AbortController();
  let frame = 0;
  await new SimulatedDriver(camera).capture((picture) => {
    frame += 1;
    const label = referenceLabel(picture);
    if (frame % 4 !== 0 || label === undefined || taken.length === count) return;
    const file = join(folder, `pass${Math.floor(frame / 8)}_${String(frame).padStart(4, '0')}.jpg`);
    taken.push({ file, jpeg: picture.jpeg, label });
    if (taken.length === count) enough.abort();
  }, enough.signal);
  const truths = new Map<string, string>();
  for (const { file, jpeg, label } of taken) {
    const tint = tinted ? TINTS[label] : undefined;
    const photo = tint ? await sharp(jpeg).tint(tint).jpeg().toBuffer() : jpeg;
    writeFileSync(file, photo);
    truths.set(sha256(photo), label);
  }
  return {
    folder,
    files: taken.map(({ file }) => file),
    truthOf: (bytes) => truths.get(sha256(bytes)) ?? null,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

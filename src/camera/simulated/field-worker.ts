import { parentPort, workerData } from 'node:worker_threads';
import { serialiseError } from '../../base/errors.js';
import { encodeJpeg } from '../../vision/picture.js';
import type { Reference } from '../reference.js';
import { FieldScene, type FieldSettings } from './field-scene.js';

const JPEG_QUALITY = 88;

/** Requests one frame; `null` ends the worker. */
export type FieldRequest = { frame: number } | null;

export type FieldReply =
  | { jpeg: Uint8Array; references: Reference[]; group: string }
  | { error: ReturnType<typeof serialiseError> };

const port = parentPort!;
const scene = new FieldScene(workerData as FieldSettings);

async function reply(frame: number): Promise<void> {
  const { references, group, ...image } = scene.draw(frame);
  const encoded = await encodeJpeg(image, JPEG_QUALITY);
  const jpeg = new Uint8Array(encoded);
  port.postMessage({ jpeg, references, group } satisfies FieldReply, [jpeg.buffer]);
}

port.on('message', (request: FieldRequest) => {
  if (request === null) {
    port.close();
    return;
  }
  reply(request.frame).catch((error: unknown) => {
    port.postMessage({ error: serialiseError(error) } satisfies FieldReply);
  });
});

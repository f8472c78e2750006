import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import type { Backbone } from '../../src/backbone/backbone.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { Embedder } from '../../src/backbone/embedder.js';
import { sessionOptions } from '../../src/backbone/engines/engine-onnx.js';
import type { Config } from '../../src/config/schema.js';
import type { Head } from '../../src/head/head.js';
import { answer, answerSettings } from '../../src/perception/answer.js';

/** Milliseconds of some frames; a contender without an engine or a frame of its own gives none. */
export interface Times {
  engineMs: number[];
  frameMs: number[];
  /** Processor time a frame, of one that runs in another process. */
  cpuMs?: number;
}

/** One runtime or part that takes its turn. */
export interface Contender {
  name: string;
  run(frames: number): Promise<Times>;
  close(): Promise<void>;
}

export const LABELS = 12;

export function standInHead(backbone: Pick<Backbone, 'featureSize' | 'checksum'>): Head {
  return {
    learner: 'ridge',
    labels: Array.from({ length: LABELS }, (_, i) => `class-${i}`),
    featureSize: backbone.featureSize,
    backboneChecksum: backbone.checksum,
    transform: 'sqrt-l2',
    weights: Float32Array.from({ length: LABELS * backbone.featureSize }, (_, i) => Math.sin(i)),
    bias: new Float32Array(LABELS),
    temperature: 1,
  };
}

/** The way of a frame without a worker thread: for a backbone that is open in this one. */
export function inThread(
  name: string,
  backbone: Backbone,
  head: Head,
  inference: Config['inference'],
  files: readonly string[],
): Contender {
  const { fit, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = inference;
  const embedder = new Embedder(backbone, { fit, maxBytes, maxPixels });
  const decision = answerSettings(head, inference);
  const see = async (file: string): Promise<number> => {
    const { features, forwardMs } = await embedder.embedPicture(readFileSync(file));
    answer({ version: 1, head }, features, decision);
    return forwardMs;
  };
  return fromFiles(name, files, see, () => backbone.close());
}

/** @param see from a file to a decision; resolves to the milliseconds of the network */
export function fromFiles(
  name: string,
  files: readonly string[],
  see: (file: string) => Promise<number>,
  close: () => Promise<void>,
): Contender {
  let next = 0;
  return {
    name,
    async run(frames) {
      const times: Times = { engineMs: [], frameMs: [] };
      for (let i = 0; i < frames; i++) {
        const startMs = performance.now();
        const engineMs = await see(files[next++ % files.length] as string);
        times.frameMs.push(performance.now() - startMs);
        times.engineMs.push(engineMs);
      }
      return times;
    },
    close,
  };
}

/** ONNX Runtime and nothing else: the same tensor again and again. */
export async function bareEngine(
  name: string,
  model: Uint8Array,
  size: number,
): Promise<Contender> {
  const { infer, release } = await session(model, size);
  return timed(name, 'engineMs', infer, release);
}

/** libvips and nothing else: JPEG bytes to S x S pixels. */
export function bareDecode(name: string, pictures: readonly Uint8Array[], size: number): Contender {
  let next = 0;
  return timed(name, 'frameMs', () =>
    decode(pictures[next++ % pictures.length] as Uint8Array, size),
  );
}

/** Both in turn, as in a frame: each finds the caches as the other left them. */
export async function bareParts(
  name: string,
  model: Uint8Array,
  pictures: readonly Uint8Array[],
  size: number,
): Promise<Contender> {
  const { infer, release } = await session(model, size);
  let next = 0;
  const both = async () => {
    await decode(pictures[next++ % pictures.length] as Uint8Array, size);
    await infer();
  };
  return timed(name, 'frameMs', both, release);
}

async function decode(picture: Uint8Array, size: number): Promise<void> {
  await sharp(picture).resize(size, size, { fit: 'fill', kernel: 'cubic' }).raw().toBuffer();
}

async function session(model: Uint8Array, size: number) {
  const opened = await ort.InferenceSession.create(model, sessionOptions(1));
  const { data } = drawCheckPicture(size);
  const values = Float32Array.from(data, (value) => (value - 127) / 128);
  const input = new ort.Tensor('float32', values, [1, 3, size, size]);
  const infer = async () => {
    const outputs = await opened.run({ [opened.inputNames[0] as string]: input });
    for (const output of Object.values(outputs)) output.dispose();
  };
  return { infer, release: () => opened.release() };
}

function timed(
  name: string,
  figure: 'engineMs' | 'frameMs',
  work: () => Promise<void>,
  close: () => Promise<void> = async () => {},
): Contender {
  return {
    name,
    async run(frames) {
      const times: Times = { engineMs: [], frameMs: [] };
      for (let i = 0; i < frames; i++) {
        const startMs = performance.now();
        await work();
        times[figure].push(performance.now() - startMs);
      }
      return times;
    },
    close,
  };
}

/** Writes pictures as files, as a camera's buffer or a peer reads them. */
export function writePictures(dir: string, pictures: readonly Uint8Array[]): string[] {
  mkdirSync(dir, { recursive: true });
  return pictures.map((picture, i) => {
    const file = join(dir, `${i}.jpg`);
    writeFileSync(file, picture);
    return file;
  });
}

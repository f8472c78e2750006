import { parentPort, workerData } from 'node:worker_threads';
import { openAccelerated } from '../backbone/open-accelerated.js';
import { compareWithGolden } from '../backbone/variant-golden.js';
import { HeadlandError, serialiseError } from '../base/errors.js';
import { silentLog } from '../base/log.js';
import type { RgbImage } from '../vision/image.js';
import { type AnswerSettings, answer, answerSettings } from './answer.js';
import { type DecisionSettings, undecided } from './decision.js';
import type {
  FromWorker,
  Seen,
  ServingHead,
  ToWorker,
  WorkerAnswer,
  WorkerSettings,
} from './perception-protocol.js';
import { pixelBuffers } from './pixel-ring.js';

/** One frame in its forward pass, one waiting. */
const SLOTS = 2;

/**
 * The thread that turns pixels into decisions. A forward pass blocks its event loop, so it must not
 * run on the main thread.
 */
const port = parentPort;
if (!port) throw new Error('perception/worker.ts runs as a worker thread only');
const { card, model, modelChecksum, variantGolden, checksum, threads, execution, tasks } =
  workerData as WorkerSettings;
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

try {
  const { backbone, fallback } = await openAccelerated(
    { card, model, checksum: modelChecksum, threads, log: silentLog() },
    execution,
  );
  if (variantGolden) {
    await compareWithGolden(backbone, variantGolden).catch(async (error: unknown) => {
      await backbone.close();
      throw error;
    });
  }
  const { name, engine, featureSize, inputSize } = backbone;
  const buffers = pixelBuffers(SLOTS, inputSize);
  const images = buffers.map((buffer): RgbImage => {
    return { width: inputSize, height: inputSize, data: new Uint8Array(buffer) };
  });
  const decisions = new Map(tasks.map(({ name, decision }) => [name, decision]));
  const decisionOf = (task: string): DecisionSettings => {
    const settings = decisions.get(task);
    if (!settings) throw new Error(`no task is named "${task}"`);
    return settings;
  };
  const serving = new Map<string, { head: ServingHead; settings: AnswerSettings }>();
  let last: Promise<void> = Promise.resolve();

  const answerOf = (task: string, features: Float32Array): WorkerAnswer => {
    const serves = serving.get(task);
    if (!serves) return { task, decision: undecided(), scores: null };
    return { task, ...answer(serves.head, features, serves.settings) };
  };

  const see = async (image: RgbImage, asked: readonly string[]): Promise<Seen> => {
    const startMs = performance.now();
    const features = await backbone.embed(image);
    const embeddedMs = performance.now();
    const answers = asked.map((task) => answerOf(task, features));
    const headMs = performance.now() - embeddedMs;
    return { answers, features, timings: { backboneMs: embeddedMs - startMs, headMs } };
  };

  const useHead = (task: string, next: ServingHead | null): void => {
    if (!next) {
      serving.delete(task);
      return;
    }
    if (next.head.backboneChecksum !== checksum) {
      throw new HeadlandError(
        'HL_HEAD_BACKBONE_MISMATCH',
        `head ${next.version ?? 'of the first labels'} was trained on another backbone than ${name}`,
        { remedy: 'Train again (`headland train`), or set models.backbone back.' },
      );
    }
    const settings = answerSettings(next.head, decisionOf(task));
    // Refuses a head that cannot answer now, instead of frame by frame.
    answer(next, new Float32Array(featureSize), settings);
    serving.set(task, { head: next, settings });
  };

  port.on('message', (message: ToWorker) => {
    if (message.type === 'close') {
      port.close();
      void backbone.close();
      return;
    }
    if (message.type === 'head') {
      const { id } = message;
      try {
        useHead(message.task, message.serving);
        send({ type: 'swapped', id });
      } catch (error) {
        send({ type: 'head-refused', id, error: serialiseError(error) });
      }
      return;
    }
    const { id, slot, tasks: asked } = message;
    // One after the other, so that each measured time belongs to one frame.
    last = last
      .then(() => see(images[slot]!, asked))
      .then(
        (seen) => send({ type: 'seen', id, seen }, [seen.features.buffer as ArrayBuffer]),
        (error) => send({ type: 'refused', id, error: serialiseError(error) }),
      );
  });
  const info = { name, checksum, engine, featureSize, inputSize, insteadOf: null };
  // The engine has its own copy of the model; the transfer frees this one's memory at once.
  const unaccelerated = fallback && serialiseError(fallback);
  send({ type: 'ready', backbone: info, unaccelerated, buffers }, [model.buffer as ArrayBuffer]);
} catch (error) {
  send({ type: 'failed', error: serialiseError(error) });
  port.close();
}

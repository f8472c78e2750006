import { parentPort, workerData } from 'node:worker_threads';
import { loadCard } from '../backbone/cards.js';
import { Embedder } from '../backbone/embedder.js';
import { openBackbone } from '../backbone/open.js';
import { HeadlandError, serialiseError } from '../errors.js';
import { silentLog } from '../log.js';
import { differenceHash } from '../vision/dhash.js';
import { answer } from './answer.js';
import { decide } from './decision.js';
import type {
  FromWorker,
  Perceived,
  PerceptionSettings,
  ServingHead,
  ToWorker,
} from './protocol.js';

/**
 * The thread in which a frame becomes a decision. It is a thread of its own because a forward pass
 * blocks the event loop that it runs on.
 */
const port = parentPort;
if (!port) throw new Error('perception/worker.ts runs as a worker thread only');
const settings = workerData as PerceptionSettings;
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

try {
  const backbone = await openBackbone({
    card: await loadCard(settings.backbone, settings.cardsDir),
    cacheDir: settings.cacheDir,
    threads: settings.threads,
    log: silentLog(),
  });
  const embedder = new Embedder(backbone, {
    fit: settings.fit,
    maxBytes: settings.maxPictureBytes,
    maxPixels: settings.maxPicturePixels,
  });
  let serving: ServingHead | null = null;

  const perceive = async (jpeg: Uint8Array): Promise<Perceived> => {
    const startMs = performance.now();
    const { features, image, decodeMs, forwardMs } = await embedder.embedPicture(jpeg);
    const headStartMs = performance.now();
    const decision = serving
      ? answer(serving, features, settings.decision)
      : decide([], null, settings.decision);
    const endMs = performance.now();
    return {
      decision,
      features,
      dhash: differenceHash(image),
      timings: {
        decodeMs,
        backboneMs: forwardMs,
        headMs: endMs - headStartMs,
        totalMs: endMs - startMs,
      },
    };
  };

  const useHead = (next: ServingHead | null): void => {
    if (next && next.head.backboneChecksum !== embedder.checksum) {
      throw new HeadlandError(
        'HL_HEAD_BACKBONE_MISMATCH',
        `head ${next.version} was trained on another backbone than ${backbone.name}`,
        { remedy: 'Train again: `headland train`, or set models.backbone back.' },
      );
    }
    serving = next;
  };

  port.on('message', (message: ToWorker) => {
    if (message.type === 'close') {
      port.close();
      void backbone.close();
      return;
    }
    if (message.type === 'head') {
      try {
        useHead(message.serving);
      } catch (error) {
        send({ type: 'failed', error: serialiseError(error) });
      }
      return;
    }
    perceive(message.jpeg).then(
      (perceived) =>
        send({ type: 'perceived', id: message.id, perceived }, [
          perceived.features.buffer as ArrayBuffer,
        ]),
      (error) => send({ type: 'refused', id: message.id, error: serialiseError(error) }),
    );
  });
  const { name, engine, featureSize, inputSize } = backbone;
  const { checksum } = embedder;
  send({ type: 'ready', backbone: { name, checksum, engine, featureSize, inputSize } });
} catch (error) {
  send({ type: 'failed', error: serialiseError(error) });
  port.close();
}

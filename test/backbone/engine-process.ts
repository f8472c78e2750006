// Workers that are asked to stay are idle when they are ended: a forward pass that is cut off by
// terminate() or process.exit() aborts the process inside onnxruntime-node.
// Opens a model in the main thread and in workers at once, embeds, and ends in the way asked for:
//   node engine-process.js MODEL close|leave|exit|terminate
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { TINY_SIZE, tinyCard } from './support.js';

const [path, ending] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
const engine = await OnnxEngine.create({
  card: tinyCard(),
  model: readFileSync(path as string),
  checksum: 'c',
  threads: 2,
});
const picture = drawCheckPicture(TINY_SIZE);

async function embedMany(): Promise<string> {
  let last = '';
  for (let i = 0; i < 50; i++) last = (await engine.embed(picture)).join();
  return last;
}

if (isMainThread) {
  const workers = [1, 2].map(
    () => new Worker(new URL(import.meta.url), { workerData: [path, ending] }),
  );
  const answers = workers.map(
    (worker) =>
      new Promise<string>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  const results = await Promise.all([embedMany(), ...answers]);
  process.stdout.write(`${new Set(results).size} ${engine.engine}\n`);
  if (ending === 'exit') process.exit(0);
  if (ending === 'terminate') await Promise.all(workers.map((worker) => worker.terminate()));
  if (ending === 'close' || ending === 'terminate') await engine.close();
} else {
  parentPort?.postMessage(await embedMany());
  if (ending === 'close') await engine.close();
  if (ending === 'exit' || ending === 'terminate') setInterval(() => undefined, 100);
}

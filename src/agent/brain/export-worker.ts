import { parentPort, workerData } from 'node:worker_threads';
import { serialiseError } from '../../base/errors.js';
import { createLog } from '../../base/log.js';
import { HeadRegistry } from '../../registry/registry.js';
import { exportHead } from './export-head.js';
import type { ExportRequest, FromExportWorker } from './onnx-export.js';

/** The thread of {@link OnnxExport}: it joins one head and its backbone, and ends. */
async function work({ headsDir, version, settings }: ExportRequest): Promise<FromExportWorker> {
  try {
    const stored = await new HeadRegistry(headsDir, { keep: 1 }).load(version);
    const log = createLog({ level: 'warn', fileDescriptor: 2 });
    const { exported } = await exportHead(stored, settings, log);
    return { model: exported.file! };
  } catch (error) {
    return { error: serialiseError(error) };
  }
}

parentPort?.postMessage(await work(workerData as ExportRequest));

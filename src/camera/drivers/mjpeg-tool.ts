import { runTool, type Tool, type ToolExit } from './camera-tool.js';
import { type JpegCapture, JpegDelivery } from './jpeg-delivery.js';

export interface JpegCaptureEnd {
  exit: ToolExit;
  /** Whole pictures that came, also those that were left out for being too fast. */
  pictures: number;
  /** It was ended because its first byte already was none of a JPEG. */
  notJpeg: boolean;
}

/**
 * Runs a tool that writes JPEGs, one after the other, to its standard output, and delivers them,
 * until it ends or `signal` aborts. With `waits` it waits in its pipe.
 *
 * @throws HeadlandError as runTool does.
 */
export async function captureJpegs(
  tool: Tool,
  capture: JpegCapture,
  signal: AbortSignal,
): Promise<JpegCaptureEnd> {
  const delivery = new JpegDelivery(capture, signal);
  const wrongFormat = new AbortController();
  const exit = await runTool(
    tool,
    (chunk) => {
      if (wrongFormat.signal.aborted) return undefined;
      if (delivery.bytes === 0 && chunk[0] !== 0xff) {
        wrongFormat.abort();
        return undefined;
      }
      return delivery.take(chunk);
    },
    AbortSignal.any([signal, wrongFormat.signal]),
  );
  delivery.end();
  return { exit, pictures: delivery.pictures, notJpeg: wrongFormat.signal.aborted };
}

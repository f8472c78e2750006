import { runTool, type Tool, type ToolExit } from './camera-tool.js';
import { type JpegCapture, JpegDelivery } from './jpeg-delivery.js';

export interface JpegCaptureEnd {
  exit: ToolExit;
  /** Complete pictures received, including those dropped by the frame rate limit. */
  pictures: number;
  /** The tool was stopped because its output does not begin like a JPEG. */
  notJpeg: boolean;
}

/**
 * Runs a tool that writes concatenated JPEGs to its standard output, and delivers them until it
 * exits or `signal` aborts. With `waits`, the tool blocks on its pipe while the receiver is busy.
 *
 * @throws HeadlandError as {@link runTool} does
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

import { basename } from 'node:path';
import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import type { CameraDriver, PictureReceiver } from '../../camera.js';
import type { DriverConfig } from '../../camera-settings.js';
import { runTool, type ToolExit } from '../camera-tool.js';
import { FrameReader } from './frame-reader.js';
import { listenForFrames } from './frame-socket.js';

export type PipeConfig = DriverConfig<'pipe'>;

/**
 * Takes images from another program, as {@link FrameReader} reads them: from the standard output of a
 * program that headland starts, or from one that connects to a Unix socket.
 */
export class PipeDriver implements CameraDriver {
  readonly description: string;
  readonly #config: PipeConfig;
  #invalidPictures = 0;

  constructor(config: PipeConfig) {
    this.#config = config;
    const { socket, command } = config;
    this.description =
      command === null ? `pipe, socket ${socket}` : `pipe, program ${basename(command.path)}`;
  }

  get invalidPictures(): number {
    return this.#invalidPictures;
  }

  /**
   * Listens until `signal` aborts, while senders come and go; or runs the program, whose end is a failure.
   *
   * @throws HeadlandError HL_CAMERA_FRAMING_REFUSED, HL_CAMERA_SOCKET_REFUSED, HL_CAMERA_TOOL_MISSING,
   *   HL_CAMERA_EXITED
   */
  async capture(onPicture: PictureReceiver, signal: AbortSignal): Promise<void> {
    const { socket, command, access } = this.#config;
    if (command !== null) return this.#run(command, onPicture, signal);
    // The settings have one of the two.
    if (socket === null) return;
    const onSender = () => this.#reading(onPicture, signal);
    await listenForFrames({ path: socket, access, onSender }, signal);
  }

  async #run(
    command: NonNullable<PipeConfig['command']>,
    onPicture: PictureReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    const { path } = command;
    const tool = { command: path, arguments: command.arguments, debianPackage: basename(path) };
    const stream = this.#reading(onPicture, signal);
    let exit: ToolExit;
    try {
      exit = await runTool(tool, (chunk) => stream.take(chunk), signal);
    } catch (error) {
      throw isHeadlandError(error, 'HL_CAMERA_TOOL_MISSING') ? missing(path) : error;
    } finally {
      stream.end();
    }
    if (!signal.aborted) throw exited(path, exit);
  }

  #reading(onPicture: PictureReceiver, signal: AbortSignal) {
    const reader = new FrameReader(this.#config.maxImageBytes);
    const count = (work: () => void): void => {
      const before = reader.invalidPictures;
      work();
      this.#invalidPictures += reader.invalidPictures - before;
    };
    return {
      take: (chunk: Uint8Array): void => {
        count(() => {
          for (const picture of reader.push(chunk)) if (!signal.aborted) onPicture(picture);
        });
      },
      end: (): void => count(() => reader.end()),
    };
  }
}

function missing(path: string): HeadlandError {
  return new HeadlandError('HL_CAMERA_TOOL_MISSING', `${path} does not exist`, {
    remedy: 'Correct command.path of the camera, or install the program there.',
    details: { path },
  });
}

function exited(path: string, { code, signal, lastLines }: ToolExit): HeadlandError {
  const how = code === null ? `signal ${signal}` : `exit code ${code}`;
  const said = lastLines.length > 0 ? `: ${lastLines.join(' | ')}` : '';
  return new HeadlandError('HL_CAMERA_EXITED', `${basename(path)} ended with ${how}${said}`, {
    remedy:
      'Run the program by hand as the user of the daemon, and correct what it reports. It must run as long as there are images.',
    details: { path, code, signal },
  });
}

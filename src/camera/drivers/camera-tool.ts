import { type ChildProcess, spawn } from 'node:child_process';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { pause, settledOrAborted } from '../../base/pause.js';
import { endChild } from '../../base/processes/end-child.js';
import { redactText } from '../../base/redact.js';

const TERMINATE_GRACE_MS = 300;
/** Time for a tool to exit after it closed its output, before it is killed. */
const LINGER_MS = 1_000;
const KEPT_LINES = 12;
const KEPT_LINE_CHARACTERS = 400;

/** A program to run without a shell. */
export interface Tool {
  command: string;
  arguments: string[];
  /** Debian package of `command`, for the remedy when it is not installed. */
  debianPackage: string;
  /**
   * Written to its standard input, which is then closed; unlike arguments, other users cannot see
   * it.
   */
  input?: string;
  /** Tells meaningless lines of standard error, which are not kept. */
  isNoise?: (line: string) => boolean;
}

/** How a tool ended. */
export interface ToolExit {
  /** Exit code, or null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines of standard error, oldest first. */
  lastLines: string[];
}

/**
 * Runs a tool until it exits or `signal` aborts (SIGTERM, after 300 ms SIGKILL, which also ends a
 * stopped process). Settles only after the process is gone, or after 2 s if the kernel holds it and
 * it cannot be killed. Until a promise of `onOutput` settles, nothing more is read, so that the
 * tool blocks on its pipe.
 *
 * @throws HeadlandError HL_CAMERA_TOOL_MISSING when the command is not found, HL_CAMERA_EXITED when
 *   it cannot be started for another reason, and whatever `onOutput` throws.
 */
export async function runTool(
  tool: Tool,
  onOutput: (chunk: Uint8Array) => unknown,
  signal: AbortSignal,
): Promise<ToolExit> {
  const child: ChildProcess = spawn(tool.command, tool.arguments, {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let startError: NodeJS.ErrnoException | null = null;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      startError = error;
      resolve();
    });
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) {
    // Without free files there is no process and there are no pipes.
    await gone;
    throw startFailure(tool, startError ?? new Error('there are no pipes for it'));
  }
  // A tool that exits before reading its input is reported by its exit.
  stdin.on('error', () => {}).end(tool.input ?? '');
  const drained = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lastLines = keepLastLines(child, tool.isNoise ?? (() => false));
  const onAbort = () => stdout.destroy();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  try {
    for await (const chunk of stdout) await settledOrAborted(onOutput(chunk), signal);
    await Promise.race([gone, pause(LINGER_MS, signal)]);
  } catch (error) {
    if (!signal.aborted && !startError) throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await endChild(child, TERMINATE_GRACE_MS);
    if (!signal.aborted) await Promise.race([drained, pause(TERMINATE_GRACE_MS)]);
    stdin.destroy();
    stdout.destroy();
    stderr.destroy();
  }
  if (startError) throw startFailure(tool, startError);
  return { code: child.exitCode, signal: child.signalCode, lastLines };
}

function keepLastLines(child: ChildProcess, isNoise: (line: string) => boolean): string[] {
  const lines: string[] = [];
  let open = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (open + text).split(/[\r\n]+/);
    open = parts.pop()!.slice(0, KEPT_LINE_CHARACTERS);
    for (const part of parts) {
      // Redact before truncating: half a secret would not be recognised.
      const line = redactText(part.trim()).slice(0, KEPT_LINE_CHARACTERS);
      if (line !== '' && !isNoise(line)) lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    }
  });
  return lines;
}

function startFailure(tool: Tool, error: NodeJS.ErrnoException): HeadlandError {
  if (error.code === 'ENOENT') {
    return new HeadlandError('HL_CAMERA_TOOL_MISSING', `${tool.command} is not installed`, {
      remedy: `Install it: sudo apt-get install ${tool.debianPackage}`,
      details: { command: tool.command, debianPackage: tool.debianPackage },
      cause: error,
    });
  }
  return new HeadlandError(
    'HL_CAMERA_EXITED',
    `${tool.command} could not be started: ${messageOf(error)}`,
    {
      remedy: `Run ${tool.command} by hand as the user of the daemon, and correct what it reports.`,
      details: { command: tool.command },
      cause: error,
    },
  );
}

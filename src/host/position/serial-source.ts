import { execFile } from 'node:child_process';
import { close, constants, fstat, open } from 'node:fs';
import { Socket } from 'node:net';
import { isatty, ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { NmeaFixes } from './nmea-fixes.js';
import { MAX_SENTENCE_CHARACTERS, readSentence } from './nmea-sentence.js';
import type { OpenSource, PositionSource, ReportReceiver } from './position-source.js';
import { readReports } from './read-reports.js';

const run = promisify(execFile);
const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const statOf = promisify(fstat);
const STTY_TIMEOUT_MS = 5_000;

/** Positions from a receiver that sends NMEA 0183 over a serial line, or into a named pipe. */
export class SerialSource implements PositionSource {
  readonly description: string;

  constructor(private readonly line: { device: string; baud: number }) {
    this.description = `receiver on ${line.device}`;
  }

  /** @throws HeadlandError HL_SERIAL_UNREADABLE */
  async open(receiver: ReportReceiver, signal: AbortSignal): Promise<OpenSource> {
    const stream = await this.#stream(signal);
    const fixes = new NmeaFixes();
    return readReports(
      stream,
      {
        maxLineBytes: MAX_SENTENCE_CHARACTERS,
        parse: (line) => {
          const sentence = readSentence(line);
          return sentence && fixes.push(sentence);
        },
        ended: (cause) => this.#unreadable(cause?.message ?? 'the line was closed', cause),
      },
      receiver,
    );
  }

  silent(seconds: number): HeadlandError {
    const { device, baud } = this.line;
    return new HeadlandError(
      'HL_POSITION_SILENT',
      `${this.description} has sent no sentence of NMEA 0183 for ${seconds} seconds at ${baud} baud`,
      {
        remedy:
          'Check the cable and the power of the receiver, and set position.serial.baud to its rate; it must send GGA or RMC.',
        details: { device, baud },
      },
    );
  }

  async #stream(signal: AbortSignal): Promise<Socket> {
    // A session leader would make the terminal its own, and die when it is unplugged. For writing
    // too, so that a pipe stays open while nobody writes into it.
    const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
    let descriptor: number | null = null;
    try {
      signal.throwIfAborted();
      descriptor = await openDescriptor(this.line.device, O_RDWR | O_NOCTTY | O_NONBLOCK);
      const isPipe = (await statOf(descriptor)).isFIFO();
      if (!isPipe) {
        if (!isatty(descriptor)) throw new Error('it is neither a terminal nor a named pipe');
        await this.#setLine();
      }
      signal.throwIfAborted();
      // Event-driven: a blocking read would hold a thread until the next sentence.
      return isPipe
        ? new Socket({ fd: descriptor, readable: true, writable: false })
        : new ReadStream(descriptor);
    } catch (error) {
      if (descriptor !== null) await closeDescriptor(descriptor);
      throw this.#unreadable(messageOf(error), error);
    }
  }

  /** Node.js has no call for the speed of a line. */
  async #setLine(): Promise<void> {
    const { device, baud } = this.line;
    const modes = ['raw', '-echo', 'clocal', 'cread', '-hupcl'];
    await run('stty', ['-F', device, String(baud), ...modes], { timeout: STTY_TIMEOUT_MS });
  }

  #unreadable(why: string, cause: unknown): HeadlandError {
    const { device } = this.line;
    return new HeadlandError('HL_SERIAL_UNREADABLE', `${this.description}: ${why.trim()}`, {
      remedy:
        'Plug the receiver in, and set position.serial.device to its path (ls /dev/serial/by-id). For a user without the right to open it: install the drop-in serial-position.conf, or add the user to the group dialout.',
      details: { device },
      cause,
    });
  }
}

import { connect, type Socket } from 'node:net';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { GpsdReports, WATCH } from './gpsd-report.js';
import type { OpenSource, PositionSource, ReportReceiver } from './position-source.js';
import { readReports } from './read-reports.js';

/** The limit of gpsd itself (GPS_JSON_RESPONSE_MAX). */
const MAX_LINE_BYTES = 10_240;
const CONNECT_TIMEOUT_MS = 5_000;

/** Positions from gpsd, over TCP. */
export class GpsdSource implements PositionSource {
  readonly description: string;

  constructor(private readonly address: { host: string; port: number }) {
    this.description = `gpsd on ${address.host}:${address.port}`;
  }

  /** @throws HeadlandError HL_GPSD_UNREACHABLE */
  async open(receiver: ReportReceiver, signal: AbortSignal): Promise<OpenSource> {
    const socket = await this.#connect(signal);
    const reports = new GpsdReports();
    const open = readReports(
      socket,
      {
        maxLineBytes: MAX_LINE_BYTES,
        parse: (line) => reports.push(line),
        ended: (cause) => this.#unreachable(cause?.message ?? 'it closed the connection', cause),
      },
      receiver,
    );
    socket.write(WATCH);
    return open;
  }

  silent(seconds: number): HeadlandError {
    return new HeadlandError(
      'HL_POSITION_SILENT',
      `${this.description} has reported no position for ${seconds} seconds`,
      {
        remedy:
          'Check the cable and the power of the receiver; gpsd must know it: set DEVICES in /etc/default/gpsd, and look with gpsmon.',
        details: this.address,
      },
    );
  }

  #connect(signal: AbortSignal): Promise<Socket> {
    const socket = connect(this.address);
    return new Promise((resolve, reject) => {
      const done = (error: Error | null): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.removeAllListeners();
        if (error === null) {
          resolve(socket);
          return;
        }
        socket.on('error', () => {}).destroy();
        reject(this.#unreachable(messageOf(error), error));
      };
      const onAbort = (): void => done(new Error('headland ends'));
      const timer = setTimeout(() => done(new Error('no answer')), CONNECT_TIMEOUT_MS);
      signal.addEventListener('abort', onAbort);
      socket.once('connect', () => done(null)).once('error', done);
      if (signal.aborted) onAbort();
    });
  }

  #unreachable(why: string, cause: unknown): HeadlandError {
    return new HeadlandError('HL_GPSD_UNREACHABLE', `${this.description}: ${why}`, {
      remedy:
        'Start gpsd (systemctl enable --now gpsd.socket), or correct position.gpsd.host and position.gpsd.port.',
      details: this.address,
      cause,
    });
  }
}

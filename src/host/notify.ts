import { spawn } from 'node:child_process';
import { endianness } from 'node:os';
import { messageOf } from '../base/errors.js';
import { type Koffi, loadKoffi } from './load-koffi.js';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;

/** @returns false when the message could not be sent */
type Send = (message: string) => boolean;

/**
 * Reports the daemon's state to systemd: the sd_notify(3) protocol over NOTIFY_SOCKET. Node has no
 * unix datagram sockets, so this calls libc through koffi, or `systemd-notify` where koffi cannot be
 * loaded (the unit then needs NotifyAccess=all). Without NOTIFY_SOCKET every call does nothing.
 */
export class SystemdNotifier {
  /** How messages are sent. */
  readonly transport: 'none' | 'libc' | 'systemd-notify';
  /** Interval for watchdog(): half of the unit's WatchdogSec; null when the unit has none. */
  readonly watchdogIntervalMs: number | null;
  /** Why libc cannot be called; null when it can, or need not be. */
  readonly libcError: string | null;
  readonly #send: Send;

  constructor(env: NodeJS.ProcessEnv = process.env, load = loadKoffi) {
    const path = env.NOTIFY_SOCKET;
    const microseconds = Number(env.WATCHDOG_USEC);
    const forUs = (env.WATCHDOG_PID ?? String(process.pid)) === String(process.pid);
    this.watchdogIntervalMs = path && forUs && microseconds > 0 ? microseconds / 2_000 : null;
    const libc = path ? sendThroughLibc(path, load) : () => true;
    const usable = typeof libc === 'function';
    this.#send = usable ? libc : sendThroughTool(path ?? '');
    this.transport = path ? (usable ? 'libc' : 'systemd-notify') : 'none';
    this.libcError = usable ? null : libc.message;
  }

  /** Start-up is complete: units ordered after this one may start. */
  ready = (): boolean => this.#send('READY=1');
  /** The daemon reads its configuration anew; {@link ready} ends that. */
  reloading = (): boolean =>
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
  /** Sets the one line that `systemctl status` shows. */
  status = (text: string): boolean => this.#send(`STATUS=${text.replaceAll('\n', ' ')}`);
  /** Resets the watchdog. Call it only after progress, never from a bare timer. */
  watchdog = (): boolean => this.#send('WATCHDOG=1');
  /** The daemon is shutting down. */
  stopping = (): boolean => this.#send('STOPPING=1');
}

function sendThroughLibc(path: string, load: () => Koffi): Send | Error {
  try {
    const libc = load().load(null);
    const socket = libc.func('int socket(int domain, int type, int protocol)');
    const sendto = libc.func(
      'intptr_t sendto(int fd, const void *data, size_t size, int flags, const void *to, uint32_t toSize)',
    );
    const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
    if (fd < 0) return new Error('socket() refused a unix datagram socket');
    // struct sockaddr_un: the family in the machine's byte order, then the path, "@" for abstract.
    const address = Buffer.from(`\0\0${path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`}`);
    address[endianness() === 'LE' ? 0 : 1] = AF_UNIX;
    return (message) => {
      const data = Buffer.from(message);
      return sendto(fd, data, data.length, MSG_DONTWAIT_NOSIGNAL, address, address.length) >= 0;
    };
  } catch (error) {
    return new Error(messageOf(error));
  }
}

function sendThroughTool(path: string): Send {
  return (message) => {
    const env = { ...process.env, NOTIFY_SOCKET: path };
    const tool = spawn('systemd-notify', ['--no-block', message], { env, stdio: 'ignore' });
    tool.on('error', () => undefined).unref();
    return tool.pid !== undefined;
  };
}

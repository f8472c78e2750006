import { closeSync, writeSync } from 'node:fs';
import koffi from 'koffi';

const O_RDWR = 2;
const O_NOCTTY = 0x100;
/** A daemon under test must not keep the other end open. */
const O_CLOEXEC = 0x80000;

/** A terminal of the kernel: what is written here arrives at `device`, as over a serial line. */
export class PseudoTerminal {
  readonly device: string;
  readonly #descriptor: number;
  #closed = false;

  constructor() {
    const libc = koffi.load('libc.so.6');
    const open = libc.func('int posix_openpt(int)');
    const grant = libc.func('int grantpt(int)');
    const unlock = libc.func('int unlockpt(int)');
    const name = libc.func('const char *ptsname(int)');
    this.#descriptor = open(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (this.#descriptor < 0 || grant(this.#descriptor) !== 0 || unlock(this.#descriptor) !== 0) {
      throw new Error('the kernel gives no pseudo-terminal');
    }
    this.device = String(name(this.#descriptor));
  }

  /** Nothing is written after {@link close}. */
  write(lines: readonly string[]): void {
    if (this.#closed) return;
    writeSync(this.#descriptor, lines.map((line) => `${line}\r\n`).join(''));
  }

  /** As when the receiver is unplugged. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { HeadlandError } from '../../base/errors.js';
import { printLine } from '../support/output.js';

/** Questions to a person at a terminal. Every method throws HL_SETUP_CANCELLED after Ctrl-C or Ctrl-D. */
export class Terminal {
  readonly #interface: Interface;
  readonly #abort = new AbortController();
  #isHidden = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        // What is typed into a hidden answer is not echoed; its line end is.
        if (!this.#isHidden) output.write(chunk);
        done();
      },
    });
    this.#interface = createInterface({ input, output: shown, terminal: true });
    this.#interface.on('SIGINT', () => this.#abort.abort());
    this.#interface.on('close', () => this.#abort.abort());
  }

  /** @param suggestion the answer to an empty line */
  async ask(question: string, suggestion = ''): Promise<string> {
    const shown = suggestion === '' ? `${question} ` : `${question} [${suggestion}] `;
    const answer = (await this.#read(shown)).trim();
    return answer === '' ? suggestion : answer;
  }

  /** The answer is not shown. */
  async askHidden(question: string): Promise<string> {
    process.stdout.write(`${question} `);
    this.#isHidden = true;
    try {
      return await this.#read('');
    } finally {
      this.#isHidden = false;
      process.stdout.write('\n');
    }
  }

  /** Asks until the answer is yes or no. */
  async confirm(question: string, suggestion: boolean): Promise<boolean> {
    for (;;) {
      const answer = (await this.ask(`${question} (y/n)`, suggestion ? 'y' : 'n')).toLowerCase();
      if (/^y(es)?$/.test(answer)) return true;
      if (/^no?$/.test(answer)) return false;
      printLine('Answer y or n.');
    }
  }

  close(): void {
    this.#interface.close();
  }

  async #read(prompt: string): Promise<string> {
    const { signal } = this.#abort;
    try {
      return await this.#interface.question(prompt, { signal });
    } catch (cause) {
      if (!signal.aborted) throw cause;
      process.stdout.write('\n');
      throw cancelled(cause);
    }
  }
}

export function cancelled(cause?: unknown): HeadlandError {
  return new HeadlandError('HL_SETUP_CANCELLED', 'cancelled: nothing was written', {
    remedy: 'Run `headland setup` again; the configuration is as it was.',
    cause,
  });
}

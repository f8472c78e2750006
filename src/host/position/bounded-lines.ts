/**
 * Splits a stream of bytes into lines of ASCII. A line that is longer than `maxBytes` is skipped up
 * to its end, so that memory stays bounded whatever arrives.
 */
export class BoundedLines {
  #rest = '';
  #skipping = false;

  constructor(
    private readonly maxBytes: number,
    private readonly onLine: (line: string) => void,
  ) {}

  push(chunk: Uint8Array): void {
    const parts = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      .toString('latin1')
      .split(/\r\n|\n|\r/);
    parts.forEach((part, index) => {
      this.#rest = this.#skipping ? '' : this.#rest + part;
      if (this.#rest.length > this.maxBytes) {
        this.#rest = '';
        this.#skipping = true;
      }
      if (index === parts.length - 1) return;
      const line = this.#rest;
      this.#rest = '';
      this.#skipping = false;
      if (line !== '') this.onLine(line);
    });
  }
}

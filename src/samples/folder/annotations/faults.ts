/** Records that are named; the others are counted. */
const NAMED = 5;

/** Collects what cannot be used in an annotation file, so that one message tells it. */
export class Faults {
  readonly #byKind = new Map<string, { named: string[]; count: number }>();

  /**
   * @param kind what is wrong, such as "has no box"
   * @param record the record, such as "annotation 17"
   */
  add(kind: string, record: string): void {
    const known = this.#byKind.get(kind) ?? { named: [], count: 0 };
    this.#byKind.set(kind, known);
    known.count += 1;
    if (known.named.length < NAMED) known.named.push(record);
  }

  /** One message for each kind, in words that follow the name of the file. */
  messages(): string[] {
    return [...this.#byKind].map(([kind, { named, count }]) => {
      const more = count > named.length ? ` and ${count - named.length} more` : '';
      return `has records that were left out, because ${kind}: ${named.join(', ')}${more}`;
    });
  }
}

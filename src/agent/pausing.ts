export type Pausable = 'inference' | 'training';

/** What a person has paused. A pause lasts until it is resumed or the daemon restarts. */
export class Pausing {
  readonly #paused = new Set<Pausable>();

  constructor(private readonly onChange: () => void) {}

  pause(what: Pausable): void {
    this.#paused.add(what);
    this.onChange();
  }

  resume(what: Pausable): void {
    this.#paused.delete(what);
    this.onChange();
  }

  has(what: Pausable): boolean {
    return this.#paused.has(what);
  }

  get paused(): Pausable[] {
    return [...this.#paused].sort();
  }
}

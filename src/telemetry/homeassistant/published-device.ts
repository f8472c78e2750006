import { z } from 'zod';

const KEY = 'home_assistant';

const deviceSchema = z.strictObject({
  /** Where its configuration is. */
  configTopic: z.string(),
  /** Platforms by key. */
  components: z.record(z.string(), z.string()),
  /** Topics of pictures, whole. */
  pictures: z.array(z.string()),
});

/** What a broker and Home Assistant may keep of a robot. */
export type DeviceTraces = z.infer<typeof deviceSchema>;

/** What is needed of the store. */
interface Values {
  get(key: string): string | null;
  set(key: string, value: string | null): void;
}

/**
 * Remembers across restarts what was published for Home Assistant, so that it can be taken back when the
 * settings no longer ask for it.
 */
export class PublishedDevice {
  #traces: DeviceTraces | null;

  /** @param values a store that cannot be read or written only costs the memory */
  constructor(private readonly values: Values) {
    this.#traces = this.#read();
  }

  get traces(): DeviceTraces | null {
    return this.#traces;
  }

  /** Adds what will be published, before it is. */
  add(traces: DeviceTraces): void {
    const { components = {}, pictures = [] } = this.#traces ?? {};
    this.keep({
      configTopic: traces.configTopic,
      components: { ...components, ...traces.components },
      pictures: [...new Set([...pictures, ...traces.pictures])],
    });
  }

  /** The broker has taken back everything else. @param traces null: all */
  keep(traces: DeviceTraces | null): void {
    const text = traces && JSON.stringify(traces);
    if (text === (this.#traces && JSON.stringify(this.#traces))) return;
    this.#traces = traces;
    try {
      this.values.set(KEY, text);
    } catch {
      // A full or failing disk has raised an alarm of its own.
    }
  }

  #read(): DeviceTraces | null {
    try {
      const text = this.values.get(KEY);
      return text === null ? null : (deviceSchema.safeParse(JSON.parse(text)).data ?? null);
    } catch {
      return null;
    }
  }
}

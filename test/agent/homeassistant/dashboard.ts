import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { z } from 'zod';
import { Recorder } from '../../recorder.js';

const componentSchema = z.object({
  platform: z.string(),
  unique_id: z.string().optional(),
  state_topic: z.string().optional(),
  value_template: z.string().optional(),
  json_attributes_topic: z.string().optional(),
  image_topic: z.string().optional(),
  command_topic: z.string().optional(),
  command_template: z.string().optional(),
  payload_press: z.string().optional(),
  options: z.array(z.string()).optional(),
});
const deviceSchema = z.object({
  availability_topic: z.string(),
  availability_template: z.string(),
  components: z.record(z.string(), componentSchema),
});

export type Component = z.infer<typeof componentSchema>;
type Json = Record<string, unknown>;

export interface Heard {
  topic: string;
  payload: Buffer;
  /** Of an earlier publication. */
  retained: boolean;
  /** Message expiry, seconds. */
  expirySeconds: number | undefined;
}

/** On the broker like Home Assistant: it finds devices and uses the topics that they name. */
export class Dashboard {
  readonly #heard = new Recorder<Heard>();

  private constructor(readonly client: MqttClient) {
    client.on('message', (topic, payload, { retain, properties }) => {
      const expirySeconds = properties?.messageExpiryInterval;
      this.#heard.add({ topic, payload, retained: retain, expirySeconds });
    });
  }

  static async open(t: Pick<TestContext, 'after'>, url: string): Promise<Dashboard> {
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 });
    t.after(() => client.endAsync(true));
    const dashboard = new Dashboard(client);
    await client.subscribeAsync(['homeassistant/#', 'headland/#'], { qos: 1 });
    return dashboard;
  }

  on(topic: string): Heard[] {
    return this.#heard.all.filter((heard) => heard.topic === topic);
  }

  get topics(): string[] {
    return this.#heard.all.map(({ topic }) => topic);
  }

  until(topic: string, matches: (heard: Heard) => boolean = () => true): Promise<Heard> {
    return this.#heard.until((heard) => heard.topic === topic && matches(heard), topic);
  }

  next(topic: string, matches: (heard: Heard) => boolean = () => true): Promise<Heard> {
    return this.#heard.next((heard) => heard.topic === topic && matches(heard), topic);
  }

  json(topic: string, matches: (body: Json) => boolean): Promise<Heard> {
    return this.until(topic, ({ payload }) => payload.length > 0 && matches(bodyOf(payload)));
  }

  async device(
    topic: string,
    matches: (components: Record<string, Component>) => boolean = () => true,
  ): Promise<z.infer<typeof deviceSchema>> {
    const parsed = ({ payload }: Heard) => deviceSchema.parse(JSON.parse(payload.toString()));
    const heard = await this.until(
      topic,
      (each) => each.payload.length > 0 && matches(parsed(each).components),
    );
    return parsed(heard);
  }

  /** As a person who presses a button. */
  async press({ command_topic, payload_press }: Component): Promise<void> {
    assert.ok(command_topic !== undefined && payload_press !== undefined);
    await this.client.publishAsync(command_topic, payload_press, { qos: 1 });
  }

  /**
   * As a person who chooses an option while the entity has these attributes. It fills only templates
   * that make one object of literals, attributes and the option.
   */
  async choose({ command_topic, command_template }: Component, value: string, attributes: Json) {
    const [, pairs] = /^\{\{ \{(.*)\} \| tojson \}\}$/.exec(command_template ?? '') ?? [];
    assert.ok(command_topic !== undefined && pairs !== undefined, command_template);
    const filled = pairs.split(', ').map((pair) => {
      const [, name, source = ''] = /^"(\w+)": (.+)$/.exec(pair) ?? [];
      assert.ok(name, pair);
      if (source === 'value') return [name, value];
      const [, attribute] = /^this\.attributes\.(\w+)$/.exec(source) ?? [];
      return [name, attribute === undefined ? JSON.parse(source) : attributes[attribute]];
    });
    const payload = JSON.stringify(Object.fromEntries(filled));
    await this.client.publishAsync(command_topic, payload, { qos: 1 });
  }

  /** Fields of `value_json` that a template reads and that no message on the topic has had. */
  missing(topic: string, template: string): string[] {
    const fields = [...template.matchAll(/value_json\.(\w+)/g)].map(([, field]) => field!);
    const bodies = this.on(topic).flatMap(({ payload }) =>
      payload.length === 0 ? [] : [bodyOf(payload)],
    );
    return [...new Set(fields)].filter((field) => !bodies.some((body) => field in body));
  }
}

export function bodyOf(payload: Buffer): Json {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(payload.toString()));
}

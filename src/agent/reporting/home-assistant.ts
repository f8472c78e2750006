import type { Config } from '../../config/schema.js';
import { tasksOf } from '../../config/tasks-of.js';
import type { Meta } from '../../storage/meta-table.js';
import type { InfoBody, ModelBody } from '../../telemetry/contract/messages.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { pictureTopic } from '../../telemetry/contract/topics.js';
import { discoveryConfig, discoveryTopic } from '../../telemetry/homeassistant/device-discovery.js';
import { PublishedDevice } from '../../telemetry/homeassistant/published-device.js';
import type { TelemetryClient } from '../../telemetry/telemetry-client.js';

type Publisher = Pick<TelemetryClient, 'publishDiscovery' | 'withdrawPicture'>;

/**
 * The device that Home Assistant shows, if the settings want one. What an earlier start has published and
 * the settings no longer ask for is taken back.
 */
export class HomeAssistant {
  readonly #published: PublishedDevice;
  /** Platforms of all components of this and the last start, by key. */
  #known: Readonly<Record<string, string>>;
  /** Of the serving head, by task. */
  readonly #labels = new Map<string, readonly string[]>();
  #info: InfoBody | null = null;
  #text = '';

  constructor(
    private readonly config: Config,
    private readonly client: Publisher,
    meta: Pick<Meta, 'get' | 'set'>,
  ) {
    this.#published = new PublishedDevice(meta);
    this.#known = this.#published.traces?.components ?? {};
  }

  info(body: InfoBody): void {
    this.#info = body;
    this.#withdraw();
    this.#publish();
  }

  model({ task, labels }: ModelBody): void {
    this.#labels.set(task, labels);
    this.#publish();
  }

  /** Offers the labels of the serving heads, and those of the samples at the start. */
  #publish(): void {
    const { mqtt, robot } = this.config;
    const info = this.#info;
    if (!mqtt.homeAssistant.enabled || info === null) return;
    const tasks = tasksOf(this.config).map(({ name }) => {
      const stored = info.tasks?.find((task) => task.name === name)?.labels ?? info.labels ?? [];
      return { name, labels: [...new Set([...stored, ...(this.#labels.get(name) ?? [])])].sort() };
    });
    const { message, platforms } = discoveryConfig({
      robotId: robot.id,
      version: info.version,
      namedTasks: this.config.tasks.length > 0,
      tasks,
      takesUnsigned: !mqtt.requireSignedCommands,
      picturedCameras: this.#picturedCameras,
      known: this.#known,
    });
    const text = JSON.stringify(message);
    if (text === this.#text) return;
    this.#text = text;
    this.#known = { ...this.#known, ...platforms };
    const pictures = this.#pictureTopics;
    const traces = { configTopic: this.#configTopic, components: platforms, pictures };
    this.#published.add(traces);
    this.client.publishDiscovery(traces.configTopic, message, () => this.#published.keep(traces));
  }

  #withdraw(): void {
    const { traces } = this.#published;
    if (traces === null) return;
    const { mqtt, robot } = this.config;
    // A broker may refuse a robot that has another name now, again and again.
    if (!traces.configTopic.endsWith(discoveryTopic('', robot.id))) return;
    for (const topic of traces.pictures) {
      if (!this.#pictureTopics.includes(topic)) this.client.withdrawPicture(topic);
    }
    const { enabled } = mqtt.homeAssistant;
    if (enabled && traces.configTopic === this.#configTopic) return;
    this.client.publishDiscovery(traces.configTopic, null, () => {
      if (!enabled) this.#published.keep(null);
    });
  }

  get #configTopic(): string {
    const { mqtt, robot } = this.config;
    return discoveryTopic(mqtt.homeAssistant.discoveryPrefix, robot.id);
  }

  get #picturedCameras(): string[] {
    const { enabled, pictureIntervalMs } = this.config.mqtt.homeAssistant;
    if (!enabled || pictureIntervalMs === null) return [];
    return this.config.cameras.map(({ name }) => name);
  }

  get #pictureTopics(): string[] {
    const prefix = topicPrefix(this.config.robot.id);
    return this.#picturedCameras.map((camera) => prefix + pictureTopic(camera));
  }
}

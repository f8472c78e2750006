import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Frame } from '../../camera/camera.js';
import { referenceLabel } from '../../camera/reference.js';
import type { TaskAnswer } from '../../perception/perception-protocol.js';
import type { CommandName } from '../../telemetry/contract/command-contract.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';
import { LabelChoice, type LabelChoiceSettings } from './label-choice.js';

export interface LabellerSettings {
  brokerUrl: string;
  robotId: string;
  tasks: readonly string[];
  choice: LabelChoiceSettings;
}

/** What the labeller does for one task. */
interface TaskLabels {
  readonly choice: LabelChoice;
  /** Labels that the robot has stored. */
  given: number;
}

interface Pending {
  labels: TaskLabels;
  origin: string | undefined;
}

/**
 * Replaces the person who labels: sends the true labels that the camera source provides over MQTT, as
 * any labelling tool would (`cmd/label`), for each task those that answer its question.
 */
export class Labeller {
  readonly #tasks: ReadonlyMap<string, TaskLabels>;
  readonly #pending = new Map<string, Pending>();

  private constructor(
    private readonly client: MqttClient,
    private readonly settings: LabellerSettings,
  ) {
    this.#tasks = new Map(
      settings.tasks.map((task) => [task, { choice: new LabelChoice(settings.choice), given: 0 }]),
    );
  }

  static async connect(settings: LabellerSettings): Promise<Labeller> {
    const client = await connectAsync(settings.brokerUrl, {
      protocolVersion: 4,
      clientId: `demo-labeller-${randomUUID().slice(0, 8)}`,
    });
    const labeller = new Labeller(client, settings);
    client.on('message', (_topic, payload) => labeller.#onResponse(payload.toString('utf8')));
    const answers = topicPrefix(settings.robotId) + responseTopic('label');
    await client.subscribeAsync(answers, { qos: CONTRACT.response.qos });
    return labeller;
  }

  /** Excludes pictures labelled in earlier runs from labelling and scoring. */
  alreadyLabelled(task: string, origins: Iterable<string>): void {
    this.#tasks.get(task)?.choice.alreadyLabelled(origins);
  }

  /** Scores a decision of a task and labels its frame if that is useful. */
  see(frameId: string, frame: Frame, { task, decision }: TaskAnswer): void {
    const labels = this.#tasks.get(task);
    const label = referenceLabel(frame, task);
    if (labels === undefined || label === undefined) return;
    const group = frame.origin ?? frame.group ?? frameId;
    if (!labels.choice.see(group, decision.label, label)) return;
    const transaction = randomUUID();
    this.#pending.set(transaction, { labels, origin: frame.origin });
    this.#send('label', { task, frame: frameId, label, transaction }).catch(() => {
      // The demonstration has ended meanwhile.
      this.#pending.delete(transaction);
    });
  }

  /** Accuracy on the last `frames` frames of groups without a label, 0..1; null before the first. */
  rollingAccuracy(task: string, frames: number): number | null {
    return this.#tasks.get(task)?.choice.rollingAccuracy(frames) ?? null;
  }

  /** Number of labels of a task that the robot has stored. */
  labelsGiven(task: string): number {
    return this.#tasks.get(task)?.given ?? 0;
  }

  /** Number of labels sent and not yet answered. */
  get unanswered(): number {
    return this.#pending.size;
  }

  async requestTraining(task: string): Promise<void> {
    await this.#send('retrain', { task });
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #send(name: CommandName, fields: object): Promise<unknown> {
    const { qos, retain } = CONTRACT.command;
    const topic = topicPrefix(this.settings.robotId) + commandTopic(name);
    return this.client.publishAsync(topic, JSON.stringify(fields), { qos, retain });
  }

  #onResponse(text: string): void {
    const response = JSON.parse(text) as { transaction?: string; ok: boolean };
    const pending = this.#pending.get(response.transaction ?? '');
    if (response.transaction === undefined || pending === undefined) return;
    this.#pending.delete(response.transaction);
    const { labels, origin } = pending;
    if (response.ok) labels.given += 1;
    // The frame was no longer in memory; the picture may be labelled when it appears again.
    else if (origin !== undefined) labels.choice.forget(origin);
  }
}

import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Frame } from '../../camera/camera.js';
import { referenceLabel } from '../../camera/reference.js';
import type { TaskAnswer } from '../../perception/perception-protocol.js';
import type { CommandName } from '../../telemetry/contract/command-contract.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';

export interface LabellerSettings {
  brokerUrl: string;
  robotId: string;
  /** Who chooses what is labelled, by task. */
  tasks: ReadonlyMap<string, Choice>;
}

/** An answer to a frame whose true label is known. */
export interface SeenAnswer {
  camera: string;
  /** Frames that are alike: one photo, or one pass. */
  group: string;
  decided: string;
  reference: string;
}

/** Chooses the frames that are labelled for one task, and scores decisions on the others. */
export interface Choice {
  /** Scores a decision; returns whether to label its frame. */
  see(seen: SeenAnswer): boolean;
  /** Lets a group be labelled again whose label was refused. */
  forget(group: string): void;
  /** Share of right decisions among the last `frames` scored ones, 0..1; null before the first. */
  rollingAccuracy(frames: number): number | null;
}

/** What the labeller does for one task. */
interface TaskLabels {
  readonly choice: Choice;
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
      [...settings.tasks].map(([task, choice]) => [task, { choice, given: 0 }]),
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

  /** Scores a decision of a task and labels its frame if that is useful. */
  see(frameId: string, frame: Frame, { task, decision }: TaskAnswer): void {
    const labels = this.#tasks.get(task);
    const label = referenceLabel(frame, task);
    if (labels === undefined || label === undefined) return;
    const group = frame.origin ?? frame.group ?? frameId;
    const seen = { camera: frame.camera, group, decided: decision.label, reference: label };
    if (!labels.choice.see(seen)) return;
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

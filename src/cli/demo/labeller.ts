import { randomUUID } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Frame } from '../../camera/camera.js';
import type { Decision } from '../../perception/decision.js';
import type { CommandName } from '../../telemetry/contract/command-contract.js';
import { topicPrefix } from '../../telemetry/contract/messages.js';
import { CONTRACT, commandTopic, responseTopic } from '../../telemetry/contract/topics.js';

export interface LabellerSettings {
  brokerUrl: string;
  robotId: string;
  /** Number of labels per class, after which only wrong decisions are labelled. */
  labelsPerClass: number;
  /** Frames of a group before its first label; imitates the reaction time of a person. */
  reactionFrames: number;
  /** Maximum number of labels per group; 0 = every frame once (photo folders). */
  labelsPerGroup: number;
}

export interface LabellerTally {
  given: number;
  refused: number;
  /** Distinct pictures labelled, by origin or frame. */
  pictures: number;
}

interface GroupSeen {
  frames: number;
  labels: number;
}

/**
 * Replaces the person who labels: sends the true labels that the camera source provides over MQTT, as
 * any labelling tool would (`cmd/label`). Also computes the accuracy of decisions, only on frames of
 * groups without a label, so that no frame is scored on which the head was trained.
 */
export class Labeller {
  readonly #groups = new Map<string, GroupSeen>();
  readonly #perClass = new Map<string, number>();
  readonly #labelledOrigins = new Set<string>();
  readonly #scores: boolean[] = [];
  readonly #pending = new Map<string, string | undefined>();
  readonly #tally: LabellerTally = { given: 0, refused: 0, pictures: 0 };

  private constructor(
    private readonly client: MqttClient,
    private readonly settings: LabellerSettings,
  ) {}

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
  alreadyLabelled(origins: Iterable<string>): void {
    for (const origin of origins) this.#labelledOrigins.add(origin);
    this.#tally.pictures = this.#labelledOrigins.size;
  }

  /** Scores a decision and labels its frame if that is useful. */
  see(frameId: string, frame: Frame, decision: Decision): void {
    if (frame.reference === undefined) return;
    const group = frame.origin ?? frame.group ?? frameId;
    if (frame.origin !== undefined && this.#labelledOrigins.has(frame.origin)) return;
    const seen = this.#groups.get(group) ?? { frames: 0, labels: 0 };
    this.#groups.set(group, seen);
    seen.frames += 1;
    const right = decision.label === frame.reference;
    if (seen.labels === 0) this.#score(right);
    if (!this.#wants(frame.reference, right, seen)) return;
    seen.labels += 1;
    this.#perClass.set(frame.reference, (this.#perClass.get(frame.reference) ?? 0) + 1);
    if (frame.origin !== undefined) this.#labelledOrigins.add(frame.origin);
    const transaction = randomUUID();
    this.#pending.set(transaction, frame.origin);
    void this.#send('label', { frame: frameId, label: frame.reference, transaction });
  }

  /** Share of right decisions among the last `frames` scored ones; null before the first. */
  rollingAccuracy(frames: number): { accuracy: number; scored: number } | null {
    const last = this.#scores.slice(-frames);
    if (last.length === 0) return null;
    return { accuracy: last.filter(Boolean).length / last.length, scored: last.length };
  }

  get tally(): Readonly<LabellerTally> {
    return this.#tally;
  }

  /** Number of labels sent and not yet answered. */
  get unanswered(): number {
    return this.#pending.size;
  }

  async requestTraining(): Promise<void> {
    await this.#send('retrain', {});
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  #send(name: CommandName, fields: object): Promise<unknown> {
    const { qos, retain } = CONTRACT.command;
    const topic = topicPrefix(this.settings.robotId) + commandTopic(name);
    return this.client.publishAsync(topic, JSON.stringify(fields), { qos, retain });
  }

  #score(right: boolean): void {
    this.#scores.push(right);
    if (this.#scores.length > 1_000) this.#scores.shift();
  }

  #wants(reference: string, right: boolean, seen: GroupSeen): boolean {
    const { labelsPerGroup, reactionFrames, labelsPerClass } = this.settings;
    if (labelsPerGroup === 0) return seen.labels === 0;
    if (seen.frames <= reactionFrames || seen.labels >= labelsPerGroup) return false;
    // Label only every third frame: neighbouring frames of one pass are almost identical.
    if ((seen.frames - reactionFrames - 1) % 3 !== 0) return false;
    return !right || (this.#perClass.get(reference) ?? 0) < labelsPerClass;
  }

  #onResponse(text: string): void {
    const response = JSON.parse(text) as { transaction?: string; ok: boolean };
    if (response.transaction === undefined || !this.#pending.has(response.transaction)) return;
    const origin = this.#pending.get(response.transaction);
    this.#pending.delete(response.transaction);
    if (response.ok) {
      this.#tally.given += 1;
      if (origin !== undefined) this.#tally.pictures += 1;
    } else {
      this.#tally.refused += 1;
      // The frame was no longer in memory; the picture may be labelled when it appears again.
      if (origin !== undefined) {
        this.#labelledOrigins.delete(origin);
        this.#groups.delete(origin);
      }
    }
  }
}

import type { MessageName } from './messages.js';

export type QoS = 0 | 1;

/** How a kind of message travels. */
export interface Guarantee {
  qos: QoS;
  /** The broker keeps the newest one for whoever subscribes later. */
  retain: boolean;
  /**
   * MQTT 5: the broker forgets it after so many seconds, or after the time that a setting says;
   * null: never. One that waited longer in the outbox is not sent any more.
   */
  expirySeconds: number | 'mqtt.outboxMaxAgeMs' | null;
}

export interface Route extends Guarantee {
  /** Below `headland/<robot>/`; `<name>` stands for the name of a command. */
  topic: string;
}

/** What the robot publishes, the commands that it subscribes to, and its answers to them. */
export type RouteName = MessageName | 'command' | 'response';

/** The guarantees of every kind; tests put others in the place of {@link CONTRACT}. */
export type Guarantees = Readonly<Record<RouteName, Guarantee>>;

/**
 * The contract: where each kind of message goes and what is promised about it. Nothing else says a
 * QoS, a retain flag or an expiry: publishing, the last will (a `status`), the subscription and
 * the outbox take them from here.
 */
export const CONTRACT = {
  status: { topic: 'status', qos: 1, retain: true, expirySeconds: null },
  info: { topic: 'info', qos: 1, retain: true, expirySeconds: null },
  model: { topic: 'model', qos: 1, retain: true, expirySeconds: null },
  prediction: { topic: 'prediction', qos: 0, retain: false, expirySeconds: null },
  event: { topic: 'event', qos: 1, retain: false, expirySeconds: null },
  metrics: { topic: 'metrics', qos: 1, retain: false, expirySeconds: 'mqtt.outboxMaxAgeMs' },
  camera_quality: {
    topic: 'camera/quality',
    qos: 1,
    retain: false,
    expirySeconds: 'mqtt.outboxMaxAgeMs',
  },
  training_progress: { topic: 'training/progress', qos: 0, retain: false, expirySeconds: null },
  training_report: { topic: 'training/report', qos: 1, retain: false, expirySeconds: null },
  command: { topic: 'cmd/<name>', qos: 1, retain: false, expirySeconds: null },
  response: { topic: 'cmd/<name>/response', qos: 1, retain: false, expirySeconds: 600 },
} as const satisfies Record<RouteName, Route>;

/** Where a command is sent, below `headland/<robot>/`; `+` is every command. */
export function commandTopic(name: string): string {
  return CONTRACT.command.topic.replace('<name>', name);
}

/** Where its answer goes unless it asks for another topic, below `headland/<robot>/`. */
export function responseTopic(name: string): string {
  return CONTRACT.response.topic.replace('<name>', name);
}

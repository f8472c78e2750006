import type { MessageName } from './messages.js';

export type QoS = 0 | 1;

/** Delivery guarantees of one kind of message. */
export interface Guarantee {
  qos: QoS;
  /** The broker keeps the newest message for later subscribers. */
  retain: boolean;
  /**
   * Message expiry (MQTT 5), as seconds or as the name of the setting that holds it; null: never. A
   * message that waited longer in the outbox is not sent.
   */
  expirySeconds: number | 'mqtt.outboxMaxAgeMs' | null;
}

export interface Route extends Guarantee {
  /**
   * Below `headland/<robot>/`; `<name>` stands for the name of a command, `<task>` for that of a task,
   * `<camera>` for that of a camera.
   */
  topic: string;
}

/**
 * Messages that the robot publishes, commands that it subscribes to, and its answers. `picture` is a
 * JPEG without an envelope.
 */
export type RouteName = MessageName | 'picture' | 'command' | 'response';

/** Guarantees by kind of message; tests replace {@link CONTRACT} by others. */
export type Guarantees = Readonly<Record<RouteName, Guarantee>>;

/**
 * The contract: topic and guarantees of each kind of message. It is the only definition of QoS,
 * retain flag and expiry: publishing, the last will (a `status`), the subscription and the outbox
 * read them from here.
 */
export const CONTRACT = {
  status: { topic: 'status', qos: 1, retain: true, expirySeconds: null },
  info: { topic: 'info', qos: 1, retain: true, expirySeconds: null },
  model: { topic: 'task/<task>/model', qos: 1, retain: true, expirySeconds: null },
  prediction: { topic: 'task/<task>/prediction', qos: 0, retain: false, expirySeconds: null },
  event: { topic: 'event', qos: 1, retain: false, expirySeconds: null },
  metrics: { topic: 'metrics', qos: 1, retain: false, expirySeconds: 'mqtt.outboxMaxAgeMs' },
  camera_quality: {
    topic: 'camera/quality',
    qos: 1,
    retain: false,
    expirySeconds: 'mqtt.outboxMaxAgeMs',
  },
  training_progress: {
    topic: 'task/<task>/training/progress',
    qos: 0,
    retain: false,
    expirySeconds: null,
  },
  training_report: {
    topic: 'task/<task>/training/report',
    qos: 1,
    retain: false,
    expirySeconds: null,
  },
  // Retained, so that a dashboard that starts later shows it; a forgotten one must not stay at a broker.
  picture: { topic: 'picture/<camera>', qos: 0, retain: true, expirySeconds: 3_600 },
  command: { topic: 'cmd/<name>', qos: 1, retain: false, expirySeconds: null },
  response: { topic: 'cmd/<name>/response', qos: 1, retain: false, expirySeconds: 600 },
} as const satisfies Record<RouteName, Route>;

const TASK_LEVELS = 'task/<task>/';

/**
 * Topic of a message, below `headland/<robot>/`.
 * @param task null for a robot whose settings name no tasks: then `task/<task>/` is left out
 */
export function messageTopic(name: MessageName, task: string | null): string {
  const { topic } = CONTRACT[name];
  return task === null ? topic.replace(TASK_LEVELS, '') : topic.replace('<task>', task);
}

/** Topic of the picture of a camera, below `headland/<robot>/`. */
export function pictureTopic(camera: string): string {
  return CONTRACT.picture.topic.replace('<camera>', camera);
}

/** Topic of a command, below `headland/<robot>/`; `+` matches every command. */
export function commandTopic(name: string): string {
  return CONTRACT.command.topic.replace('<name>', name);
}

/** Default topic of the answer to a command, below `headland/<robot>/`. */
export function responseTopic(name: string): string {
  return CONTRACT.response.topic.replace('<name>', name);
}

/**
 * Topics between robots and the hub, below `headland/<robot>/`. A robot's own branch holds all of
 * them, so that a broker's rule "a robot writes and reads its own branch" also covers the fleet.
 */
export const FLEET_TOPICS = {
  /** Robot to hub, JSON, retained, QoS 1: {@link import('./reported.js').reportedSchema}. */
  reported: 'fleet/reported',
  /** Robot to hub, binary, QoS 1, through the durable outbox: a chunk of an object. */
  chunk: 'fleet/chunk',
  /** Robot to hub, JSON, QoS 1: asks for chunks of an object of the hub. */
  want: 'fleet/want',
  /** Hub to robot, JSON, retained, QoS 1: {@link import('./desired.js').desiredSchema}. */
  desired: 'fleet/desired',
  /** Hub to robot, binary, QoS 1: the chunks that the robot asked for. */
  part: 'fleet/part',
} as const;

export type FleetTopic = keyof typeof FLEET_TOPICS;

/** Name of the shared subscription with which hubs divide chunks and requests among them. */
export const HUB_SHARE = 'headland-hub';

/** Full topic of a robot, or a filter over all robots with `robot` = "+". */
export function fleetTopic(robot: string, topic: FleetTopic): string {
  return `headland/${robot}/${FLEET_TOPICS[topic]}`;
}

const PATTERN = /^headland\/([^/+#]+)\/fleet\/(reported|chunk|want|desired|part)$/;

/** Reads a topic; null: it is none of the fleet. */
export function readFleetTopic(topic: string): { robot: string; topic: FleetTopic } | null {
  const [, robot, name] = PATTERN.exec(topic) ?? [];
  return robot === undefined ? null : { robot, topic: name as FleetTopic };
}

import type { IConnackPacket } from 'mqtt';
import type { QoS } from '../contract/topics.js';

/** Below this, reports, answers and a snapshot's image may not fit. */
const SMALL_PACKET_BYTES = 65_536;
const RECEIVE_MAXIMUM = 65_535;

/** What a broker does not do for a client, by its CONNACK (MQTT 5, section 3.2.2.3). */
export interface BrokerLimits {
  retain: boolean;
  /** Highest quality of service of a message to the broker; 2 counts as 1. */
  maxQos: QoS;
  /** The largest packet that it accepts, bytes. */
  maxPacketBytes: number;
  /** How many unacknowledged messages of QoS 1 it accepts. */
  receiveMaximum: number;
  wildcards: boolean;
  sharedSubscriptions: boolean;
  /** Time for which it keeps a session that is away, seconds; null: as long as was asked for. */
  sessionExpirySeconds: number | null;
}

/** Of a broker that does all, as one of MQTT 3.1.1, which cannot say that it does not. */
export const NO_LIMITS: BrokerLimits = {
  retain: true,
  maxQos: 1,
  maxPacketBytes: Number.POSITIVE_INFINITY,
  receiveMaximum: RECEIVE_MAXIMUM,
  wildcards: true,
  sharedSubscriptions: true,
  sessionExpirySeconds: null,
};

export function brokerLimits(properties: IConnackPacket['properties']): BrokerLimits {
  if (properties === undefined) return NO_LIMITS;
  return {
    // Parsers give these flags as numbers, despite their type.
    retain: isAvailable(properties.retainAvailable),
    maxQos: properties.maximumQoS === 0 ? 0 : 1,
    maxPacketBytes: properties.maximumPacketSize ?? NO_LIMITS.maxPacketBytes,
    receiveMaximum: properties.receiveMaximum ?? NO_LIMITS.receiveMaximum,
    wildcards: isAvailable(properties.wildcardSubscriptionAvailable),
    sharedSubscriptions: isAvailable(properties.sharedSubscriptionAvailable),
    sessionExpirySeconds: properties.sessionExpiryInterval ?? null,
  };
}

function isAvailable(flag: unknown): boolean {
  return flag !== false && flag !== 0;
}

/** A limit of a broker, and what follows for the robot. */
export interface MissingFeature {
  /** `shared_subscriptions` does not concern the robot, but consumers of its messages. */
  name:
    | 'retained_messages'
    | 'qos_1'
    | 'large_packets'
    | 'wildcard_subscriptions'
    | 'long_sessions'
    | 'shared_subscriptions';
  /** One sentence for people. */
  text: string;
}

/**
 * What a broker lacks.
 * @param askedSeconds session expiry that the robot asked for
 */
export function missingFeatures(limits: BrokerLimits, askedSeconds: number): MissingFeature[] {
  const { maxPacketBytes, sessionExpirySeconds } = limits;
  const missing: (MissingFeature | false)[] = [
    !limits.retain && {
      name: 'retained_messages',
      text: 'no retained messages: who subscribes later learns the status and the model only when they change',
    },
    limits.maxQos === 0 && {
      name: 'qos_1',
      text: 'no QoS 1: an event that is on its way when the connection breaks is lost',
    },
    maxPacketBytes < SMALL_PACKET_BYTES && {
      name: 'large_packets',
      text: `no packets above ${maxPacketBytes} bytes: larger messages are kept, or refused with a code`,
    },
    !limits.wildcards && {
      name: 'wildcard_subscriptions',
      text: 'no subscriptions with wildcards: each command is subscribed to by its name',
    },
    sessionExpirySeconds !== null &&
      sessionExpirySeconds < askedSeconds && {
        name: 'long_sessions',
        text: `no sessions above ${sessionExpirySeconds} s: commands for a robot that is away longer are lost`,
      },
    !limits.sharedSubscriptions && {
      name: 'shared_subscriptions',
      text: 'no shared subscriptions: several consumers cannot share the messages of robots',
    },
  ];
  return missing.filter((each) => each !== false);
}

/** Whether the robot itself misses nothing. */
export function concernsConsumersOnly(missing: readonly MissingFeature[]): boolean {
  return missing.every(({ name }) => name === 'shared_subscriptions');
}

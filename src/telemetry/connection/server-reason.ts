import type { ErrorCode } from '../../base/errors.js';

/** What a broker says by a reason code, for people. */
export interface ServerReason {
  /** Continues "the broker refuses: " and "the broker ended the connection: ". */
  words: string;
  code: ErrorCode;
  remedy: string;
}

const REFUSED: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_REFUSED',
  remedy: 'Correct mqtt.username and mqtt.password, or the access list of the broker.',
};
const LOGIN: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_LOGIN',
  remedy: 'Correct mqtt.username and mqtt.password.',
};
const CLIENT_ID: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_REFUSED',
  remedy: 'Set mqtt.clientId to one that the broker accepts, such as 23 letters and digits.',
};
const BUSY: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_BUSY',
  remedy: 'Wait: the daemon tries again by itself. If it lasts, look into the log of the broker.',
};
const QUOTA: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_QUOTA',
  remedy:
    'Raise the quota of the robot at the broker, or send less: mqtt.predictionIntervalMs, mqtt.metricsIntervalMs.',
};
const MOVED: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_MOVED',
  remedy: 'Set mqtt.url to the broker that the message names.',
};
/** The broker lacks something that MQTT has. */
export const LIMITED: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_LIMITED',
  remedy: 'Allow it in the settings of the broker, if it is needed; the robot goes on without.',
};
const TOO_LARGE: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_PACKET_TOO_LARGE',
  remedy: 'Raise the packet size that the broker takes (mosquitto: max_packet_size).',
};
const DEFECT: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_LOST',
  remedy: 'Look into the log of the broker. The daemon tries again by itself.',
};
const VERSION: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_PROTOCOL',
  remedy: 'Set mqtt.protocol to auto: then 3.1.1 is used where the broker does not speak MQTT 5.',
};
const TAKEN: Omit<ServerReason, 'words'> = {
  code: 'HL_BROKER_CLIENT_ID_TAKEN',
  remedy:
    'Give every robot its own robot.id (or mqtt.clientId). Look for a second robot with a copy of this card.',
};

/** Codes below 128 are those of CONNACK in MQTT 3.1.1, the others those of MQTT 5 (section 2.4). */
const REASONS: Readonly<Record<number, ServerReason>> = {
  1: { words: 'it does not support this version of MQTT', ...VERSION },
  2: { words: 'it does not accept the client id', ...CLIENT_ID },
  3: { words: 'its service is unavailable', ...BUSY },
  4: { words: 'wrong user name or password', ...LOGIN },
  5: { words: 'wrong user name or password, or not authorised', ...REFUSED },
  128: { words: 'it gives no reason', ...REFUSED },
  129: { words: 'a packet was malformed', ...DEFECT },
  130: { words: 'a packet broke the protocol', ...DEFECT },
  131: { words: 'a reason of its own', ...REFUSED },
  132: { words: 'it does not support this version of MQTT', ...VERSION },
  133: { words: 'it does not accept the client id', ...CLIENT_ID },
  134: { words: 'wrong user name or password', ...LOGIN },
  135: { words: 'not authorised', ...REFUSED },
  136: { words: 'its service is unavailable', ...BUSY },
  137: { words: 'it is busy', ...BUSY },
  138: { words: 'this client is banned', ...REFUSED },
  139: { words: 'it is shutting down', ...BUSY },
  140: { words: 'it does not support this way of authentication', ...REFUSED },
  141: { words: 'it heard nothing for longer than the keep-alive time', ...DEFECT },
  142: { words: 'another client with this client id has connected', ...TAKEN },
  143: { words: 'it does not accept this topic filter', ...REFUSED },
  144: { words: 'it does not accept this topic', ...REFUSED },
  147: { words: 'too many messages without acknowledgement', ...QUOTA },
  149: { words: 'the packet is too large', ...TOO_LARGE },
  150: { words: 'too many messages in a short time', ...QUOTA },
  151: { words: 'a quota is used up', ...QUOTA },
  152: { words: 'its administrator ended the connection', ...REFUSED },
  153: { words: 'it does not accept the format of the payload', ...REFUSED },
  154: { words: 'it keeps no retained messages', ...LIMITED },
  155: { words: 'it does not support this quality of service', ...LIMITED },
  156: { words: 'another server is to be used', ...MOVED },
  157: { words: 'the server has moved', ...MOVED },
  158: { words: 'it has no shared subscriptions', ...LIMITED },
  159: { words: 'too many connections in a short time', ...QUOTA },
  160: { words: 'the longest time of a connection is over', ...DEFECT },
  161: { words: 'it has no subscription identifiers', ...LIMITED },
  162: { words: 'it has no subscriptions with wildcards', ...LIMITED },
};
/**
 * In CONNACK, brokers such as mosquitto give this code for a wrong password, too, so that nobody
 * learns which user names exist.
 */
const NOT_AUTHORISED = 0x87;
const MAX_SAID_CHARACTERS = 200;

/** What else a packet of the broker says about its reason (MQTT 5). */
export interface ReasonDetails {
  reasonString?: string | undefined;
  serverReference?: string | undefined;
}

/**
 * A reason code of CONNACK, DISCONNECT, PUBACK or SUBACK in words.
 * @param at `connect`: of CONNACK
 */
export function serverReason(
  code: number,
  at: 'connect' | 'later',
  { reasonString, serverReference }: ReasonDetails = {},
): ServerReason {
  const known = REASONS[at === 'connect' && code === NOT_AUTHORISED ? 5 : code];
  const found = known ?? { words: `reason code ${code}`, ...REFUSED };
  const server = serverReference ? `: ${plain(serverReference)}` : '';
  const said = reasonString ? ` ("${plain(reasonString)}")` : '';
  return { ...found, words: found.words + server + said };
}

/** The broker's own words: bounded, and on one line. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ').slice(0, MAX_SAID_CHARACTERS);
}

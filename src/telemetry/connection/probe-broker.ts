import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';
import {
  codeOf,
  type ErrorCode,
  HeadlandError,
  isHeadlandError,
  messageOf,
} from '../../base/errors.js';
import { redactAddress } from '../../base/redact.js';
import type { Config } from '../../config/schema.js';
import type { CommandResponse } from '../contract/command-contract.js';
import { topicPrefix } from '../contract/messages.js';
import { commandTopic, responseTopic } from '../contract/topics.js';
import { brokerLimits, concernsConsumersOnly, missingFeatures } from './broker-limits.js';
import { connectInVersion, reasonCodeOf, within } from './connect-once.js';
import { answersIn, type BrokerAccess, REFUSED } from './connection.js';
import { LIMITED, serverReason } from './server-reason.js';

/** In the order in which they are taken; the first that fails ends the probe. */
export type ProbeStage =
  | 'address'
  | 'port'
  | 'certificate'
  | 'login'
  | 'subscription'
  | 'publication';

export interface ProbeStep {
  stage: ProbeStage;
  state: 'ok' | 'warning' | 'failed';
  /** One sentence for people. */
  text: string;
  /** Null: the step is ok. */
  error: HeadlandError | null;
}

export interface ProbeOptions {
  access: BrokerAccess;
  settings: Pick<Config['mqtt'], 'protocol' | 'username' | 'keepaliveSeconds'>;
  robotId: string;
}

const STEP_TIMEOUT_MS = 5_000;
/** How long a broker may take to return a message. */
const ECHO_TIMEOUT_MS = 2_000;
/** A certificate that ends sooner needs a new one. */
export const EXPIRES_SOON_MS = 30 * 86_400_000;
const DEFAULT_PORTS: Record<string, number> = { 'mqtt:': 1_883, 'tcp:': 1_883, 'ws:': 80 };
const DEFAULT_TLS_PORTS: Record<string, number> = { 'mqtts:': 8_883, 'tls:': 8_883, 'wss:': 443 };
/** Name of a command that does not exist, so that nobody waits for its answers. */
const PROBE_COMMAND = 'doctor';

/**
 * Tries the way to a broker step by step: name, port, certificate, login, and the rights to subscribe
 * to commands and to publish. It connects with a client id of its own and a session that ends with it,
 * so that a running daemon keeps its connection and its queued commands. Its only message is a response
 * to a command that does not exist. Takes at most half a minute.
 */
export async function probeBroker(options: ProbeOptions): Promise<ProbeStep[]> {
  const steps: ProbeStep[] = [];
  const url = new URL(options.access.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || DEFAULT_PORTS[url.protocol] || DEFAULT_TLS_PORTS[url.protocol];
  const isTls = url.protocol in DEFAULT_TLS_PORTS;
  const place = `${host}:${port}`;
  const took = async (stage: ProbeStage, work: () => Promise<Omit<ProbeStep, 'stage'>>) => {
    const step = { stage, ...(await work().catch(failure)) };
    steps.push(step);
    return step.state !== 'failed';
  };
  if (!(await took('address', () => resolveName(host)))) return steps;
  if (!(await took('port', () => openPort(host, port ?? 0, place)))) return steps;
  if (isTls) {
    const proven = await took('certificate', () =>
      checkCertificate(host, port ?? 0, options.access),
    );
    if (!proven) return steps;
  }
  let client: MqttClient | null = null;
  try {
    const entered = await took('login', async () => {
      client = await logIn(options);
      const version = isMqtt5(client) ? '5' : '3.1.1';
      const { username } = options.settings;
      const who = username === null ? 'without a user name' : `as "${username}"`;
      return withLimits(client, `the broker accepts MQTT ${version} ${who}`);
    });
    if (!entered || client === null) return steps;
    const open: MqttClient = client;
    await took('subscription', () => trySubscription(open, options.robotId));
    await took('publication', () => tryPublication(open, options.robotId));
  } finally {
    (client as MqttClient | null)?.end(true);
  }
  return steps;
}

/** A warning where the robot has to go without something. */
function withLimits(client: MqttClient, text: string): Omit<ProbeStep, 'stage'> {
  if (!isMqtt5(client)) return ok(text);
  const missing = missingFeatures(brokerLimits(client.serverProperties), 0);
  if (missing.length === 0) return ok(text);
  const whole = `${text}; it has limits: ${missing.map((each) => each.text).join('; ')}`;
  if (concernsConsumersOnly(missing)) return ok(whole);
  const error = new HeadlandError(LIMITED.code, whole, { remedy: LIMITED.remedy });
  return { state: 'warning', text: error.message, error };
}

function isMqtt5({ options }: MqttClient): boolean {
  return options.protocolVersion === 5;
}

const ok = (text: string): Omit<ProbeStep, 'stage'> => ({ state: 'ok', text, error: null });

function failure(error: unknown): Omit<ProbeStep, 'stage'> {
  if (!isHeadlandError(error)) throw error;
  return { state: 'failed', text: error.message, error };
}

async function resolveName(host: string): Promise<Omit<ProbeStep, 'stage'>> {
  if (isIP(host) !== 0) return ok(`${host} is an IP address`);
  try {
    const { address } = await within(STEP_TIMEOUT_MS, lookup(host));
    return ok(`${host} is ${address}`);
  } catch (cause) {
    throw unreachable(`the name ${host} cannot be resolved: ${reasonOf(cause)}`, cause);
  }
}

async function openPort(
  host: string,
  port: number,
  place: string,
): Promise<Omit<ProbeStep, 'stage'>> {
  let socket: Socket | null = null;
  try {
    const opening = connectTcp({ host, port });
    socket = opening;
    await within(STEP_TIMEOUT_MS, opened(opening, 'connect'));
    return ok(`${place} accepts connections`);
  } catch (cause) {
    throw unreachable(`${place} does not accept connections: ${reasonOf(cause)}`, cause);
  } finally {
    socket?.destroy();
  }
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    // A socket that is destroyed later must not emit an error that nobody hears.
    socket.on('error', reject);
  });
}

async function checkCertificate(
  host: string,
  port: number,
  { credentials }: BrokerAccess,
): Promise<Omit<ProbeStep, 'stage'>> {
  let socket: TLSSocket | null = null;
  try {
    const { ca, cert, key } = credentials;
    const opening = connectTls({
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    socket = opening;
    await within(STEP_TIMEOUT_MS, opened(opening, 'secureConnect')).catch((cause) => {
      throw badCertificate(
        'HL_DOCTOR_BROKER_TLS',
        `no TLS with ${host}: ${reasonOf(cause)}`,
        'Give the port that the broker serves with TLS, or write mqtt:// for one without.',
        cause,
      );
    });
    return judgeCertificate(host, opening);
  } finally {
    socket?.destroy();
  }
}

function judgeCertificate(host: string, socket: TLSSocket): Omit<ProbeStep, 'stage'> {
  const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
  const until = new Date(to);
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  if (!socket.authorized) {
    // Despite its type, Node gives the code of OpenSSL as a string.
    const code = String(socket.authorizationError ?? 'unknown');
    throw badCertificate('HL_DOCTOR_BROKER_TLS', ...whyUntrusted(code, host, day, from, until));
  }
  const text = `the certificate of ${host} is trusted until ${day(until)}`;
  if (until.getTime() - Date.now() > EXPIRES_SOON_MS) return ok(text);
  const error = badCertificate(
    'HL_DOCTOR_CERTIFICATE_EXPIRES',
    `the certificate of ${host} expires on ${day(until)}; then no connection is possible`,
    'Give the broker a new certificate before that day.',
  );
  return { state: 'warning', text: error.message, error };
}

function whyUntrusted(
  code: string,
  host: string,
  day: (date: Date) => string,
  from: string,
  until: Date,
): [message: string, remedy: string] {
  if (code === 'CERT_HAS_EXPIRED') {
    return [
      `the certificate of ${host} expired on ${day(until)}`,
      'Give the broker a new certificate. If it is not that old, the clock of this board is wrong.',
    ];
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return [
      `the certificate of ${host} is valid only from ${day(new Date(from))}`,
      'Set the clock of this board: `timedatectl` shows it.',
    ];
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return [
      `the certificate is for another name than ${host}`,
      'Write the name of the certificate in mqtt.url, or give the broker a certificate for this name.',
    ];
  }
  return [
    `the certificate of ${host} is not trusted (${code})`,
    'Set mqtt.caFile to the certificate of the authority that signed it.',
  ];
}

async function logIn(options: ProbeOptions): Promise<MqttClient> {
  const { access, settings } = options;
  const login: IClientOptions = {
    clientId: `headland-doctor-${randomBytes(4).toString('hex')}`,
    clean: true,
    keepalive: settings.keepaliveSeconds,
    rejectUnauthorized: true,
    ...access.credentials,
    ...(settings.username === null ? {} : { username: settings.username }),
  };
  try {
    return await connectInVersion(access.url, login, settings.protocol, STEP_TIMEOUT_MS);
  } catch (cause) {
    throw refused(options, cause);
  }
}

function refused({ access, settings }: ProbeOptions, cause: unknown): HeadlandError {
  const code = reasonCodeOf(cause);
  if (code === null) return unreachable(`no answer to the login: ${reasonOf(cause)}`, cause);
  const who = settings.username === null ? 'a login without a user name' : `"${settings.username}"`;
  const reason = serverReason(code, 'connect');
  return new HeadlandError(
    reason.code,
    `${redactAddress(access.url)} refuses ${who}: ${reason.words}`,
    { remedy: reason.remedy, details: { reason: code }, cause },
  );
}

async function trySubscription(
  client: MqttClient,
  robotId: string,
): Promise<Omit<ProbeStep, 'stage'>> {
  const filter = topicPrefix(robotId) + commandTopic('+');
  const refusal = await subscriptionRefusal(client, filter);
  if (refusal === null) return ok(`the broker lets this user subscribe to ${filter}`);
  throw new HeadlandError(
    'HL_BROKER_SUBSCRIPTION_REFUSED',
    `the broker refuses the subscription to commands (${filter}): ${serverReason(refusal, 'later').words}`,
    { remedy: `Allow the robot to read ${filter} in the access list of the broker.` },
  );
}

/** Publishes a response and waits for it to come back. */
async function tryPublication(
  client: MqttClient,
  robotId: string,
): Promise<Omit<ProbeStep, 'stage'>> {
  const topic = topicPrefix(robotId) + responseTopic(PROBE_COMMAND);
  const mayRead = (await subscriptionRefusal(client, topic)) === null;
  const nonce = randomBytes(8).toString('hex');
  const echo = new Promise<boolean>((resolve) => {
    client.on('message', (_topic, payload) => {
      if (payload.toString('utf8').includes(nonce)) resolve(true);
    });
  });
  const message: CommandResponse = {
    schema: 'response/1',
    boot: nonce.slice(0, 8),
    seq: 0,
    at: new Date().toISOString(),
    command: PROBE_COMMAND,
    transaction: nonce,
    ok: true,
    data: {},
  };
  const payload = JSON.stringify(message);
  const published = client.publishAsync(topic, payload, { qos: 1, retain: false });
  await within(STEP_TIMEOUT_MS, published).catch((cause) => {
    throw unpublished(topic, wordsOf(cause), cause);
  });
  if (mayRead && (await within(ECHO_TIMEOUT_MS, echo).catch(() => false))) {
    return ok(`a message on ${topic} comes back`);
  }
  // MQTT 5 reports a refusal; before it, brokers drop what is not allowed without a word.
  if (isMqtt5(client))
    return ok(`the broker accepts messages on ${topic}; this user may not read them`);
  const error = unpublished(topic, 'the message did not come back', null);
  return { state: 'warning', text: error.message, error };
}

async function subscriptionRefusal(client: MqttClient, filter: string): Promise<number | null> {
  try {
    const grants = await within(STEP_TIMEOUT_MS, client.subscribeAsync(filter, { qos: 1 }));
    const refusal = grants.map(({ qos }) => Number(qos)).find((answer) => answer >= REFUSED);
    return refusal ?? null;
  } catch (error) {
    const answers = answersIn(error);
    if (answers === null) {
      throw unreachable(`no answer to the subscription: ${reasonOf(error)}`, error);
    }
    return answers.find((answer) => answer >= REFUSED) ?? REFUSED;
  }
}

function unpublished(topic: string, why: string, cause: unknown): HeadlandError {
  return new HeadlandError('HL_BROKER_REFUSED', `messages on ${topic} are refused: ${why}`, {
    remedy: `Allow the robot to write ${topic.split('/').slice(0, 2).join('/')}/# in the broker's access list.`,
    details: { topics: [topic] },
    cause,
  });
}

function unreachable(message: string, cause: unknown): HeadlandError {
  return new HeadlandError('HL_BROKER_UNREACHABLE', message, {
    remedy: 'Start the broker, or correct mqtt.url; check the network.',
    cause,
  });
}

function badCertificate(
  code: ErrorCode,
  message: string,
  remedy: string,
  cause?: unknown,
): HeadlandError {
  return new HeadlandError(code, message, { remedy, cause });
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'no program listens there',
  ENOTFOUND: 'no name server knows it',
  EAI_AGAIN: 'no name server answers',
  EHOSTUNREACH: 'there is no way to this address',
  ENETUNREACH: 'there is no network',
  ECONNRESET: 'the connection was closed',
};

/** What the broker answered, or why no answer came. */
function wordsOf(error: unknown): string {
  const code = reasonCodeOf(error);
  return code === null ? reasonOf(error) : serverReason(code, 'later').words;
}

function reasonOf(error: unknown): string {
  return WORDS[codeOf(error) ?? ''] ?? messageOf(error);
}

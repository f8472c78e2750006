import { X509Certificate } from 'node:crypto';
import { HeadlandError } from '../../../base/errors.js';
import type { BrokerAccess } from '../../../telemetry/connection/connection.js';
import { EXPIRES_SOON_MS, probeBroker } from '../../../telemetry/connection/probe-broker.js';
import { brokerCredentials, brokerUrls } from '../../reporting/broker-access.js';
import { type Finding, failed, ok, type RobotContext, warning } from '../doctor-check.js';
import { requireFreePort } from './free-port.js';

const HOST = '127.0.0.1';

/** Whether the broker can be reached, trusted and used: see {@link probeBroker}. */
export async function checkBroker(context: RobotContext): Promise<Finding[]> {
  const { mqtt, embeddedBroker } = context.config;
  const urls = brokerUrls(mqtt);
  if (urls.length > 0) return probeAll(urls, context);
  const { port } = embeddedBroker;
  if (!(await context.daemon.running())) {
    if (port !== 0) await requireFreePort(HOST, port, 'embeddedBroker.port');
    return [ok(`the daemon starts its own broker on ${HOST}, port ${port || 'any'}`)];
  }
  if (port !== 0) return probeAll([`mqtt://${HOST}:${port}`], context);
  const connected = (await context.daemon.status())?.brokerConnected === true;
  const does = connected ? 'is connected to' : 'starts';
  return [ok(`the running daemon ${does} its own broker, on a port that it chose`)];
}

/** @throws HeadlandError HL_SECRET_…, HL_MQTT_TLS_FILE */
async function probeAll(urls: string[], context: RobotContext): Promise<Finding[]> {
  const credentials = brokerCredentials(context.config.mqtt, context.environment);
  const { cert } = credentials;
  const findings = cert === undefined ? [] : [judgeOwnCertificate(cert)];
  for (const [index, url] of urls.entries()) {
    findings.push(...(await probe({ url, credentials }, index, context)));
  }
  return findings;
}

/** @param index of the broker; without those after the first the robot can do its work */
async function probe(
  access: BrokerAccess,
  index: number,
  { config: { mqtt, robot } }: RobotContext,
): Promise<Finding[]> {
  const steps = await probeBroker({ access, settings: mqtt, robotId: robot.id });
  return steps.map(({ stage, state, text, error }) => {
    const subject = index === 0 ? stage : `${stage} of mqtt.otherUrls[${index - 1}]`;
    if (error === null) return ok(text, { subject });
    const isWarning = state === 'warning' || index > 0;
    return isWarning ? warning(error, { subject }) : failed(error, { subject });
  });
}

/** @param pem certificate by which the robot proves who it is */
function judgeOwnCertificate(pem: Buffer): Finding {
  const subject = 'own certificate';
  const until = new Date(new X509Certificate(pem).validTo);
  const leftMs = until.getTime() - Date.now();
  const day = until.toISOString().slice(0, 10);
  if (leftMs > EXPIRES_SOON_MS) {
    return ok(`the certificate of the robot is valid until ${day}`, { subject });
  }
  const expires = leftMs < 0 ? 'expired' : 'expires';
  const error = new HeadlandError(
    'HL_DOCTOR_CERTIFICATE_EXPIRES',
    `the certificate of the robot (mqtt.certFile) ${expires} on ${day}`,
    { remedy: 'Give the robot a new certificate and key: mqtt.certFile, mqtt.key.' },
  );
  return leftMs < 0 ? failed(error, { subject }) : warning(error, { subject });
}

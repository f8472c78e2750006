import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../../mutants/mutant.js';
import { freePort, listen } from '../../ports.js';
import { privateKey, withoutOpenssl, writeCertificates } from '../../telemetry/certificates.js';
import { Mosquitto, passwordFile, withoutMosquitto } from '../../telemetry/mosquitto.js';
import type { DoctorScenario, Patient } from './doctor-scenario.js';
import type { Said } from './scenario.js';

const skip = withoutMosquitto;
const skipTls = withoutMosquitto || withoutOpenssl;

/** A user of a real broker, and the file with the password. */
function knownUser({ robot }: Patient): { file: string; options: string[] } {
  const passwords = passwordFile(robot.path('passwords'), 'robot', 'swordfish');
  const file = robot.write('password', 'swordfish', 0o600);
  return { file, options: ['allow_anonymous false', passwords] };
}

/** A broker that serves TLS with a certificate of `ca`, valid for so many days. */
async function tlsBroker(patient: Patient, days: number, name = 'IP:127.0.0.1'): Promise<string> {
  const dir = patient.robot.path(`tls-${days}-${name.length}`);
  mkdirSync(dir);
  writeCertificates(dir);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  execFileSync('sh', ['-c', `echo subjectAltName=${name} >san`], { cwd: dir });
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san'];
  // Of a negative number of days, it has expired.
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', '-days', `${days}`, ...signed);
  execFileSync('chmod', ['-R', 'a+rX', dir]);
  const port = await freePort();
  await Mosquitto.start(patient.t, [
    `listener ${port} 127.0.0.1`,
    `certfile ${join(dir, 'server.crt')}`,
    `keyfile ${join(dir, 'server.key')}`,
  ]);
  patient.robot.configure({
    mqtt: { url: `mqtts://127.0.0.1:${port}`, caFile: join(dir, 'ca.crt') },
  });
  return dir;
}

/** A broker with a good certificate, of which the robot is told another authority. */
async function wrongAuthority(patient: Patient, file: string): Promise<void> {
  const dir = await tlsBroker(patient, 365);
  patient.robot.configure({ mqtt: { caFile: join(dir, file) } });
  patient.mend = () => patient.robot.configure({ mqtt: { caFile: join(dir, 'ca.crt') } });
}

/** A certificate for the robot itself, and its key. */
function ownCertificate({ robot }: Patient, dir: string, days: number): void {
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', `${days}`];
  const request = ['x509', '-req', '-in', 'r1.csr', '-out', 'r1.crt', ...signed];
  execFileSync('openssl', request, { cwd: dir, stdio: 'ignore' });
  const key = { file: privateKey(dir, 'r1') };
  robot.configure({ mqtt: { certFile: join(dir, 'r1.crt'), key } });
}

/** A robot that may read and not write, and a broker whose access list can be changed. */
async function mayNotWrite(patient: Patient, mqtt: object = {}): Promise<void> {
  const list = patient.robot.write('rights', 'topic read #\n');
  const broker = await Mosquitto.start(patient.t, [`acl_file ${list}`]);
  patient.robot.configure({ mqtt: { url: broker.url, ...mqtt } });
  patient.mend = async () => {
    await broker.kill();
    await broker.up();
  };
}

/** Gives the right that the remedy names. */
function grantWriting(patient: Patient, { remedy }: Said): unknown {
  const [, topic] = /write (\S+) in/.exec(remedy ?? '') ?? [];
  patient.robot.write('rights', `topic read #\ntopic write ${topic}\n`);
  return patient.mend();
}

/** Subscriptions are refused by this plugin alone. */
const PLUGIN = readdirSync('/usr/lib')
  .map((folder) => join('/usr/lib', folder, 'mosquitto_dynamic_security.so'))
  .find((path) => existsSync(path));

function rights(subscribe: boolean): string {
  return JSON.stringify({
    defaultACLAccess: {
      publishClientSend: true,
      publishClientReceive: true,
      subscribe,
      unsubscribe: true,
    },
    anonymousGroup: 'anyone',
    groups: [{ groupname: 'anyone', roles: [] }],
    clients: [],
    roles: [],
  });
}

async function takePort({ t }: Patient): Promise<number> {
  const server = createServer();
  t.after(() => server.close());
  return listen(server);
}

/** Changes the port that the remedy names. */
async function chooseAnotherPort({ robot }: Patient, { remedy }: Said): Promise<void> {
  const [, section, name] = /set (\w+)\.(\w+) to another/.exec(remedy ?? '') ?? [];
  robot.configure({ [section!]: { [name!]: await freePort() } });
}

export const brokerFindings: DoctorScenario[] = [
  {
    code: 'HL_BROKER_UNREACHABLE',
    follows: 'Start the broker',
    check: 'broker',
    state: 'failed',
    subject: 'port',
    skip,
    given: async (patient) => {
      const broker = await Mosquitto.start(patient.t);
      await broker.kill();
      patient.robot.configure({ mqtt: { url: broker.url } });
      patient.mend = () => broker.up();
    },
    follow: (patient) => patient.mend(),
  },
  {
    code: 'HL_BROKER_UNREACHABLE',
    when: 'its name',
    follows: 'correct mqtt.url',
    check: 'broker',
    state: 'failed',
    subject: 'address',
    skip,
    given: ({ robot }) => robot.configure({ mqtt: { url: 'mqtt://no-such-broker.invalid' } }),
    follow: async ({ t, robot }) =>
      robot.configure({ mqtt: { url: (await Mosquitto.start(t)).url } }),
  },
  {
    code: 'HL_BROKER_REFUSED',
    when: 'a wrong password',
    follows: 'Correct mqtt.username and mqtt.password',
    check: 'broker',
    state: 'failed',
    subject: 'login',
    skip,
    given: async (patient) => {
      const { file, options } = knownUser(patient);
      const { url } = await Mosquitto.start(patient.t, options);
      patient.robot.write('password', 'codfish', 0o600);
      patient.robot.configure({ mqtt: { url, username: 'robot', password: { file } } });
    },
    follow: ({ robot }) => robot.write('password', 'swordfish', 0o600),
  },
  {
    code: 'HL_BROKER_REFUSED',
    when: 'no right to write',
    follows: 'access list',
    check: 'broker',
    state: 'failed',
    subject: 'publication',
    skip,
    given: (patient) => mayNotWrite(patient),
    follow: grantWriting,
  },
  {
    code: 'HL_BROKER_REFUSED',
    when: 'no right to write, MQTT 3.1.1',
    follows: 'access list',
    check: 'broker',
    state: 'warning',
    subject: 'publication',
    skip,
    given: (patient) => mayNotWrite(patient, { protocol: '3.1.1' }),
    follow: grantWriting,
  },
  {
    code: 'HL_BROKER_SUBSCRIPTION_REFUSED',
    follows: 'in the access list of the broker',
    check: 'broker',
    state: 'failed',
    subject: 'subscription',
    skip: skip || (PLUGIN ? false : 'mosquitto has no plugin that refuses subscriptions'),
    given: async (patient) => {
      const file = patient.robot.write('rights.json', rights(false), 0o666);
      const broker = await Mosquitto.start(patient.t, [
        `plugin ${PLUGIN}`,
        `plugin_opt_config_file ${file}`,
      ]);
      patient.robot.configure({ mqtt: { url: broker.url } });
      patient.mend = async () => {
        await broker.kill();
        patient.robot.write('rights.json', rights(true), 0o666);
        await broker.up();
      };
    },
    follow: (patient) => patient.mend(),
  },
  {
    code: 'HL_DOCTOR_BROKER_TLS',
    when: 'expired',
    follows: 'Give the broker a new certificate',
    check: 'broker',
    state: 'failed',
    subject: 'certificate',
    skip: skipTls,
    given: (patient) => tlsBroker(patient, -1),
    follow: (patient) => tlsBroker(patient, 365),
  },
  {
    code: 'HL_DOCTOR_BROKER_TLS',
    when: 'of another authority',
    follows: 'Set mqtt.caFile',
    check: 'broker',
    state: 'failed',
    subject: 'certificate',
    skip: skipTls,
    given: (patient) => wrongAuthority(patient, 'other.crt'),
    follow: (patient) => patient.mend(),
  },
  {
    code: 'HL_DOCTOR_BROKER_TLS',
    when: 'for another name',
    follows: 'Write the name of the certificate in mqtt.url',
    check: 'broker',
    state: 'failed',
    subject: 'certificate',
    skip: skipTls,
    given: (patient) => tlsBroker(patient, 365, 'DNS:localhost'),
    follow: ({ robot }) => {
      const [, url] = /url: (mqtts:\S+)/.exec(readFileSync(robot.configFile, 'utf8')) ?? [];
      robot.configure({ mqtt: { url: url!.replace('127.0.0.1', 'localhost') } });
    },
  },
  {
    code: 'HL_DOCTOR_BROKER_TLS',
    when: 'none',
    follows: 'write mqtt:// for one without',
    check: 'broker',
    state: 'failed',
    subject: 'certificate',
    skip: skipTls,
    given: async ({ t, robot }) => {
      const { port } = await Mosquitto.start(t);
      robot.configure({ mqtt: { url: `mqtts://127.0.0.1:${port}` } });
    },
    follow: ({ robot }) => {
      const [, place] = /url: mqtts:(\S+)/.exec(readFileSync(robot.configFile, 'utf8')) ?? [];
      robot.configure({ mqtt: { url: `mqtt:${place}` } });
    },
  },
  {
    code: 'HL_DOCTOR_CERTIFICATE_EXPIRES',
    follows: 'Give the broker a new certificate before that day',
    check: 'broker',
    state: 'warning',
    subject: 'certificate',
    skip: skipTls,
    given: (patient) => tlsBroker(patient, 10),
    follow: (patient) => tlsBroker(patient, 365),
  },
  {
    code: 'HL_DOCTOR_CERTIFICATE_EXPIRES',
    when: 'that of the robot',
    follows: 'Give the robot a new certificate and key',
    check: 'broker',
    state: 'failed',
    subject: 'own certificate',
    skip: skipTls,
    given: async (patient) => {
      const dir = await tlsBroker(patient, 365);
      ownCertificate(patient, dir, -1);
      patient.mend = () => ownCertificate(patient, dir, 365);
    },
    follow: (patient) => patient.mend(),
  },
  {
    code: 'HL_MQTT_TLS_FILE',
    follows: 'Correct mqtt.caFile',
    check: 'broker',
    state: 'failed',
    skip: skipTls,
    given: (patient) => wrongAuthority(patient, 'none.crt'),
    follow: (patient) => patient.mend(),
  },
];

const SHIPPED = join(REPOSITORY, 'systemd/headland.service');

/** A certificate of this name, and its key. */
function certify(robot: Patient['robot'], name: string): void {
  const key = robot.write(`${name}.key`, '', 0o600);
  const certificate = robot.write(`${name}.crt`, '');
  const subject = ['-subj', '/CN=robot', '-days', '30'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], {
    stdio: 'ignore',
  });
}

/** Encrypts the page with one certificate and the key of this name. */
function encrypt(robot: Patient['robot'], key: string): void {
  const certFile = join(robot.dir, 'page.crt');
  const tls = { mode: 'files', certFile, key: { file: join(robot.dir, `${key}.key`) } };
  robot.configure({ console: { tls } });
}

export const serviceFindings: DoctorScenario[] = [
  {
    code: 'HL_DOCTOR_PORT_TAKEN',
    follows: 'to another port',
    check: 'page',
    state: 'failed',
    given: async (patient) =>
      patient.robot.configure({ console: { port: await takePort(patient) } }),
    follow: chooseAnotherPort,
  },
  {
    code: 'HL_DOCTOR_PORT_TAKEN',
    when: 'of the broker',
    follows: 'to another port',
    check: 'broker',
    state: 'failed',
    given: async (patient) =>
      patient.robot.configure({ embeddedBroker: { port: await takePort(patient) } }),
    follow: chooseAnotherPort,
  },
  {
    code: 'HL_CONSOLE_CERTIFICATE',
    follows: 'and console.tls.key to its private key',
    check: 'page',
    state: 'failed',
    skip: withoutOpenssl,
    given: ({ robot }) => {
      certify(robot, 'page');
      certify(robot, 'other');
      encrypt(robot, 'other');
    },
    follow: ({ robot }) => encrypt(robot, 'page'),
  },
  {
    code: 'HL_CONSOLE_TOKEN_WEAK',
    follows: 'openssl rand -hex 24',
    check: 'page',
    state: 'failed',
    skip: withoutOpenssl,
    given: ({ robot }) =>
      robot.configure({ console: { token: { file: robot.write('token', 'short', 0o600) } } }),
    follow: ({ robot }) =>
      robot.write('token', execFileSync('openssl', ['rand', '-hex', '24']), 0o600),
  },
  {
    code: 'HL_DOCTOR_UNIT_MISSING',
    follows: 'Install the Debian package',
    check: 'unit',
    state: 'warning',
    given: (patient) => patient.systemd({ LoadState: 'not-found', FragmentPath: '' }),
    follow: (patient) => patient.systemd({ FragmentPath: SHIPPED }),
  },
  {
    code: 'HL_DOCTOR_UNIT_FAILED',
    follows: 'systemctl reset-failed headland',
    check: 'unit',
    state: 'failed',
    given: (patient) => patient.systemd({ ActiveState: 'failed', Result: 'start-limit-hit' }),
    follow: (patient) => patient.systemd(),
  },
  {
    code: 'HL_DOCTOR_CREDENTIAL_MISSING',
    follows: 'Write the secret into',
    check: 'unit',
    state: 'failed',
    given: (patient) => {
      patient.systemd({ LoadCredential: `mqtt-password:${patient.robot.path('gone')}` });
    },
    follow: (patient) => patient.robot.write('gone', 'swordfish\n', 0o600),
  },
  {
    code: 'HL_DOCTOR_UNIT_STOPPED',
    follows: 'systemctl start headland',
    check: 'unit',
    state: 'warning',
    given: (patient) => patient.systemd({ ActiveState: 'inactive' }),
    follow: (patient) => patient.systemd(),
  },
  {
    code: 'HL_DOCTOR_UNIT_DISABLED',
    follows: 'enable headland',
    check: 'unit',
    state: 'warning',
    given: (patient) => patient.systemd({ UnitFileState: 'disabled' }),
    follow: (patient) => patient.systemd(),
  },
  {
    code: 'HL_DOCTOR_UNIT_RESTARTS',
    follows: 'systemctl restart headland',
    check: 'unit',
    state: 'warning',
    given: (patient) => patient.systemd({ NRestarts: 7 }),
    follow: (patient) => patient.systemd({ NRestarts: 0 }),
  },
  {
    code: 'HL_DOCTOR_UNIT_DIFFERS',
    follows: 'Keep changes in a drop-in',
    check: 'unit',
    state: 'warning',
    given: (patient) => {
      const unit = readFileSync(SHIPPED, 'utf8').replace('WatchdogSec=30', 'WatchdogSec=300');
      patient.systemd({ FragmentPath: patient.robot.write('headland.service', unit) });
    },
    follow: (_, { remedy }) => {
      const [, from, to] = /copy (\S+) to (\S+);/.exec(remedy ?? '') ?? [];
      execFileSync('cp', [from!, to!]);
    },
  },
  {
    code: 'HL_DOCTOR_UNIT_EXPOSED',
    follows: 'Remove settings from the drop-ins',
    check: 'unit',
    state: 'warning',
    given: (patient) => {
      patient.systemd();
      patient.tool(
        'systemd-analyze',
        'echo "→ Overall exposure level for headland.service: 9.2 UNSAFE :-{"',
      );
    },
    follow: (patient) => patient.systemd(),
  },
  {
    code: 'HL_DOCTOR_WATCHDOG_OFF',
    follows: 'WatchdogSec=30',
    check: 'watchdog',
    state: 'warning',
    given: (patient) => patient.systemd({ WatchdogUSec: '0' }),
    follow: (patient) => patient.systemd({ WatchdogUSec: '30s' }),
  },
  {
    code: 'HL_DOCTOR_MEMORY_LIMIT',
    when: 'more than the board has',
    follows: '[Service], MemoryHigh=',
    check: 'memory',
    state: 'warning',
    given: (patient) => patient.systemd({ MemoryMax: 900_000_000_000_000 }),
    follow: (patient, { remedy }) => {
      const [, high, max] = /MemoryHigh=(\d+)M, MemoryMax=(\d+)M/.exec(remedy ?? '') ?? [];
      const limits = { MemoryHigh: Number(high) * 1_048_576, MemoryMax: Number(max) * 1_048_576 };
      assert.ok(limits.MemoryHigh < limits.MemoryMax && limits.MemoryMax < totalmem());
      patient.systemd(limits);
    },
  },
  {
    code: 'HL_DOCTOR_MEMORY_LIMIT',
    when: 'nearly used up',
    follows: 'Raise MemoryHigh= and MemoryMax= of the unit',
    check: 'memory',
    state: 'warning',
    given: (patient) =>
      patient.systemd({
        MemoryHigh: 400_000_000,
        MemoryMax: 900_000_000,
        MemoryCurrent: 399_000_000,
      }),
    follow: (patient) => patient.systemd({ MemoryMax: 900_000_000, MemoryCurrent: 399_000_000 }),
  },
];

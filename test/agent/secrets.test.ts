import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { unzipSync } from 'fflate';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';
import { Mosquitto, passwordFile, withoutMosquitto } from '../telemetry/mosquitto.js';
import { CLI, Person, Rig } from './daemon.js';

/** One secret a setting, so that a leak names the setting. In a path it has the shape of a token. */
const canary = (setting: string) =>
  setting.startsWith('path-')
    ? createHash('sha256').update(setting).digest('base64url').slice(0, 32)
    : `kanarie-${setting}-7f3a9c`;
const SETTINGS = [
  'broker-user',
  'broker-password',
  'stream-user',
  'stream-password',
  'stream-query',
  'rtsp-password',
  'rtsp-path',
  'mirror-password',
  'mirror-query',
  'environment-mirror',
  'pip-index',
  'pip-proxy',
  'console-token',
  'mqtt-key',
  'argument-header',
  'argument-token',
  'argument-password',
  'path-broker',
  'path-stream',
  'path-rtsp',
  'path-mirror',
  'path-environment-mirror',
  'path-pip-index',
  'path-webhook',
];

/** Everything that came out of somewhere, by where. */
type Outputs = Map<string, string>;

function leaks(outputs: Outputs): string[] {
  return [...outputs].flatMap(([where, text]) =>
    SETTINGS.filter((setting) => text.includes(canary(setting))).map(
      (setting) => `${setting} in ${where}`,
    ),
  );
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

/** Command lines of a process and of all that it started, as any user sees them. */
function commandLines(root: number): string[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, parent] =
        /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8')) ?? [];
      parents.set(Number(entry), Number(parent));
    } catch {
      // It ended while it was looked at.
    }
  }
  const belongs = (id: number): boolean => id === root || (id > 1 && belongs(parents.get(id) ?? 0));
  return [...parents.keys()].filter(belongs).flatMap((id) => {
    try {
      return [readFileSync(`/proc/${id}/cmdline`, 'latin1').replaceAll('\0', ' ')];
    } catch {
      return [];
    }
  });
}

/** What a command says; meanwhile this process serves its pictures on. */
async function run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [CLI, ...command], {
    env,
    timeout: HANG_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes) => {
      said += String(bytes);
    });
  }
  await once(child, 'close');
  return said;
}

/** A camera and a mirror in one: MJPEG on /video, nothing else. */
async function webServer(t: TestContext, jpeg: Uint8Array): Promise<string> {
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/video')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=frame' });
    const timer = setInterval(() => {
      response.write(
        `--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`,
      );
      response.write(jpeg);
      response.write('\r\n');
    }, 50);
    response.on('close', () => clearInterval(timer));
  });
  const port = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${port}`;
}

test('no secret of any setting shows in any output, file or command line', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const [user, password] = [canary('broker-user'), canary('broker-password')];
  const passwords = passwordFile(join(rig.dir, 'passwords'), user, password);
  const broker = await Mosquitto.start(t, ['allow_anonymous false', passwords]);
  const brokerUrl = broker.url.replace('://', `://${user}:${password}@`);
  const [photo] = filesBelow(rig.photosDir);
  const web = await webServer(t, readFileSync(photo!));
  const secretFile = (name: string, text: string): { file: string } => {
    const file = join(rig.dir, name);
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
    return { file };
  };
  const pip = join(rig.dir, 'pip.sh');
  const seenByAll = join(rig.dir, 'pip-command-line');
  writeFileSync(
    pip,
    `tr '\\0' ' ' < /proc/$$/cmdline > ${seenByAll}\n` +
      'echo "ERROR: cannot reach $PIP_INDEX_URL through $PIP_PROXY" >&2\nexit 1\n',
  );
  const streamLogin = `${canary('stream-user')}:${canary('stream-password')}`;
  const rtspPath = `live/${canary('path-rtsp')}/user=x&password=${canary('rtsp-path')}&channel=1`;
  rig.configure({
    cameras: [
      { name: 'replay', driver: 'replay', path: rig.photosDir, intervalMs: 50 },
      {
        name: 'stream',
        driver: 'ffmpeg',
        framesPerSecond: 20,
        input: `http://${streamLogin}@${web}/video/${canary('path-stream')}/1?key=${canary('stream-query')}`,
      },
      {
        name: 'dead',
        driver: 'ffmpeg',
        input: `rtsp://farmer:${canary('rtsp-password')}@127.0.0.1:1/${rtspPath}`,
      },
    ],
    models: {
      backbone: 'tiny',
      cardsDir: join(rig.dir, 'models'),
      mirrors: [
        `http://m:${canary('mirror-password')}@${web}/${canary('path-mirror')}/?t=${canary('mirror-query')}`,
      ],
      pipCommand: [
        'sh',
        pip,
        '--index-url',
        `https://i:${canary('pip-index')}@127.0.0.1:1/${canary('path-pip-index')}/simple`,
        `--proxy=http://p:${canary('pip-proxy')}@127.0.0.1:1`,
      ],
    },
    mqtt: {
      url: brokerUrl,
      otherUrls: [`ws://127.0.0.1:1/${canary('path-broker')}/mqtt`],
      key: secretFile('key', canary('mqtt-key')),
      metricsIntervalMs: 1_000,
    },
    console: { port: 0, token: secretFile('token', canary('console-token')) },
    alerts: {
      rules: [
        {
          name: 'call',
          labels: ['weed'],
          command: {
            path: '/bin/true',
            arguments: [
              '-H',
              `X-Api-Key: ${canary('argument-header')}`,
              `--token=${canary('argument-token')}`,
              '--password',
              canary('argument-password'),
              `https://hooks.example/services/${canary('path-webhook')}`,
            ],
          },
        },
      ],
    },
    log: { level: 'trace' },
  });
  const env = {
    ...process.env,
    HEADLAND_MODEL_MIRRORS: `http://e:${canary('environment-mirror')}@${web}/${canary('path-environment-mirror')}/models`,
  };
  const outputs: Outputs = new Map();
  const say = (where: string, text: string): void => {
    outputs.set(where, (outputs.get(where) ?? '') + text);
  };

  const person = await Person.listen(t, brokerUrl);
  const daemon = spawn(process.execPath, [CLI, 'run', '--config', rig.configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  t.after(() => daemon.kill('SIGKILL'));
  daemon.stdout.on('data', (bytes) => say('the log', String(bytes)));
  daemon.stderr.on('data', (bytes) => say('standard error of the daemon', String(bytes)));
  const watching = setInterval(
    () => say('command lines', commandLines(daemon.pid!).join('\n')),
    50,
  );
  t.after(() => clearInterval(watching));

  await person.until(({ body }) => body.camera === 'stream' && body.schema === 'prediction/1');
  await person.until(({ body }) => body.kind === 'alarm_raised' && /dead/.test(body.details.alarm));
  await person.labelFrames(rig, 14);
  await person.command('retrain');
  await person.until(({ topic }) => topic.endsWith('training/report'));
  const { data } = await person.command('status');
  assert.match(JSON.stringify(data), /\[redacted\]@/, 'the status shows addresses');
  const get = (path: string) =>
    fetch(new URL(path, data.console), {
      headers: { authorization: `Bearer ${canary('console-token')}` },
    });
  for (const path of [
    '/api/status',
    '/api/heads',
    '/api/reports',
    '/api/waiting',
    '/api/robot/settings',
    '/api/robot/alerts',
    '/api/robot/log',
    '/api/robot/events',
  ]) {
    const answer = await get(path);
    assert.equal(answer.status, 200, path);
    say(`the page's ${path}`, await answer.text());
  }
  const stream = await get('/api/stream');
  assert.equal(stream.status, 200);
  const events = stream.body!.getReader();
  say("the page's events", Buffer.from((await events.read()).value!).toString());
  await events.cancel();

  const at = ['--config', rig.configFile];
  for (const command of [
    ['config', 'print', rig.configFile],
    ['config', 'print', rig.configFile, '--json'],
    ['config', 'check', rig.configFile],
    ['status', ...at],
    ['status', ...at, '--json'],
    ['audit', ...at],
    ['models', 'list', ...at],
    ['models', 'verify', ...at],
    ['models', 'pull', 'efficientnet-lite0', ...at],
    ['models', 'heads', ...at],
    ['train', ...at],
    ['evaluate', ...at, '--out', join(rig.dir, 'report')],
    ['outputs', 'off', ...at],
    ['doctor', '--only', 'configuration', 'broker', '--bundle', join(rig.dir, 'help.zip'), ...at],
    ['doctor', '--only', 'configuration', 'broker', '--json', ...at],
  ]) {
    say(`headland ${command.join(' ')}`, await run(command, env));
  }
  const broken = join(rig.dir, 'broken.yaml');
  writeFileSync(broken, `mqtt: { url: "${brokerUrl}\n  password: x`);
  const wrong = spawnSync(process.execPath, [CLI, 'run', '--config', broken], { encoding: 'utf8' });
  say('a mistake in the configuration', wrong.stdout + wrong.stderr);
  assert.match(wrong.stderr, /HL_CONFIG_SYNTAX/);

  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(rig.dir, 'help.zip'))))) {
    say(`${name} of the support bundle`, Buffer.from(bytes).toString());
  }

  clearInterval(watching);
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  for (const { topic, body } of person.received) say(topic, JSON.stringify(body));
  say('the command line of pip', readFileSync(seenByAll, 'utf8'));
  for (const folder of [rig.stateDir, rig.cacheDir, join(rig.dir, 'report')]) {
    for (const file of filesBelow(folder)) say(file, readFileSync(file, 'latin1'));
  }
  assert.deepEqual(leaks(outputs), []);
  // What is searched is really there.
  assert.match(outputs.get('command lines')!, /ffmpeg/);
  assert.match(outputs.get('command lines')!, /training-job/);
  assert.match(outputs.get('the command line of pip')!, /pip\.sh/);
  assert.match([...outputs.values()].join(), /cannot reach https:\/\/\[redacted\]@127/);
  assert.match(outputs.get('the log')!, /"msg":"ready"/);
  assert.match(outputs.get('settings.yaml of the support bundle')!, /mqtt:/);
  assert.match(outputs.get("the page's /api/robot/settings")!, /X-Api-Key: \[redacted\]/);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadHubConfig } from '../../../src/fleet/hub/settings/load-hub-config.js';
import { HANG_MS } from '../../liveness.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { FLEET, shipped } from './fleet-files.js';
import { credentials } from './fleet-hub.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const unit = shipped('headland-hub.service');
const skip = spawnSync('systemd-analyze', ['--version']).error
  ? 'systemd-analyze is not installed (apt package systemd)'
  : false;

function analyze(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    timeout: HANG_MS,
  });
  return { status, output: stdout + stderr };
}

describe('headland-hub.service', () => {
  test('is accepted by systemd without a word, and leaves little exposed', { skip }, (t) => {
    const path = join(temporaryFolder(t), 'headland-hub.service');
    const known = /\/usr\/share\/doc\/headland\/(\S+)/g;
    for (const [, file = ''] of unit.matchAll(known)) assert.ok(existsSync(join(ROOT, file)), file);
    writeFileSync(path, unit.replaceAll('/usr/bin/headland', process.execPath));
    assert.deepEqual(analyze('verify', path), { status: 0, output: '' });
    const { status, output } = analyze('security', '--offline=true', '--threshold=13', path);
    if (status !== 0 && /offline|unrecognized/i.test(output) && !/exposure/i.test(output)) return;
    assert.equal(status, 0, output);
  });

  test('passes the secrets that hub.yaml names, and no others', () => {
    const { mqtt, storePassword, replica } = loadHubConfig(join(FLEET, 'hub.yaml'));
    const named = [mqtt.key, storePassword].map((each) => {
      assert.ok(each !== null && 'credential' in each);
      return each.credential;
    });
    assert.deepEqual(
      credentials()
        .map(([name]) => name)
        .sort(),
      named.sort(),
    );
    assert.equal(replica, null, 'one file for all hubs: the host name tells them apart');
    assert.match(
      unit,
      /^ExecStart=\/usr\/bin\/headland fleet serve --config \/etc\/headland\/hub\.yaml$/m,
    );
    for (const line of ['Type=notify', 'WatchdogSec=30', 'Restart=always', 'DynamicUser=yes']) {
      assert.ok(unit.split('\n').includes(line), line);
    }
  });
});

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z
      .object({
        image: z.string(),
        hostname: z.string(),
        volumes: z.array(z.string()),
      })
      .loose(),
  ),
  volumes: z.record(z.string(), z.null()),
});

test('compose.yaml of a large fleet names hosts of the configurations and files that are there', () => {
  const text = shipped('compose.yaml');
  const { services, volumes } = composeSchema.parse(parse(text, { merge: true }));
  const hosts = Object.values(services).map(({ hostname }) => hostname);
  assert.deepEqual(hosts.sort(), ['db', 'hub-1', 'hub-2', 'mq1', 'mq2', 'mq3']);
  const { mqtt, store } = loadHubConfig(join(FLEET, 'hub.yaml'));
  for (const url of [mqtt.url, ...mqtt.otherUrls, store]) {
    assert.ok(hosts.includes(new URL(url).hostname), url);
  }
  for (const host of shipped('rabbitmq/rabbitmq.conf').matchAll(/= rabbit@(\S+)$/gm)) {
    assert.ok(hosts.includes(host[1] ?? ''));
  }
  for (const { image, volumes: mounts } of Object.values(services)) {
    assert.ok(image === 'headland' || /:\d+\.\d+/.test(image), `${image}: a version`);
    for (const mount of mounts) {
      const [source = ''] = mount.split(':');
      const isMade = /^\.\/(mq[123]|db|hub|erlang-cookie)(\/|$)/.test(source);
      if (!source.startsWith('.')) assert.ok(source in volumes, source);
      else assert.ok(isMade || existsSync(join(FLEET, source)), source);
    }
  }
});

test('RabbitMQ and hub agree on how long the queue of a hub that is away lasts', () => {
  const { mqtt } = loadHubConfig(join(FLEET, 'hub.yaml'));
  for (const name of ['definitions-3.10.json', 'definitions-4.json']) {
    const text = readFileSync(join(FLEET, 'rabbitmq', name), 'utf8');
    const [, ms] = /"expires": (\d+)/.exec(text) ?? [];
    assert.equal(Number(ms), mqtt.sessionExpirySeconds * 1_000, name);
  }
});

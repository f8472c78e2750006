import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadHubConfig } from '../../../src/fleet/hub/settings/load-hub-config.js';
import { withoutOpenssl } from '../../telemetry/certificates.js';
import { YardCopy } from './yard-copy.js';
import { mosquittoSettings, mountAt, mountsOf, type ServiceName } from './yard-files.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const CONTAINERFILE = readFileSync(join(ROOT, 'deploy/container/Containerfile'), 'utf8');
const SERVICES: readonly ServiceName[] = ['broker', 'hub'];
/** In the copy, which has the file of deploy/mosquitto where compose.yaml mounts it from. */
const HEADLAND_CONF = '../../mosquitto/headland.conf';

/** The file of this computer that a container has at a path. */
function behind(yard: YardCopy, service: ServiceName, path: string): string {
  const found = mountAt(mountsOf(yard.compose(), service), path);
  assert.ok(found !== null, `${path}: nothing is mounted there`);
  return join(yard.source(found.mount), found.below);
}

function ports(yard: YardCopy, service: ServiceName): string[] {
  return yard.compose().services[service].ports;
}

function setting(settings: [string, string][], name: string): string {
  const values = settings.filter(([each]) => each === name).map(([, value]) => value);
  assert.equal(values.length, 1, name);
  return values[0] ?? '';
}

describe('compose.yaml of a yard', () => {
  test('mounts what ships or what setup.sh makes, and declares its volumes', {
    skip: withoutOpenssl,
  }, (t) => {
    const yard = new YardCopy(t);
    const mounts = SERVICES.flatMap((service) => mountsOf(yard.compose(), service));
    const files = mounts.filter(({ isVolume }) => !isVolume);
    const missing = files.filter((mount) => !existsSync(yard.source(mount)));
    assert.deepEqual(
      missing.map(({ source }) => source),
      ['./broker', './hub'],
      'all else ships',
    );
    yard.mustSetup('init', '127.0.0.1');
    for (const mount of files) {
      assert.ok(existsSync(yard.source(mount)), mount.source);
      assert.ok(mount.isReadOnly, `${mount.source}: no container changes it`);
    }
    const volumes = mounts.filter(({ isVolume }) => isVolume).map(({ source }) => source);
    assert.deepEqual(volumes.sort(), Object.keys(yard.compose().volumes).sort());
  });

  test('gives the broker every file that its configuration names, and a volume for its state', {
    skip: withoutOpenssl,
  }, (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '127.0.0.1');
    const main = yard.compose().services.broker.command.at(-1) ?? '';
    assert.equal(behind(yard, 'broker', main), yard.path('mosquitto.conf'));
    const settings = mosquittoSettings(yard.text('mosquitto.conf'));
    const mounts = mountsOf(yard.compose(), 'broker');
    assert.equal(setting(settings, 'persistence'), 'true');
    const state = setting(settings, 'persistence_location');
    assert.ok(
      mounts.some(({ isVolume, target }) => isVolume && `${target}/` === state),
      state,
    );
    const include = `${setting(settings, 'include_dir')}/`;
    const included = mounts.filter(({ target }) => target.startsWith(include));
    assert.deepEqual(
      included.map((mount) => mount.source),
      [HEADLAND_CONF],
    );
    const named = mosquittoSettings(yard.text(HEADLAND_CONF)).filter(([, v]) => v.startsWith('/'));
    assert.equal(named.length, 5);
    for (const [, path] of named) {
      assert.ok(statSync(behind(yard, 'broker', path)).isFile(), path);
    }
  });

  test('publishes the port on which the broker listens, to all', (t) => {
    const yard = new YardCopy(t);
    const listener = setting(mosquittoSettings(yard.text(HEADLAND_CONF)), 'listener');
    assert.deepEqual(ports(yard, 'broker'), [`${listener}:${listener}`]);
  });

  test('starts the hub from hub.yaml, which is valid as it is and finds the broker', {
    skip: withoutOpenssl,
  }, (t) => {
    const yard = new YardCopy(t);
    yard.mustSetup('init', '127.0.0.1');
    const { hub, broker } = yard.compose().services;
    const [config, ...start] = hub.command.toReversed();
    assert.deepEqual(start.toReversed(), ['fleet', 'serve', '--config']);
    assert.equal(behind(yard, 'hub', config ?? ''), yard.path('hub.yaml'));
    const { mqtt, http, store, learning } = loadHubConfig(yard.path('hub.yaml'));
    assert.equal(learning.basisDirections, 'all');

    for (const path of [mqtt.caFile, mqtt.certFile, mqtt.key]) {
      const file = path !== null && typeof path === 'object' && 'file' in path ? path.file : path;
      assert.ok(typeof file === 'string' && statSync(behind(yard, 'hub', file)).isFile());
    }
    const found = mountAt(mountsOf(yard.compose(), 'hub'), store.replace(/^sqlite:/, ''));
    assert.ok(found?.mount.isVolume, 'the store survives the container');
    assert.match(CONTAINERFILE, new RegExp(`VOLUME \\[.*"${found.mount.target}"`));

    const { protocol, hostname, port } = new URL(mqtt.url);
    assert.equal(protocol, 'mqtts:');
    assert.ok(hostname in yard.compose().services, hostname);
    assert.equal(hostname, 'broker');
    assert.deepEqual(broker.ports, [`${port}:${port}`]);
    const certificate = new X509Certificate(readFileSync(yard.path('broker/broker.crt')));
    assert.equal(certificate.checkHost(hostname), hostname);

    // The page is for this computer alone; in the container it listens for what is published.
    assert.equal(http.host, '0.0.0.0');
    assert.deepEqual(hub.ports, [`127.0.0.1:${http.port}:${http.port}`]);
    assert.deepEqual(hub.depends_on, ['broker']);
  });

  test('names a broker of a fixed version, and the image that the Containerfile makes', (t) => {
    const { broker, hub } = new YardCopy(t).compose().services;
    assert.match(broker.image, /^docker\.io\/library\/eclipse-mosquitto:\d+\.\d+\.\d+$/);
    assert.match(CONTAINERFILE, new RegExp(`podman build -t ${hub.image} `));
  });

  test('runs both as the users to whom setup.sh gives the keys', (t) => {
    const yard = new YardCopy(t);
    const script = yard.text('setup.sh');
    const { broker } = yard.compose().services;
    assert.ok(script.includes(`\nbroker_owner=${broker.user}\n`));
    const uid = /useradd --system --uid (\d+)/.exec(CONTAINERFILE)?.[1];
    assert.ok(script.includes(`\nhub_owner=${uid}\n`));
  });
});

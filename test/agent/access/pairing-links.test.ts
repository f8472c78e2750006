import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { lanAddresses } from '../../../src/agent/access/lan-addresses.js';
import { ownAddress, pairingLinks } from '../../../src/agent/access/listening.js';
import { LISTENING } from '../../console/test-access.js';

const at = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;

test('the address that a phone uses comes first; those that no browser opens are left out', () => {
  const addresses = lanAddresses({
    lo: [at('127.0.0.1', true), at('::1', true)],
    docker0: [at('172.17.0.1')],
    tailscale0: [at('100.101.102.103')],
    eth0: [at('fd12::5'), at('fe80::1'), at('203.0.113.9')],
    usb0: [at('169.254.7.7')],
    wlan0: [at('192.168.4.1')],
  });
  assert.deepEqual(addresses, [
    '192.168.4.1',
    '203.0.113.9',
    '169.254.7.7',
    'fd12::5',
    '100.101.102.103',
    '172.17.0.1',
  ]);
});

test('links name every address at which the page listens, and no other', () => {
  const addresses = ['192.168.4.1', 'fd12::5'];
  const links = (host: string, names: string[] = []) =>
    pairingLinks({ ...LISTENING, host, names }, 'SECRET', addresses);
  assert.deepEqual(links('0.0.0.0'), ['http://192.168.4.1:8090/#pair=SECRET']);
  assert.deepEqual(links('::'), [
    'http://192.168.4.1:8090/#pair=SECRET',
    'http://[fd12::5]:8090/#pair=SECRET',
  ]);
  assert.deepEqual(links('[fd12::5]'), ['http://[fd12::5]:8090/#pair=SECRET']);
  assert.deepEqual(links('10.1.2.3', ['robot.farm.example']), [
    'http://robot.farm.example:8090/#pair=SECRET',
    'http://10.1.2.3:8090/#pair=SECRET',
  ]);
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    assert.throws(() => links(host), { code: 'HL_PAIR_LOOPBACK' });
  }
  assert.throws(() => pairingLinks({ ...LISTENING, host: '0.0.0.0' }, 'SECRET', []), {
    code: 'HL_PAIR_NO_ADDRESS',
  });
});

test('the robot itself reaches the page where it listens', () => {
  assert.equal(ownAddress({ scheme: 'https', host: '0.0.0.0', port: 1 }), 'https://127.0.0.1:1');
  assert.equal(ownAddress({ scheme: 'http', host: '[fd12::5]', port: 2 }), 'http://[fd12::5]:2');
});

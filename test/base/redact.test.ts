import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  redactAddress,
  redactedJson,
  redactJsonLine,
  redactText,
  redactValue,
} from '../../src/base/redact.js';

describe('redactAddress', () => {
  const cases: [string, string][] = [
    ['rtsp://cam:554/1', 'rtsp://cam:554/1'],
    ['mqtts://broker.farm.lan:8883', 'mqtts://broker.farm.lan:8883'],
    ['rtsp://u:p%40@cam:554/1', 'rtsp://[redacted]@cam:554/1'],
    ['http://token@cam/x', 'http://[redacted]@cam/x'],
    ['http://[::1]:8090/', 'http://[::1]:8090/'],
    ['http://u:p@[fe80::1]:80/', 'http://[redacted]@[fe80::1]:80/'],
    ['rtsp://admin:p@ss@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://admin:pa/ss@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://admin:pa?ss#x@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://admin:my pass"word@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://admin:12345/6@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://admin:1.:0#x@cam/1', 'rtsp://[redacted]@cam/1'],
    ['rtsp://cam:554/stream@2', 'rtsp://[redacted]@2'],
    [
      'http://cam/snap.cgi?user=admin&pwd=geheim&chn=0',
      'http://cam/snap.cgi?user=[redacted]&pwd=[redacted]&chn=[redacted]',
    ],
    ['http://cam/video?dGhpc2lzYXRva2Vu1', 'http://cam/video?[redacted]'],
    [
      'rtsp://cam/user=admin&password=geheim&channel=1&stream=0.sdp?real_stream',
      'rtsp://cam/user=[redacted]&password=[redacted]&channel=1&stream=0.sdp?real_stream',
    ],
    ['rtsp://cam/user=admin_password=geheim_channel=1.sdp', 'rtsp://cam/user=[redacted]'],
    ['https://mirror/models#access_token=geheim', 'https://mirror/models#access_token=[redacted]'],
    ['/dev/video0', '/dev/video0'],
    ['video.mp4', 'video.mp4'],
  ];
  for (const [address, shown] of cases) {
    it(`shows ${address} as ${shown}`, () => assert.equal(redactAddress(address), shown));
  }

  it('lets no login through, whatever it consists of', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9!$%&*()+,;.:?#/@"'~^_ -]{4,20}$/);
    fc.assert(
      fc.property(secret, fc.constantFrom('rtsp', 'http', 'mqtt', 'srt'), (password, scheme) => {
        const canary = `Q7${password}Z9`;
        const shown = redactAddress(`${scheme}://farmer:${canary}@cam:554/live`);
        assert.ok(!shown.includes(canary), shown);
        assert.ok(!shown.includes('farmer'), shown);
        assert.ok(shown.endsWith('@cam:554/live'), shown);
      }),
    );
  });

  it('changes nothing the second time', () => {
    for (const [, shown] of cases) assert.equal(redactAddress(shown), shown);
  });
});

describe('redactText', () => {
  it('finds addresses in what programs say', () => {
    assert.equal(
      redactText('[http @ 0x55] Error opening http://a:b@cam/x?pwd=c: "mqtt://u:p@h:1883", done'),
      '[http @ 0x55] Error opening http://[redacted]@cam/x?pwd=[redacted] "mqtt://[redacted]@h:1883", done',
    );
    assert.equal(redactText('no address: 12:30 a@b'), 'no address: 12:30 a@b');
  });

  it('finds logins in headers', () => {
    assert.equal(
      redactText('authorization: Basic YWRtaW46Z2VoZWlt'),
      'authorization: Basic [redacted]',
    );
    assert.equal(
      redactText("{'Authorization': 'Bearer 0123456789abcdef'}"),
      "{'Authorization': 'Bearer [redacted]'}",
    );
    const harmless = 'Basic authentication failed';
    assert.equal(redactText(harmless), harmless);
  });
});

describe('redactText, for what is no address', () => {
  const cases: [string, string][] = [
    ['X-Api-Key: canary', 'X-Api-Key: [redacted]'],
    ['"x-auth-token": "canary"', '"x-auth-token": "[redacted]"'],
    ['Cookie: sid=canary; b=canary', 'Cookie: [redacted]'],
    ['Authorization: canary', 'Authorization: [redacted]'],
    ['proxy-authorization: Basic canary', 'proxy-authorization: Basic [redacted]'],
    ['refused: Bearer canary0123', 'refused: Bearer [redacted]'],
    ['run /bin/x --token=canary -v', 'run /bin/x --token=[redacted] -v'],
    ['DB_PASSWORD="canary x" NODE_ENV=a', 'DB_PASSWORD=[redacted] NODE_ENV=a'],
    ['AWS_SECRET_ACCESS_KEY=canary', 'AWS_SECRET_ACCESS_KEY=[redacted]'],
    ['a -----BEGIN EC PRIVATE KEY-----\ncanary\n-----END EC PRIVATE KEY----- b', 'a [redacted] b'],
    ['cannot open rtsp://admin:my canary@cam/1', 'cannot open rtsp://[redacted]@cam/1'],
    ['cannot open rtsp://admin:my"canary>@cam/1', 'cannot open rtsp://[redacted]@cam/1'],
  ];
  for (const [text, shown] of cases) {
    it(`hides the secret of ${JSON.stringify(text)}`, () => {
      assert.equal(redactText(text), shown);
      assert.equal(redactText(shown), shown);
    });
  }

  it('leaves prose, ports and settings that only name a secret', () => {
    for (const text of [
      'mqtt.password: cannot read /etc/headland/mqtt-password',
      'mqtt://broker:1883 refuses a@b',
      'set mqtt.password={file: F} or token=null',
      'wrong token: give the right one',
      'bearer authentication failed',
    ]) {
      assert.equal(redactText(text), text);
    }
  });
});

describe('redactValue', () => {
  it('hides what a name or an option calls a secret', () => {
    assert.deepEqual(
      redactValue({
        password: 'canary',
        accessToken: 'canary',
        headers: { 'X-Api-Key': 'canary', Cookie: 'canary', Accept: 'image/jpeg' },
        arguments: ['--token', 'canary', '-H', 'X-Api-Key: canary', '--task', 'main'],
        token: { file: '/etc/headland/token' },
        secret: null,
      }),
      {
        password: '[redacted]',
        accessToken: '[redacted]',
        headers: { 'X-Api-Key': '[redacted]', Cookie: '[redacted]', Accept: 'image/jpeg' },
        arguments: ['--token', '[redacted]', '-H', 'X-Api-Key: [redacted]', '--task', 'main'],
        token: { file: '/etc/headland/token' },
        secret: null,
      },
    );
  });

  it('goes into everything that is data, and leaves the rest', () => {
    const bytes = new Uint8Array([1, 2]);
    const value = { a: ['http://u:p@h/'], b: { c: 'http://u:p@h/' }, bytes, n: null, f: 1.5 };
    assert.deepEqual(redactValue(value), {
      a: ['http://[redacted]@h/'],
      b: { c: 'http://[redacted]@h/' },
      bytes,
      n: null,
      f: 1.5,
    });
  });
});

describe('redactedJson and redactJsonLine', () => {
  it('keep JSON valid whatever the secret holds', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (password, other) => {
        const value = { url: `mqtt://u:K${password}K@h/`, other };
        const line = redactJsonLine(`${JSON.stringify(value)}\n`);
        assert.deepEqual(JSON.parse(line), JSON.parse(redactedJson(value)));
        assert.ok(line.endsWith('\n'));
      }),
    );
    assert.equal(redactJsonLine('half a line mqtt://u:p@h'), 'half a line mqtt://[redacted]@h');
  });
});

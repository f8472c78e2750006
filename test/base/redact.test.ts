import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/base/random.js';
import {
  redactAddress,
  redactedJson,
  redactJsonLine,
  redactText,
  redactValue,
} from '../../src/base/redact.js';

const ORDINARY_PATHS = [
  '/Streaming/Channels/101',
  '/ISAPI/Streaming/channels/101/picture',
  '/PSIA/Streaming/channels/1',
  '/cam/realmonitor',
  '/h264Preview_01_main',
  '/axis-cgi/mjpg/video.cgi',
  '/axis-media/media.amp',
  '/onvif-media/media.amp',
  '/MediaInput/h264/stream_1',
  '/nphMpeg4/g726-640x480',
  '/cgi-bin/hi3510/snap.cgi',
  '/bcs/channel0_main.bcs',
  '/rtsp_live_profile_token_0',
  '/media/profile1_videoencoder2',
  '/Camera01Stream02',
  '/cam1stream2main0sub1',
  '/stream1920x1080at30fps',
  '/records/20261127T101500Z/index-1080p.m3u8',
  '/efficientnet-lite0-288.onnx',
  '/efficientnet_lite0_fp32_2.tflite',
  '/ssd_mobilenet_v1_coco_2018_01_28/saved_model.pb',
  '/google/imagenet/efficientnet_v2_imagenet1k_b0/feature_vector/2',
  '/squeezenet1_1-b8a52dc0.pth',
  '/onnxruntime_node-1.27.0-cp311-cp311-manylinux_2_17_x86_64.whl',
  '/headland_1.2.3-1_arm64.deb',
  '/headland-2026-11-27T10-15-00.zip',
  '/dms/channels/1234567890123456789',
];
const WORDS = [
  'live',
  'stream',
  'channel',
  'camera',
  'main',
  'front',
  'left',
  'north',
  'field',
  'video',
  'media',
  'profile',
  'picture',
  'robot',
  'weeds',
  'model',
  'onvif',
  'snapshot',
];

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
    ['rtsp://cam/live/Zx81kQpLm39vTtRw2bYc', 'rtsp://cam/live/[redacted]'],
    [
      'https://hooks.example/services/T024BE7LD/B08J2K4LM/x9YbP2mQ7tRk4LwZ8vNc1dFs',
      'https://hooks.example/services/T024BE7LD/B08J2K4LM/[redacted]',
    ],
    [
      'https://api.example/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage',
      'https://api.example/[redacted]/sendMessage',
    ],
    [
      'http://nvr/3f2504e0-4f89-41d3-9a0c-0305e82c3301/live.m3u8',
      'http://nvr/[redacted]/live.m3u8',
    ],
    ['http://nvr/9f86d081884c7d659a2feaa0c55ad015.jpg', 'http://nvr/[redacted]'],
    [
      'wss://a1b2c3d4e5f6g7-ats.iot.example.com/mqtt',
      'wss://a1b2c3d4e5f6g7-ats.iot.example.com/mqtt',
    ],
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

describe('tokens in paths', () => {
  const ALPHABETS = {
    base64url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
    base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
    base36: 'abcdefghijklmnopqrstuvwxyz0123456789',
    hexadecimal: '0123456789abcdef',
  };
  for (const [name, alphabet] of Object.entries(ALPHABETS)) {
    it(`of random ${name} are hidden: all but 1 in 100 of 32 characters`, () => {
      const random = createRandom(1);
      const token = () =>
        Array.from({ length: 32 }, () => alphabet[random.int(alphabet.length)]).join('');
      const shown = Array.from({ length: 5_000 }, token).filter((secret) =>
        redactAddress(`rtsp://cam/live/${secret}/1`).includes(secret),
      );
      assert.ok(shown.length <= 50, `${shown.length} show, such as ${shown[0]}`);
    });
  }

  it('leave the paths of cameras, models and files as they are', () => {
    for (const path of ORDINARY_PATHS) {
      const address = `http://192.168.1.20:8080${path}`;
      assert.equal(redactAddress(address), address);
    }
  });

  it('are not seen in words and numbers, however they are joined', () => {
    const word = fc.constantFrom(...WORDS);
    const capital = word.map((text) => text[0]!.toUpperCase() + text.slice(1));
    const number = fc.integer({ min: 0, max: 9_999 }).map(String);
    const item = fc.oneof(
      word,
      capital,
      number,
      fc.tuple(word, number).map((pair) => pair.join('')),
      fc.array(capital, { minLength: 1, maxLength: 4 }).map((words) => words.join('')),
    );
    const part = fc
      .tuple(fc.array(item, { minLength: 1, maxLength: 6 }), fc.constantFrom('-', '_', '.'))
      .map(([items, separator]) => items.join(separator));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const address = `rtsp://cam:554/${parts.join('/')}`;
        assert.equal(redactAddress(address), address);
      }),
    );
  });

  it('keep the punctuation of the sentence around the address', () => {
    assert.equal(
      redactText('cannot open rtsp://cam/Zx81kQpLm39vTtRw2bYc: 404 (http://a/live, http://b).'),
      'cannot open rtsp://cam/[redacted]: 404 (http://a/live, http://b).',
    );
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

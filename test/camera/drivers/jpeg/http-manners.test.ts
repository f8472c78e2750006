import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { before, describe, it, type TestContext } from 'node:test';
import { isHeadlandError } from '../../../../src/base/errors.js';
import { silentLog } from '../../../../src/base/log.js';
import { FfmpegDriver } from '../../../../src/camera/drivers/ffmpeg.js';
import { HttpLogin } from '../../../../src/camera/drivers/jpeg/http-login.js';
import { decodePicture } from '../../../../src/vision/decode.js';
import { TEST_HANG_MS } from '../../../liveness.js';
import { listen } from '../../../ports.js';
import { cameraConfig, collect, makeJpeg, needsTool } from '../../support.js';

/** How a camera speaks; what is left out is as RFC 2046 and every reader of MJPEG expect it. */
interface Manners {
  contentType?: string;
  /** Line ends, of the parts; of the answer's head too with `headEol`. */
  eol?: string;
  headEol?: string;
  /** What stands before a picture; default: boundary, type and length. */
  before?: (jpeg: Uint8Array, eol: string) => string;
  after?: (jpeg: Uint8Array, eol: string) => Uint8Array | string;
  picture?: (jpeg: Uint8Array) => Uint8Array;
}

const part = (jpeg: Uint8Array, eol: string, boundary = 'frame') =>
  `--${boundary}${eol}Content-Type: image/jpeg${eol}Content-Length: ${jpeg.length}${eol}${eol}`;

/** Without its Huffman tables, and with AVI1: as cameras send Motion JPEG over USB. */
function withoutHuffmanTables(jpeg: Uint8Array): Uint8Array {
  const bytes = Buffer.from(jpeg);
  const parts: Buffer[] = [
    bytes.subarray(0, 2),
    Buffer.from('ffe00010415649310000000000000000000000', 'hex').subarray(0, 18),
  ];
  for (let at = 2; at < bytes.length; ) {
    const marker = bytes[at + 1];
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker === 0xda) {
      parts.push(bytes.subarray(at));
      break;
    }
    if (marker !== 0xc4 && marker !== 0xe0) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

const MANNERS: Record<string, Manners> = {
  'as expected': {},
  'the boundary announced with its dashes': {
    contentType: 'multipart/x-mixed-replace; boundary=--frame',
  },
  'the boundary announced in quotes': {
    contentType: 'multipart/x-mixed-replace; boundary="frame"',
  },
  'no space before the boundary': { contentType: 'multipart/x-mixed-replace;boundary=frame' },
  'another boundary than announced': {
    contentType: 'multipart/x-mixed-replace; boundary=somethingelse',
  },
  'no boundary announced': { contentType: 'multipart/x-mixed-replace' },
  'no content type at all': { contentType: '' },
  'bytes of no kind': { contentType: 'application/octet-stream' },
  'no boundary before the first picture': {
    before: (jpeg, eol) => part(jpeg, eol).replace(/^--frame\r\n/, ''),
    after: (_, eol) => `${eol}--frame${eol}`,
  },
  'parts without a type': {
    before: (jpeg, eol) => `--frame${eol}Content-Length: ${jpeg.length}${eol}${eol}`,
  },
  'parts without a length': {
    before: (_, eol) => `--frame${eol}Content-Type: image/jpeg${eol}${eol}`,
  },
  'parts without any header': { before: (_, eol) => `--frame${eol}${eol}` },
  'parts of another type': {
    before: (jpeg, eol) => part(jpeg, eol).replace('image/jpeg', 'image/jpg'),
  },
  'a length that is wrong': {
    before: (jpeg, eol) => part(jpeg.subarray(0, jpeg.length - 7), eol),
  },
  'line feeds alone': { eol: '\n' },
  'line feeds alone, in the head too': { eol: '\n', headEol: '\n' },
  'line feeds, no type, no length': { eol: '\n', before: (_, eol) => `--frame${eol}${eol}` },
  'no boundaries, picture after picture': {
    contentType: 'image/jpeg',
    before: () => '',
    after: () => '',
  },
  'buffers padded with zeros': { after: (jpeg) => Buffer.alloc(300_000 - jpeg.length) },
  'buffers padded with ones': { after: (jpeg) => Buffer.alloc(300_000 - jpeg.length, 0xff) },
  'buffers that end in an older picture': {
    after: (jpeg) => Buffer.concat([jpeg.subarray(jpeg.length / 2), Buffer.alloc(200_000, 0x5a)]),
  },
  'padded parts of the whole buffer': {
    picture: (jpeg) => Buffer.concat([jpeg, Buffer.alloc(200_000)]),
  },
  'Motion JPEG without Huffman tables': { picture: withoutHuffmanTables },
};

/** A camera on a socket, so that every byte of its answer is ours. */
async function camera(
  t: TestContext,
  answer: (socket: Socket, request: string) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let heard = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      heard += data.toString('latin1');
      if (!heard.includes('\r\n\r\n')) return;
      const request = heard;
      heard = '';
      answer(socket, request);
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${port}/video`;
}

/** Sends pictures, one in 10 ms, until the viewer has gone. */
function stream(socket: Socket, jpegs: readonly Uint8Array[], manners: Manners): void {
  const {
    eol = '\r\n',
    headEol = '\r\n',
    contentType,
    before: begin = part,
    after,
    picture,
  } = manners;
  const type = contentType ?? 'multipart/x-mixed-replace; boundary=frame';
  const head = ['HTTP/1.1 200 OK', ...(type ? [`Content-Type: ${type}`] : []), 'Connection: close'];
  socket.write(`${head.join(headEol)}${headEol}${headEol}`);
  let next = 0;
  const timer = setInterval(() => {
    const jpeg = jpegs[next % jpegs.length]!;
    const sent = picture ? picture(jpeg) : jpeg;
    next += 1;
    socket.write(begin(sent, eol));
    socket.write(sent);
    socket.write(after ? after(jpeg, eol) : eol);
  }, 10);
  socket.on('close', () => clearInterval(timer));
}

const driver = (input: string, settings: object = {}) =>
  new FfmpegDriver(
    cameraConfig({ driver: 'ffmpeg', input, framesPerSecond: 100, ...settings }),
    silentLog(),
  );

describe('HTTP cameras of all manners', { timeout: TEST_HANG_MS }, () => {
  let jpegs: Uint8Array[] = [];
  before(async () => {
    jpegs = await Promise.all([1, 2, 3].map((seed) => makeJpeg(seed, { width: 160, height: 120 })));
  });

  for (const [name, manners] of Object.entries(MANNERS)) {
    it(`shows the pictures: ${name}`, { timeout: TEST_HANG_MS }, async (t) => {
      if (!needsTool(t, 'ffmpeg')) return;
      const url = await camera(t, (socket) => stream(socket, jpegs, manners));
      const source = driver(url);
      const pictures = await collect(source, 5);
      assert.equal(pictures.length, 5);
      for (const { jpeg } of pictures) {
        const limits = {
          maxBytes: 8_388_608,
          maxPixels: 1e6,
          sizePixels: 32,
          fit: 'squash',
        } as const;
        assert.equal((await decodePicture(jpeg, limits)).width, 32);
      }
      assert.equal(source.invalidPictures, 0, 'none is broken');
    });
  }

  it('asks an address of one JPEG again and again, at its pace', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    let asked = 0;
    const url = await camera(t, (socket) => {
      const jpeg = jpegs[asked % jpegs.length]!;
      asked += 1;
      const head = `HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}`;
      socket.end(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), jpeg]));
    });
    const pictures = await collect(driver(url), 6);
    assert.equal(pictures.length, 6);
    const different = new Set(pictures.map(({ jpeg }) => Buffer.from(jpeg).toString('base64')));
    assert.equal(different.size, 3);
  });

  it('tries another way after a camera stalled in the first, and keeps the one that works', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const agents: string[] = [];
    const url = await camera(t, (socket, request) => {
      const agent = /user-agent: *(\S+)/i.exec(request)?.[1] ?? 'node';
      agents.push(agent);
      // It says nothing to ffmpeg.
      if (!agent.startsWith('Lavf')) stream(socket, jpegs, {});
    });
    const source = driver(url);
    const stalled = new AbortController();
    const first = source.capture(() => assert.fail('a picture'), stalled.signal);
    while (agents.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stalled.abort();
    await first;
    assert.equal((await collect(source, 3)).length, 3);
    assert.equal((await collect(source, 3)).length, 3);
    assert.equal(agents.filter((agent) => agent.startsWith('Lavf')).length, 1);
  });

  const half = (jpeg: Uint8Array) => jpeg.subarray(0, jpeg.length / 2);
  for (const [name, manners] of Object.entries<Manners>({
    'in parts': { picture: half },
    'without a content type': { contentType: '', picture: half },
    'one after the other': {
      contentType: 'application/octet-stream',
      before: () => '',
      after: () => '',
      picture: half,
    },
  })) {
    it(`never shows JPEGs that are cut off, ${name}, and shows them when they are whole`, async (t) => {
      if (!needsTool(t, 'ffmpeg')) return;
      let stop = new AbortController();
      let healed = false;
      const url = await camera(t, (socket) => {
        stream(socket, jpegs, healed ? { ...manners, picture: (jpeg) => jpeg } : manners);
        if (!healed) setTimeout(() => stop.abort(), 1_500);
      });
      const source = driver(url);
      // As a supervisor does whose camera stalls, until every way has been tried.
      for (let attempt = 0; attempt < 4; attempt += 1) {
        stop = new AbortController();
        await source
          .capture(() => assert.fail('a picture'), stop.signal)
          .catch((error) => {
            assert.ok(isHeadlandError(error), String(error));
          });
      }
      assert.ok(source.invalidPictures > 0);
      healed = true;
      assert.equal((await collect(source, 3)).length, 3);
    });
  }

  for (const scheme of ['Basic', 'Digest'] as const) {
    it(`logs in where the pictures must be searched for: ${scheme}`, async (t) => {
      if (!needsTool(t, 'ffmpeg')) return;
      const seen: string[] = [];
      const url = await camera(t, (socket, request) => {
        seen.push(request);
        const authorization = /^authorization: *(.*)\r$/im.exec(request)?.[1];
        if (authorization !== undefined && proves(authorization, scheme)) {
          return stream(socket, jpegs, { contentType: 'text/plain', before: () => 'x' });
        }
        const challenge =
          scheme === 'Basic'
            ? 'Basic realm="camera"'
            : 'Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5';
        socket.end(
          `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n\r\n`,
        );
      });
      const source = driver(url.replace('://', '://admin:p%40ss@'));
      assert.equal((await collect(source, 3)).length, 3);
      assert.doesNotMatch(seen[0]!, /authorization/i, 'nothing is sent before it is asked for');
      if (scheme === 'Digest') assert.ok(!seen.join().includes('Basic'), 'nor the password itself');
    });
  }

  it('names what the camera answers, without the login', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const url = await camera(t, (socket) =>
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    );
    const source = driver(`${url.replace('://', '://admin:geheim@')}?token=geheim`);
    await assert.rejects(collect(source), (error: Error & { code: string }) => {
      assert.equal(error.code, 'HL_CAMERA_EXITED');
      assert.match(error.message, /404/);
      assert.doesNotMatch(JSON.stringify(error), /geheim/);
      return true;
    });
  });

  it('says that a page is no picture', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const page = '<html>Live view</html>';
    const url = await camera(t, (socket) =>
      socket.end(
        `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
      ),
    );
    await assert.rejects(collect(driver(url)), /sends no JPEG \(text\/html\)/);
  });
});

/** Whether an Authorization header shows that the viewer knows the password. */
function proves(authorization: string, scheme: 'Basic' | 'Digest'): boolean {
  if (scheme === 'Basic') {
    return authorization === `Basic ${Buffer.from('admin:p@ss').toString('base64')}`;
  }
  const field = (name: string): string =>
    new RegExp(`\\b${name}="?([^",]*)"?`).exec(authorization)?.[1] ?? '';
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const secret = md5('admin:camera:p@ss');
  const what = md5(`GET:${field('uri')}`);
  const expected = md5(`${secret}:abc:${field('nc')}:${field('cnonce')}:auth:${what}`);
  return authorization.startsWith('Digest ') && field('response') === expected;
}

describe('HttpLogin', () => {
  // The examples of RFC 7616, section 3.9.1.
  const asked = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const login = () =>
    new HttpLogin('Mufasa', 'Circle of Life', () => 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ');

  for (const [algorithm, response] of [
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ]) {
    it(`answers as RFC 7616 says: ${algorithm}`, () => {
      const mufasa = login();
      assert.equal(mufasa.answer('GET', '/dir/index.html'), null, 'unasked');
      assert.equal(mufasa.asked([asked(algorithm!)]), true);
      const answer = mufasa.answer('GET', '/dir/index.html');
      assert.match(answer!, new RegExp(`response="${response}"`));
      assert.match(answer!, /nc=00000001/);
      assert.match(mufasa.answer('GET', '/dir/index.html')!, /nc=00000002/);
    });
  }

  it('prefers what does not tell the password, and gives up when it is refused', () => {
    const mufasa = login();
    assert.equal(mufasa.asked(['Basic realm="x"', asked('MD5')]), true);
    assert.match(mufasa.answer('GET', '/')!, /^Digest /);
    assert.equal(mufasa.asked([asked('MD5')]), false, 'the same question: it was the wrong answer');
    assert.equal(login().asked(['Negotiate']), false);
    const oneLine = login();
    assert.equal(oneLine.asked([`Basic realm="x", ${asked('SHA-256')}`]), true);
    assert.match(oneLine.answer('GET', '/')!, /^Digest .*SHA-256/);
    assert.equal(login().asked(['Digest realm="x", nonce="y", algorithm=SHA-512']), false);
  });
});

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, listen } from '../ports.js';
import { Recorder } from '../recorder.js';
import { until } from './support.js';

/** Makes a real video file: `seconds` of a moving test card, `rate` frames a second. */
export function makeVideo(folder: string, seconds: number, rate: number): string {
  const path = join(folder, 'field.mp4');
  const source = `testsrc=size=320x240:rate=${rate}:duration=${seconds}`;
  const made = spawnSync('ffmpeg', [
    '-loglevel',
    'error',
    '-f',
    'lavfi',
    '-i',
    source,
    '-c:v',
    'mpeg4',
    '-q:v',
    '3',
    path,
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return path;
}

function endAfter(t: TestContext, child: ChildProcess): void {
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

/** ffmpeg itself as a camera on the network: serves one viewer at a time, multipart MJPEG. */
export async function ffmpegHttpCamera(t: TestContext): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}/stream`;
  const child = spawn(
    'ffmpeg',
    [
      '-loglevel',
      'info',
      '-re',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=320x240:rate=10',
      '-c:v',
      'mjpeg',
      '-f',
      'mpjpeg',
      '-listen',
      '1',
      url,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  endAfter(t, child);
  const said = new Recorder<string>();
  child.stderr.setEncoding('utf8').on('data', said.add);
  child.once('exit', () => said.end(new Error(`ffmpeg has ended: ${said.all.join('')}`)));
  await said.until(() => said.all.join('').includes('Input #0'), 'the source of the ffmpeg camera');
  return url;
}

/** An HTTP camera whose every byte the test decides: `serve` gets each viewer's connection. */
export async function httpCamera(t: TestContext, serve: (viewer: Viewer) => void): Promise<string> {
  return (await pluggableCamera(t, serve)).url;
}

/** Does something again and again until the test ends. */
export function every(t: Pick<TestContext, 'after'>, intervalMs: number, act: () => void): void {
  const timer = setInterval(act, intervalMs);
  t.after(() => clearInterval(timer));
}

/** One viewer's connection to a camera. */
export interface Viewer {
  send(jpeg: Uint8Array, announcedBytes?: number): void;
  /** Ends when all that was sent has gone out. */
  finish(): void;
  /** Breaks off at once. */
  end(): void;
}

/** The same, on a port of its own choice, until it is plugged out. */
export async function pluggableCamera(
  t: TestContext,
  serve: (viewer: Viewer) => void,
  port = 0,
): Promise<{ url: string; unplug(): void }> {
  const viewers = new Set<ServerResponse>();
  const server = createHttpServer((_request, response) => {
    viewers.add(response);
    response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace;boundary=frame' });
    serve({
      send(jpeg, announcedBytes = jpeg.length) {
        response.write(
          `--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${announcedBytes}\r\n\r\n`,
        );
        response.write(jpeg);
        response.write('\r\n');
      },
      finish: () => response.end(),
      end: () => response.destroy(),
    });
  });
  const url = `http://127.0.0.1:${await listen(server, port)}/video`;
  const unplug = (): void => {
    for (const viewer of viewers) viewer.destroy();
    server.close();
  };
  t.after(unplug);
  return { url, unplug };
}

/**
 * An RTSP camera: ffmpeg encodes H.264 and sends RTP; this speaks RTSP (RFC 2326: OPTIONS,
 * DESCRIBE, SETUP, PLAY) to one viewer and interleaves the packets in its connection.
 */
export async function rtspCamera(t: TestContext, folder: string): Promise<string> {
  const packets = createSocket('udp4');
  packets.bind(0, '127.0.0.1');
  await once(packets, 'listening');
  const description = join(folder, 'camera.sdp');
  const child = spawn(
    'ffmpeg',
    [
      '-loglevel',
      'error',
      '-re',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=320x240:rate=15',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-tune',
      'zerolatency',
      '-g',
      '5',
      '-pix_fmt',
      'yuv420p',
      '-sdp_file',
      description,
      '-f',
      'rtp',
      `rtp://127.0.0.1:${packets.address().port}`,
    ],
    { stdio: 'ignore' },
  );
  endAfter(t, child);
  let sdp = '';
  await until(() => {
    try {
      sdp = readFileSync(description, 'utf8');
    } catch {}
    return sdp.includes('a=fmtp');
  }, 'ffmpeg describes its stream');
  const viewers = new Set<Socket>();
  packets.on('message', (packet) => {
    for (const viewer of viewers) {
      const header = Buffer.from([0x24, 0, packet.length >> 8, packet.length & 255]);
      viewer.write(Buffer.concat([header, packet]));
    }
  });
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => viewers.delete(socket));
    socket.on('data', (data) => {
      const request = data.toString('latin1');
      const sequence = /CSeq: *(\d+)/i.exec(request)?.[1];
      if (!sequence) return;
      const answer = (headers: string[], body = '') =>
        socket.write([`RTSP/1.0 200 OK`, `CSeq: ${sequence}`, ...headers, '', body].join('\r\n'));
      if (request.startsWith('DESCRIBE')) {
        const body = `${sdp.trim().replace(/\r?\n/g, '\r\n')}\r\na=control:streamid=0\r\n`;
        answer(['Content-Type: application/sdp', `Content-Length: ${body.length}`], body);
      } else if (request.startsWith('SETUP')) {
        answer(['Transport: RTP/AVP/TCP;unicast;interleaved=0-1', 'Session: 1']);
      } else {
        answer(['Session: 1', 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN']);
        if (request.startsWith('PLAY')) viewers.add(socket);
      }
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    packets.close();
  });
  return `rtsp://127.0.0.1:${port}/camera`;
}

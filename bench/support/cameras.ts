import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';

/** A film of 640 x 480 JPEGs, 30 a second, as a USB camera gives them. */
export async function makeFilm(folder: string, pictures: readonly Uint8Array[]): Promise<string> {
  const stills = join(folder, 'stills');
  mkdirSync(stills, { recursive: true });
  await Promise.all(
    pictures.map(async (picture, index) => {
      const jpeg = await sharp(picture)
        .resize(640, 480, { fit: 'fill' })
        .jpeg({ quality: 85 })
        .toBuffer();
      writeFileSync(join(stills, `${String(index).padStart(4, '0')}.jpg`), jpeg);
    }),
  );
  const film = join(folder, 'film.mkv');
  const made = spawnSync('ffmpeg', [
    '-loglevel',
    'error',
    '-framerate',
    '30',
    '-i',
    join(stills, '%04d.jpg'),
    '-c:v',
    'copy',
    film,
  ]);
  if (made.status !== 0) throw new Error(`ffmpeg makes no film: ${made.stderr}`);
  return film;
}

export interface HttpCamera {
  url: string;
  close(): Promise<void>;
}

/** ffmpeg as a camera on the network: shows the film again and again to one viewer after another. */
export async function openHttpCamera(film: string): Promise<HttpCamera> {
  const url = `http://127.0.0.1:${await freePort()}/stream`;
  let closed = false;
  let child: ChildProcess;
  const show = (): void => {
    child = spawn(
      'ffmpeg',
      [
        '-loglevel',
        'quiet',
        '-re',
        '-stream_loop',
        '-1',
        '-i',
        film,
        '-c:v',
        'copy',
        '-f',
        'mpjpeg',
        '-listen',
        '1',
        url,
      ],
      { stdio: 'ignore' },
    );
    // It ends with its viewer.
    child.once('exit', () => {
      if (!closed) show();
    });
  };
  show();
  return {
    url,
    close: async () => {
      closed = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** A picture of soft blobs that depends on `seed` alone; different seeds look different. */
export async function scene(seed: number): Promise<Sharp> {
  let state = seed * 2_654_435_761 + 1;
  const noise = Uint8Array.from({ length: 9 * 8 * 3 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  const coarse = sharp(noise, { raw: { width: 9, height: 8, channels: 3 } });
  const pixels = await coarse.resize(144, 128, { kernel: 'cubic', fit: 'fill' }).raw().toBuffer();
  return sharp(pixels, { raw: { width: 144, height: 128, channels: 3 } });
}

export async function jpeg(seed: number, quality = 90): Promise<Buffer> {
  return (await scene(seed)).jpeg({ quality }).toBuffer();
}

/** A JPEG whose EXIF says when it was taken, in UTC. */
export async function timedJpeg(seed: number, takenAtMs: number): Promise<Buffer> {
  const iso = new Date(takenAtMs).toISOString();
  const exifTime = `${iso.slice(0, 10).replaceAll('-', ':')} ${iso.slice(11, 19)}`;
  return (await scene(seed))
    .jpeg()
    .withExif({ IFD2: { DateTimeOriginal: exifTime, OffsetTimeOriginal: '+00:00' } })
    .toBuffer();
}

/** A PNG header that promises 200 megapixels, with hardly any data behind. */
export function hugePng(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(20_000, 0);
  header.writeUInt32BE(10_000, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const rows = deflateSync(Buffer.alloc(100_000));
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

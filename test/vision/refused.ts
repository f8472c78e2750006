import { drawing } from './pictures.js';

/** Whole files of formats that headland does not read, with the name by which it refuses each. */
export async function refusedFiles(): Promise<[name: string, bytes: Buffer][]> {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="9"/></svg>';
  const box = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1heic`, 'latin1');
  return [
    ['SVG', Buffer.from(svg)],
    ['SVG', Buffer.from(`\ufeff<?xml version="1.0"?>\n<!-- drawn by hand -->\n${svg}`)],
    ['SVG', Buffer.from(`\ufeff${svg}`, 'utf16le')],
    ['web page', Buffer.from('<!DOCTYPE html><html><body>401 Unauthorized</body></html>')],
    ['XML', Buffer.from('<?xml version="1.0"?><error/>')],
    ['PDF', Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n')],
    ['HEIC', box('heic')],
    ['HEIC', box('mif1')],
    ['AVIF', await drawing(64, 48).avif().toBuffer()],
    ['MP4', box('isom')],
    ['GIF', await drawing(64, 48).gif().toBuffer()],
    ['TIFF', await drawing(64, 48).tiff().toBuffer()],
    ['JPEG XL', Buffer.from('\0\0\0\x0cJXL \r\n\x87\n', 'latin1')],
    ['BMP', Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1')],
    ['Netpbm', Buffer.from('P6\n1 1\n255\nabc')],
    ['gzip', Buffer.from('\x1f\x8b\x08\0', 'latin1')],
    ['Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['empty', Buffer.alloc(0)],
    ['not a picture', Buffer.from('dear diary, today I am a picture\n')],
  ];
}

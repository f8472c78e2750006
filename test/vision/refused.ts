import { drawing } from './pictures.js';

/** Whole files of formats that headland does not read, with the name by which it refuses each. */
export async function refusedFiles(): Promise<[name: string, bytes: Buffer][]> {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="9"/></svg>';
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const box = (brand: string) => latin1(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1heic`);
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
    ['TIFF', await drawing(64, 48).tiff({ compression: 'lzw', bigtiff: true }).toBuffer()],
    ['NEF', tiff('NIKON CORPORATION', [0x014a, 0x8769], true)],
    ['ARW', tiff('SONY', [0x014a, 0x8769])],
    ['PEF', tiff('PENTAX', [0x014a, 0x8769], true)],
    ['DNG', tiff('Google', [0xc612])],
    ['TIFF', tiff('NIKON CORPORATION', [0x8769])],
    ['CR2', latin1('II*\0\x10\0\0\0CR\x02\0\0\0\0\0')],
    ['CR3', box('crx ')],
    ['CRW', latin1('II\x1a\0\0\0HEAPCCDR\x02\0')],
    ['RAF', latin1('FUJIFILMCCD-RAW 0201FF129502')],
    ['RW2', latin1('IIU\0\x18\0\0\0')],
    ['ORF', latin1('IIRO\x08\0\0\0')],
    ['X3F', latin1('FOVb\0\0\x02\0')],
    ['JPEG XL', latin1('\0\0\0\x0cJXL \r\n\x87\n')],
    ['JPEG XL', latin1('\xff\x0a\xfa\x1f')],
    ['JPEG XR', latin1('II\xbc\x01\x20\0\0\0')],
    ['JPEG 2000', latin1('\0\0\0\x0cjP  \r\n\x87\n')],
    ['JPEG 2000', latin1('\xff\x4f\xff\x51\0\x29')],
    ['BMP', latin1('BM\x46\0\0\0\0\0\0\0\x36\0\0\0')],
    ['Photoshop', latin1('8BPS\0\x01\0\0\0\0\0\0')],
    ['ICO', latin1('\0\0\x01\0\x01\0\x10\x10')],
    ['OpenEXR', latin1('\x76\x2f\x31\x01\x02\0\0\0')],
    ['Netpbm', latin1('P6\n1 1\n255\nabc')],
    ['QuickTime', box('qt  ')],
    ['QuickTime', latin1('\0\0\x10\0moov\0\0\0l')],
    ['AVI', latin1('RIFF\0\0\0\0AVI LIST')],
    ['Matroska or WebM', latin1('\x1a\x45\xdf\xa3\x9f')],
    ['MPEG video', latin1('\0\0\x01\xba\x44')],
    ['transport stream', Buffer.concat([latin1('G@\x11\x10\0'), Buffer.alloc(183), latin1('G')])],
    ['Windows Media', latin1('\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9')],
    ['NumPy', latin1('\x93NUMPY\x01\0')],
    ['HDF5', latin1('\x89HDF\r\n\x1a\n')],
    ['macOS', latin1('\0\x05\x16\x07\0\x02\0\0Mac OS X        ')],
    ['zeros', Buffer.alloc(4_096)],
    ['JSON', Buffer.from('{"error":"not found"}')],
    ['gzip', latin1('\x1f\x8b\x08\0')],
    ['ZIP', latin1('PK\x03\x04\x14\0')],
    ['RAR', latin1('Rar!\x1a\x07\x01\0')],
    ['Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['empty', Buffer.alloc(0)],
    ['not a picture', Buffer.from('dear diary, today I am a picture\n')],
  ];
}

/** The beginning of a TIFF file by a maker, with these tags in its first directory. */
function tiff(make: string, tags: readonly number[], bigEndian = false): Buffer {
  const entries = [[0x010f, 2, make.length + 1, 200], ...tags.map((tag) => [tag, 4, 1, 300])];
  const bytes = Buffer.alloc(400);
  const [u16, u32] = bigEndian
    ? [bytes.writeUInt16BE.bind(bytes), bytes.writeUInt32BE.bind(bytes)]
    : [bytes.writeUInt16LE.bind(bytes), bytes.writeUInt32LE.bind(bytes)];
  bytes.write(bigEndian ? 'MM' : 'II', 0, 'latin1');
  u16(42, 2);
  u32(16, 4);
  u16(entries.length, 16);
  entries.forEach(([tag, type, count, value], i) => {
    u16(tag!, 18 + i * 12);
    u16(type!, 20 + i * 12);
    u32(count!, 22 + i * 12);
    u32(value!, 26 + i * 12);
  });
  bytes.write(make, 200, 'latin1');
  return bytes;
}

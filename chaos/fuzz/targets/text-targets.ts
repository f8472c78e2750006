import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeText } from '../../../src/base/words/text.js';
import { parseConfig } from '../../../src/config/load.js';
import { readPageChanges } from '../../../src/config/settings/page-changes.js';
import { parsePath } from '../../../src/config/settings/setting-path.js';
import { BoundedLines } from '../../../src/host/position/bounded-lines.js';
import { GpsdReports } from '../../../src/host/position/gpsd-report.js';
import { NmeaFixes } from '../../../src/host/position/nmea-fixes.js';
import { checksumOf, readSentence } from '../../../src/host/position/nmea-sentence.js';
import { readCsvAnnotations } from '../../../src/samples/folder/annotations/csv.js';
import { readJsonAnnotations } from '../../../src/samples/folder/annotations/json.js';
import { readXmlAnnotations } from '../../../src/samples/folder/annotations/xml.js';
import { readYoloLines, readYoloYaml } from '../../../src/samples/folder/annotations/yolo.js';
import { readManifestEntry } from '../../../src/samples/folder/manifest.js';
import { parseSyncAddress } from '../../../src/sync/sync-address.js';
import { parseCommand } from '../../../src/telemetry/commands/command-parser.js';
import { bytes, type FuzzTarget, text } from '../fuzz-target.js';

const CONFIG = `robot: {id: rover-1}
paths: {stateDir: /tmp/x}
cameras:
  - {name: front, driver: v4l2, device: /dev/video0, width: 640, height: 480}
  - name: row
    driver: http
    url: http://127.0.0.1:8080/stream
    regions: [{name: left, box: {x: 0, y: 0, width: 0.5, height: 1}}]
alerts:
  rules:
    - {name: weed, label: weed, minProbability: 0.9, output: light, holdMs: 500}
gpio: {outputs: [{name: light, line: 17}]}
samples: {holdoutShare: 0.25}
`;
const JSONS = [
  '{"images":[{"id":1,"file_name":"a.jpg","width":9,"height":9}],"annotations":[{"image_id":1,"category_id":2,"bbox":[1,2,3,4]}],"categories":[{"id":2,"name":"weed"}]}',
  '{"version":1,"type":"bounding-box-labels","boundingBoxes":{"a.jpg":[{"label":"weed","x":1,"y":2,"width":3,"height":4}]}}',
  '[{"image":"a.jpg","annotations":[{"label":"weed","coordinates":{"x":1,"y":2,"width":3,"height":4}}]}]',
  '[{"data":{"image":"a.jpg"},"annotations":[{"result":[{"type":"choices","value":{"choices":["weed"]}},{"type":"rectanglelabels","value":{"x":1,"y":2,"width":3,"height":4,"rectanglelabels":["crop"]}}]}]}]',
  '{"shapes":[{"label":"weed","points":[[1,2],[3,4]],"shape_type":"rectangle"}],"imagePath":"a.jpg","imageWidth":9,"imageHeight":9}',
  '[{"file":"a.jpg","label":"weed"},{"file":"b.jpg","label":"crop"}]',
];
const SENTENCES = [
  'GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,',
  'GNRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W',
  'GPGST,123519,0.006,0.023,0.020,273.6,0.023,0.020,0.031',
  'GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1',
].map((body) => `$${body}*${checksumOf(body).toString(16).padStart(2, '0')}\r\n`);
const COMMANDS = ['label', 'retrain', 'rollback', 'status', 'snapshot'];

/** A parser of files, by a file in memory. */
function ofFile(read: (path: string) => unknown): (input: Uint8Array) => unknown {
  const folder = mkdtempSync(join(tmpdir(), 'headland-fuzz-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return (input) => {
    const path = join(folder, 'input');
    writeFileSync(path, input);
    return read(path);
  };
}

function readPositions(input: Uint8Array): void {
  const fixes = new NmeaFixes();
  const lines = new BoundedLines(128, (line) => {
    const sentence = readSentence(line);
    if (sentence !== null) fixes.push(sentence);
  });
  for (let at = 0; at < input.length; at += 37)
    lines.push(Buffer.from(input.subarray(at, at + 37)));
}

/** Parsers of texts that people, programs and receivers write. */
export const TEXT_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'configuration',
    seeds: () => [bytes(CONFIG), bytes('a: &a [x]\nb: *a\n'), bytes('"x": |\n  y\n# z\n')],
    words: ['- ', ': ', '&a ', '*a', '<<: ', '|', '>', '? ', '!!binary ', '%YAML 1.1\n', '"', '\t'],
    run: (input) => parseConfig(text(input)),
  },
  {
    name: 'settings-changes',
    seeds: () => [
      bytes('{"schema":1,"changes":[{"path":"robot.name","before":"a","value":"b"}]}'),
      bytes('{"schema":1,"changes":[{"path":"cameras[0].width","before":1,"value":2}]}'),
    ],
    run: ofFile(readPageChanges),
  },
  {
    name: 'setting-path',
    seeds: () => [bytes('cameras[0].regions[1].box.x'), bytes('robot.id')],
    run: (input) => parsePath(text(input)),
  },
  {
    name: 'text-encoding',
    seeds: () => [bytes('Äpfel\n'), Buffer.from('\ufeffÄpfel', 'utf16le'), bytes('\ufeffa')],
    run: decodeText,
  },
  {
    name: 'command',
    seeds: () =>
      [
        '{"id":"c1","sample_id":"018f0000-0000-7000-8000-000000000000","label":"weed"}',
        '{"id":"c2","task":"main","version":3}',
        '{"id":"c3","include":["labels"],"camera":"front","quality":80}',
      ].map(bytes),
    words: ['"__proto__":', '"constructor":', '\\u0000', 'null', 'true'],
    run: (input) => parseCommand(COMMANDS[input.length % COMMANDS.length]!, input, 16_384),
  },
  {
    name: 'annotations-json',
    seeds: () => JSONS.map(bytes),
    run: (input) => readJsonAnnotations(JSON.parse(text(input))),
    refuses: (error) => error instanceof SyntaxError,
  },
  {
    name: 'annotations-xml',
    seeds: () => [
      bytes(
        '<annotation><filename>a.jpg</filename><size><width>9</width><height>9</height></size><object><name>weed</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>',
      ),
      bytes(
        '<annotations><image name="a.jpg" width="9" height="9"><tag label="weed"/><box label="crop" xtl="1" ytl="2" xbr="3" ybr="4"/></image></annotations>',
      ),
    ],
    words: ['<!--', '-->', '<![CDATA[', ']]>', '<!ENTITY a "b">', '&a;', '<?xml?>', '/>'],
    run: (input) => readXmlAnnotations(text(input)),
  },
  {
    name: 'annotations-csv',
    seeds: () => [
      bytes('filename,label\na.jpg,weed\n"b,c.jpg","cr""op"\n'),
      bytes('filename;weed;crop\r\na.jpg;1;0\r\n'),
      bytes('a.jpg,1,2,3,4,weed\n'),
    ],
    words: ['"', '""', '\r\n', ';', '\t'],
    run: (input) => readCsvAnnotations(text(input)),
  },
  {
    name: 'annotations-yolo',
    seeds: () => [
      bytes('0 0.5 0.5 0.1 0.1\n1 0.1 0.2 0.3 0.4 0.5 0.6\n'),
      bytes('names: [weed, crop]\nnc: 2\n'),
      bytes('names:\n  0: weed\n  1: crop\nkpt_shape: [1, 2]\n'),
    ],
    words: ['names: ', '- ', ': ', '&a ', '*a', '{', '['],
    run: (input) => [readYoloLines(text(input)), readYoloYaml(text(input))],
  },
  {
    name: 'export-manifest',
    seeds: () => [
      bytes(
        `{"schema":1,"file":"weed/a.jpg","sha256":"${'0'.repeat(64)}","id":"018f0000-0000-7000-8000-000000000000","label":"weed","group":"g","holdout":false,"source":"front","captured_at":"2026-01-01T00:00:00.000Z"}`,
      ),
    ],
    run: (input) => readManifestEntry(text(input)),
  },
  {
    name: 'nmea',
    seeds: () => [bytes(SENTENCES.join('')), ...SENTENCES.map(bytes)],
    words: ['$', '*', ',', '\r\n', 'GP', 'GGA'],
    run: readPositions,
  },
  {
    name: 'gpsd',
    seeds: () => [
      bytes(
        '{"class":"TPV","mode":3,"time":"2026-01-01T00:00:00.000Z","lat":48.1,"lon":11.5,"altMSL":545,"speed":0.5,"track":84,"eph":2}',
      ),
      bytes('{"class":"GST","major":1,"minor":0.5,"lat":1,"lon":1}'),
    ],
    run: (input) => new GpsdReports().push(text(input)),
  },
  {
    name: 'sync-address',
    seeds: () => [bytes('s3://bucket/folder'), bytes('user@host:/a/b'), bytes('rsync://host/x')],
    run: (input) => parseSyncAddress(text(input)),
  },
];

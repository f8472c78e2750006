import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { escapeXml } from './escape-xml.js';
import { type ExportedPicture, type Exporter, fileNameOf, PICTURE_FOLDER } from './exporter.js';

/** "CVAT for images 1.1" with one tag for each picture. */
export const CVAT_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: true,
  takesWaiting: true,
  folderOf: () => PICTURE_FOLDER,
  *textsOf(pictures, labels) {
    yield { file: 'annotations.xml', text: annotationsOf(pictures, labels) };
  },
};

function annotationsOf(pictures: readonly ExportedPicture[], labels: readonly string[]): string {
  const declared = labels.map(
    (label) =>
      `        <label><name>${escapeXml(label)}</name><type>tag</type><attributes></attributes></label>\n`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>headland</name>
      <size>${pictures.length}</size>
      <mode>annotation</mode>
      <overlap>0</overlap>
      <labels>
${declared.join('')}      </labels>
    </task>
  </meta>
${pictures.map(imageOf).join('')}</annotations>
`;
}

function imageOf(picture: ExportedPicture, id: number): string {
  const { sample, width, height } = picture;
  const { label } = sample;
  const tag = label === null ? '' : `    <tag label="${escapeXml(label)}" source="manual"></tag>\n`;
  return `  <image id="${id}" name="${fileNameOf(picture)}" width="${width}" height="${height}">\n${tag}  </image>\n`;
}

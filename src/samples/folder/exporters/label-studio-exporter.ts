import { ANNOTATED_MANIFEST_FILE } from '../manifest.js';
import { escapeXml } from './escape-xml.js';
import { type ExportedPicture, type Exporter, PICTURE_FOLDER } from './exporter.js';

/** Name of the control in the labelling interface, and of the picture's tag. */
const [CONTROL, IMAGE] = ['label', 'image'];

/** Tasks in Label Studio's JSON with one choice each, and the labelling interface for them. */
export const LABEL_STUDIO_EXPORTER: Exporter = {
  manifest: ANNOTATED_MANIFEST_FILE,
  needsSize: false,
  takesWaiting: true,
  folderOf: () => PICTURE_FOLDER,
  *textsOf(pictures, labels) {
    yield { file: 'label-config.xml', text: interfaceOf(labels) };
    yield { file: 'tasks.json', text: `${JSON.stringify(pictures.map(taskOf), null, 1)}\n` };
  },
};

/** A picture is addressed below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, the exported folder. */
function taskOf({ sample, file }: ExportedPicture, index: number) {
  const { id: sampleId, label, group, holdout, source, capturedAtMs } = sample;
  const id = index + 1;
  const data = {
    [IMAGE]: `/data/local-files/?d=${encodeURIComponent(file).replaceAll('%2F', '/')}`,
    sample: sampleId,
    group,
    holdout,
    source,
    captured_at: new Date(capturedAtMs).toISOString(),
  };
  if (label === null) return { id, data, annotations: [] };
  const result = {
    id: sampleId,
    from_name: CONTROL,
    to_name: IMAGE,
    type: 'choices',
    value: { choices: [label] },
  };
  return { id, data, annotations: [{ result: [result] }] };
}

function interfaceOf(labels: readonly string[]): string {
  const choices = labels.map((label) => `    <Choice value="${escapeXml(label)}"/>\n`);
  return `<View>
  <Image name="${IMAGE}" value="$${IMAGE}"/>
  <Choices name="${CONTROL}" toName="${IMAGE}" choice="single">
${choices.join('')}  </Choices>
</View>
`;
}

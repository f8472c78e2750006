import type { Mutant } from '../mutant.js';

const crops = (names: string) => [{ file: 'test/samples/folder/crops.test.ts', names }];
const boxes = (names: string) => [{ file: 'test/vision/picture-box.test.ts', names }];
const roundTrip = (names: string) => [
  { file: 'test/samples/folder/exporters/round-trip.test.ts', names },
];
const annotations = (names: string) => [{ file: 'test/samples/folder/annotations.test.ts', names }];

export const DATASET_MUTANTS: readonly Mutant[] = [
  {
    promise: 'crops of a picture are never split between training and holdout',
    file: 'src/samples/folder/crops/picture-units.ts',
    text: 'return crop?.pictureSha256 ?? sha256;',
    replacement: 'return crop === null ? sha256 : `${crop.pictureSha256} ${sha256}`;',
    tests: crops('are one group'),
  },
  {
    promise: 'a crop is grouped by its picture, not by how it looks itself',
    file: 'src/samples/folder/crops/picture-units.ts',
    text: 'dhash: crop.pictureDhash,',
    replacement: 'dhash: item.dhash,',
    tests: crops('alike frames'),
  },
  {
    promise: 'a box that is added later joins the group of its picture',
    file: 'src/samples/folder/crops/picture-units.ts',
    text: 'members.find(({ group }) => group !== null) ?? members[0]!',
    replacement: 'members[members.length - 1]!',
    tests: crops('added later'),
  },
  {
    promise: 'crops of a picture of the test part are kept out, wherever its copy lies',
    file: 'src/samples/folder/import-read.ts',
    text: 'this.keepTogether(usable);',
    replacement: '',
    tests: crops('kept out'),
  },
  {
    promise: 'crops are cut from the upright picture',
    file: 'src/vision/picture-box.ts',
    text: 'orientation === 6 || orientation === 7 ? [1 - bottom, 1 - top]',
    replacement: 'orientation === 8 || orientation === 5 ? [1 - bottom, 1 - top]',
    tests: boxes('EXIF orientation'),
  },
  {
    promise: 'a box is scaled from the size that the annotator saw',
    file: 'src/vision/picture-box.ts',
    text: 'of === null ? 1 : width / of.width',
    replacement: 'of === null ? 1 : of.width / width',
    tests: boxes('scaled from the size'),
  },
  {
    promise: 'a box for a picture of another shape is not cut out anywhere',
    file: 'src/vision/picture-box.ts',
    text: 'if (orientation < 5 || !isShape(',
    replacement: 'if (orientation < 0 || !isShape(',
    tests: boxes('scaled from the size'),
  },
  {
    promise: 'boxes of a few pixels are left out, also with a margin',
    file: 'src/vision/picture-box.ts',
    text: 'Math.min(inside.width, inside.height) < MIN_BOX_PIXELS',
    replacement: 'Math.max(inside.width, inside.height) < MIN_BOX_PIXELS',
    tests: boxes('is clipped'),
  },
  {
    promise: 'a box around the whole picture keeps its bytes',
    file: 'src/samples/folder/import-read.ts',
    text: 'else if (isWhole(placed.rectangle, size))',
    replacement: 'else if (!isWhole(placed.rectangle, size) && size.width < 0)',
    tests: crops('the whole picture'),
  },
  {
    promise: 'boxes that cannot be cut out are named and counted',
    file: 'src/samples/folder/import-read.ts',
    text: 'this.run.leaveBox(picture.name, BOX_FAULTS[placed.fault]);',
    replacement: 'continue;',
    tests: crops('unusable are named'),
  },
  {
    promise: 'a picture that an annotation names and the folder lacks is named',
    file: 'src/samples/folder/annotations/read-annotations.ts',
    text: 'if (labels.length + boxes.length > 0) found.missing.add(picture);',
    replacement: '',
    tests: crops('unusable are named'),
  },
  {
    promise: 'a box of a class without a name gets no class',
    file: 'src/samples/folder/annotations/read-annotations.ts',
    text: 'const label = names.get(classNumber) ?? null;',
    replacement: 'const label = names.get(classNumber) ?? String(classNumber);',
    tests: crops('YOLO does not know'),
  },
  {
    promise: 'nested values of annotations do not exhaust the stack',
    file: 'src/samples/folder/annotations/marks.ts',
    text: 'if (depth > MAX_DEPTH) return;',
    replacement: '',
    tests: annotations('refused by name'),
  },
  {
    promise: 'XML that declares entities is refused',
    file: 'src/samples/folder/annotations/read-annotations.ts',
    text: 'if (declaresEntities(text))',
    replacement: 'if (declaresEntities(name))',
    tests: annotations('refused by name'),
  },
  {
    promise: 'annotation files that cannot be read are named in a refusal too',
    file: 'src/samples/folder/find-pictures.ts',
    text: "for (const message of annotated.unreadable) this.#note('HL_IMPORT_ANNOTATION_INVALID', message);",
    replacement: '',
    tests: annotations('named in the refusal'),
  },
  {
    promise: 'an export for a tool comes back with groups and holdout',
    file: 'src/samples/folder/manifest.ts',
    text: '(await readOne(dir, ANNOTATED_MANIFEST_FILE)) ?? emptyManifest(MANIFEST_FILE)',
    replacement: 'emptyManifest(MANIFEST_FILE)',
    tests: roundTrip('comes back without loss'),
  },
  {
    promise: 'other tools see the holdout as the validation part',
    file: 'src/samples/folder/exporters/exporter.ts',
    text: "return holdout ? 'val' : 'train';",
    replacement: "return holdout ? 'train' : 'val';",
    tests: roundTrip('shows the holdout'),
  },
  {
    promise: 'labels in tables that look like JSON come back as they are',
    file: 'src/samples/folder/exporters/csv-exporter.ts',
    text: '/^[[{]/.test(label) ? JSON.stringify([label]) : label',
    replacement: 'label',
    tests: roundTrip('as csv comes back'),
  },
  {
    promise: 'a picture that waits for a label is not exported as one without objects',
    file: 'src/samples/folder/export-folder.ts',
    text: 'if (options.includeWaiting && !exporter.takesWaiting)',
    replacement: 'if (options.includeWaiting && exporter.takesWaiting)',
    tests: roundTrip('wait for a label'),
  },
  {
    promise: 'a damaged picture that an export leaves out is named',
    file: 'src/samples/folder/export-folder.ts',
    text: 'report.damaged.push(sample.id);',
    replacement: '',
    tests: roundTrip('damaged picture'),
  },
];

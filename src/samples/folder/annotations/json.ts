import { z } from 'zod';
import type { AnnotatedPicture, AnnotationFile } from './annotation.js';
import { labelsIn, readRecords } from './records.js';

const id = z.union([z.string(), z.number()]);
const coco = z.object({
  images: z.array(z.object({ id, file_name: z.string() })),
  annotations: z.array(z.object({ image_id: id, category_id: id })),
  categories: z.array(z.object({ id, name: z.string() })),
});
const edgeImpulse = z.object({
  files: z.array(
    z.object({
      path: z.string().optional(),
      name: z.string().optional(),
      label: z.unknown(),
      boundingBoxes: z.array(z.object({ label: z.string() })).optional(),
    }),
  ),
});
const edgeImpulseBoxes = z.object({
  boundingBoxes: z.record(z.string(), z.array(z.object({ label: z.string() }))),
});
const createMl = z.array(
  z.object({ image: z.string(), annotations: z.array(z.object({ label: z.string() })) }),
);
const result = z.object({ type: z.string().optional(), value: z.record(z.string(), z.unknown()) });
const labelStudio = z.array(
  z.object({
    data: z.record(z.string(), z.unknown()),
    annotations: z.array(
      z.object({ was_cancelled: z.boolean().optional(), result: z.array(result) }),
    ),
  }),
);
const labelMe = z.object({
  imagePath: z.string(),
  shapes: z.array(z.object({ label: z.string() })),
});
const flat = z.array(z.record(z.string(), z.unknown()));

/** Reads the JSON of a known annotation tool; null: unknown format. */
export function readJsonAnnotations(value: unknown): AnnotationFile | null {
  return (
    ofCoco(value) ??
    ofEdgeImpulse(value) ??
    ofCreateMl(value) ??
    ofLabelStudio(value) ??
    ofLabelMe(value) ??
    ofFlat(value)
  );
}

function ofCoco(value: unknown): AnnotationFile | null {
  const { data } = coco.safeParse(value);
  if (data === undefined) return null;
  const names = new Map(data.categories.map((category) => [category.id, category.name]));
  const labels = new Map(data.images.map((image) => [image.id, [] as string[]]));
  for (const { image_id, category_id } of data.annotations) {
    const name = names.get(category_id);
    if (name !== undefined) labels.get(image_id)?.push(name);
  }
  const pictures = data.images.map((image) => ({
    picture: image.file_name,
    labels: labels.get(image.id) ?? [],
  }));
  return { format: 'COCO annotations', pictures, boxes: true };
}

function ofEdgeImpulse(value: unknown): AnnotationFile | null {
  const format = 'an Edge Impulse export';
  const boxes = edgeImpulseBoxes.safeParse(value).data;
  if (boxes !== undefined) {
    const pictures = Object.entries(boxes.boundingBoxes).map(([picture, list]) => ({
      picture,
      labels: list.map(({ label }) => label),
    }));
    return { format, pictures, boxes: true };
  }
  const { data } = edgeImpulse.safeParse(value);
  if (data === undefined) return null;
  const pictures = data.files.map(({ path, name, label, boundingBoxes = [] }) => ({
    picture: path ?? name ?? '',
    labels: boundingBoxes.length > 0 ? boundingBoxes.map((box) => box.label) : labelsIn(label),
  }));
  return { format, pictures, boxes: data.files.some((file) => file.boundingBoxes?.length) };
}

function ofCreateMl(value: unknown): AnnotationFile | null {
  const { data } = createMl.safeParse(value);
  if (data === undefined || data.length === 0) return null;
  const pictures = data.map(({ image, annotations }) => ({
    picture: image,
    labels: annotations.map(({ label }) => label),
  }));
  return { format: 'CreateML annotations', pictures, boxes: true };
}

function ofLabelStudio(value: unknown): AnnotationFile | null {
  const { data } = labelStudio.safeParse(value);
  if (data === undefined || data.length === 0) return null;
  let boxes = false;
  const pictures = data.map((task): AnnotatedPicture => {
    const results = task.annotations
      .filter(({ was_cancelled }) => was_cancelled !== true)
      .flatMap((annotation) => annotation.result);
    boxes ||= results.some(({ value: marks }) => !('choices' in marks));
    const labels = results.flatMap(({ value: marks }) => labelsIn(marks));
    return { picture: pictureIn(task.data), labels };
  });
  return { format: 'a Label Studio export', pictures, boxes };
}

/** The field of a Label Studio task that names its picture. */
function pictureIn(data: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(data).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const byName = texts.find(([key]) => /^(?:image|img|picture|photo)/i.test(key));
  return (byName ?? texts[0])?.[1] ?? '';
}

function ofLabelMe(value: unknown): AnnotationFile | null {
  const { data } = labelMe.safeParse(value);
  if (data === undefined) return null;
  const labels = data.shapes.map(({ label }) => label);
  const pictures = [{ picture: data.imagePath, labels }];
  return { format: 'LabelMe annotations', pictures, boxes: true };
}

function ofFlat(value: unknown): AnnotationFile | null {
  const { data } = flat.safeParse(value);
  const found =
    data === undefined ? null : readRecords(data.map((row) => new Map(Object.entries(row))));
  return found === null ? null : { format: 'a table of labels', ...found };
}

import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { HeadlandError } from '../../src/base/errors.js';
import { normaliseLabel } from '../../src/base/words/label.js';
import type {
  PICTURES,
  Picture,
  SampleState,
} from '../../src/console/contract/pictures-contract.js';
import type { HandlersOf } from '../../src/console/handlers.js';
import { notFound } from '../../src/console/server/routes.js';

type Handlers = HandlersOf<keyof typeof PICTURES>;
type Query = Parameters<Handlers['GET /api/pictures']>[0]['query'];

export interface FieldPicture extends Picture {
  history: { atMs: number; from: string | null; to: string | null; by: string }[];
}

/** The stored samples of a robot in memory, with everything that the page can do with them. */
export interface FieldPictures {
  all: FieldPicture[];
  /** Names of imported files. */
  imported: string[];
  handlers: Handlers;
}

const COLOURS = ['#c0392b', '#27ae60', '#f1c40f', '#8e44ad', '#e67e22', '#2980b9', '#16a085'];

/** A picture of which the class and the number can be seen. */
export function drawThing(kind: number, number: number): Promise<Uint8Array> {
  const fill = COLOURS[kind % COLOURS.length];
  const [x, y, r] = [200 + ((number * 37) % 80), 150 + ((number * 53) % 70), 70 + (number % 40)];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="360"><rect width="480" height="360" fill="#6b4f36"/><circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/></svg>`;
  return sharp(Buffer.from(svg)).webp({ quality: 60 }).toBuffer();
}

/** @param changed called after every change */
export function createFieldPictures(all: FieldPicture[], changed: () => void): FieldPictures {
  const undos = new Map<string, () => void>();
  const images = new Map<string, Promise<Uint8Array>>();
  const trashed = new Map<string, { state: SampleState; label: string | null }>();
  const imported: string[] = [];
  const labels = () => [...new Set(all.flatMap(({ label }) => label ?? []))].sort();
  const of = (id: string) => {
    const found = all.find((picture) => picture.id === id);
    if (found === undefined) throw notFound(`there is no sample ${id}`);
    return found;
  };
  const change = (ids: readonly string[], work: (picture: FieldPicture) => void) => {
    const before = ids.map((id) => ({ ...of(id), history: [...of(id).history] }));
    for (const id of ids) {
      const picture = of(id);
      const from = picture.label;
      work(picture);
      if (picture.label !== from) {
        picture.history.push({ atMs: Date.now(), from, to: picture.label, by: 'console' });
      }
      const isWrong = picture.answer !== null && picture.answer.label !== picture.label;
      picture.verdicts = picture.label !== null && isWrong ? ['wrong'] : [];
    }
    const undo = `undo-${undos.size + 1}`;
    undos.set(undo, () => {
      for (const old of before) Object.assign(of(old.id), old);
    });
    changed();
    return { changed: ids.length, undo: ids.length > 0 ? undo : null, warnings: [] };
  };
  const image = (id: string) => {
    const at = all.findIndex((picture) => picture.id === id);
    if (at < 0) throw notFound(`there is no picture of sample ${id}`);
    const kind = labels().indexOf(all[at]!.label ?? '') + 1;
    const key = `${kind} ${at % 50}`;
    const drawn = images.get(key) ?? drawThing(kind, at % 50);
    images.set(key, drawn);
    return drawn.then((bytes) => ({ mediaType: 'image/webp', bytes }));
  };
  const counted = <Name extends string>(names: readonly Name[]) =>
    names.map((name) => [name, all.filter((each) => each.state === name).length] as const);
  return {
    all,
    imported,
    handlers: {
      'GET /api/pictures': ({ query }) => {
        const found = all.filter((picture) => fits(picture, query));
        const { offset = 0, limit = 50 } = query;
        return { total: found.length, pictures: found.slice(offset, offset + limit) };
      },
      'GET /api/pictures/facets': () => ({
        states: counted(['labelled', 'waiting', 'cannot_tell', 'trash'] as const)
          .filter(([, samples]) => samples > 0)
          .map(([state, samples]) => ({ state, samples })),
        verdicts: (['wrong', 'doubtful', 'suspect'] as const).map((verdict) => ({
          verdict,
          samples: all.filter((picture) => picture.verdicts.includes(verdict)).length,
        })),
        classes: labels().map((label) => {
          const those = all.filter((picture) => picture.label === label);
          const holdout = those.filter((picture) => picture.holdout).length;
          return { label, training: those.length - holdout, holdout };
        }),
        cameras: [...new Set(all.map(({ camera }) => camera))].map((camera) => ({
          camera,
          samples: all.filter((picture) => picture.camera === camera).length,
        })),
        days: [],
        places: [],
      }),
      'GET /api/pictures/{id}': ({ params }) => {
        const { history, ...picture } = of(params.id);
        return {
          picture,
          position: { latitude: 48.137, longitude: 11.575 },
          origin: 'camera',
          history,
        };
      },
      'GET /api/samples/{id}/picture': ({ params }) => image(params.id),
      'GET /api/samples/{id}/thumbnail': ({ params }) => image(params.id),
      'POST /api/pictures/set': ({ body: { ids, to } }) =>
        change(ids, (picture) => {
          if ('label' in to) {
            Object.assign(picture, { state: 'labelled', label: normaliseLabel(to.label) });
          } else if (to.state === 'restored') {
            Object.assign(picture, trashed.get(picture.id));
          } else {
            const { state, label } = picture;
            if (to.state === 'trash') trashed.set(picture.id, { state, label });
            Object.assign(picture, { state: to.state, label: null });
          }
        }),
      'POST /api/classes/rename': ({ body: { from, to, merge = false } }) => {
        const known = labels();
        if (!merge && known.includes(to)) {
          throw new HeadlandError('HL_CLASS_EXISTS', `there is a class "${to}" already`, {
            remedy: 'Choose another name, or merge.',
          });
        }
        const ids = all.flatMap(({ id, label }) => (label === from ? [id] : []));
        const warnings = [
          { key: 'none', values: {}, text: `The alert "stop" still names ${from}.` },
        ];
        return {
          ...change(ids, (picture) => {
            picture.label = to;
          }),
          warnings,
        };
      },
      'POST /api/classes/ignore': ({ body }) => {
        const ids = all.flatMap(({ id, label }) => (label === body.label ? [id] : []));
        return change(ids, (picture) => {
          Object.assign(picture, { state: 'ignored', label: null });
        });
      },
      'POST /api/undo': ({ body: { undo } }) => {
        undos.get(undo)?.();
        changed();
        return { changed: 1, kept: 0, undo: null };
      },
      'POST /api/pictures/import': async ({ query: { name, label }, body }) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of body.bytes) chunks.push(chunk);
        const names =
          body.mediaType === 'application/zip'
            ? Object.keys(unzipSync(Buffer.concat(chunks)))
            : [name.split('/').at(-1)!];
        const refused = names.filter((each) => /broken/.test(each));
        const stored = names.filter((each) => !refused.includes(each));
        for (const each of stored) {
          imported.push(`${label}/${each}`);
          all.unshift(createPicture(`imported-${imported.length}`, label ?? null));
        }
        changed();
        return {
          stored: stored.length,
          duplicates: 0,
          refused: refused.map((each) => {
            const message = 'the file is no readable image';
            return { name: each, code: 'HL_PICTURE_INVALID', message };
          }),
          refusedTotal: refused.length,
        };
      },
      'GET /api/pictures/export': () => ({
        mediaType: 'application/zip',
        bytes: new Uint8Array(22),
      }),
    },
  };
}

/** @param label null: it waits for one */
export function createPicture(
  id: string,
  label: string | null,
  more: Partial<FieldPicture> = {},
): FieldPicture {
  return {
    id,
    state: label === null ? 'waiting' : 'labelled',
    label,
    holdout: false,
    camera: 'main',
    capturedAtMs: Date.UTC(2026, 4, 20, 9, 30),
    hasPicture: true,
    answer: null,
    verdicts: [],
    history: [],
    ...more,
  };
}

function fits(picture: FieldPicture, query: Query): boolean {
  const { state, label, side, verdict, answered, camera, ids } = query;
  if (state === undefined ? picture.state === 'trash' : picture.state !== state) return false;
  if (label !== undefined && picture.label !== label) return false;
  if (side !== undefined && (picture.label === null || picture.holdout !== (side === 'holdout'))) {
    return false;
  }
  if (verdict !== undefined && !picture.verdicts.includes(verdict)) return false;
  if (answered !== undefined && picture.answer?.label !== answered) return false;
  if (ids !== undefined && !ids.split(',').includes(picture.id)) return false;
  return camera === undefined || picture.camera === camera;
}

import type { Message } from '../../base/words/message.js';
import { listed } from '../../base/words/message.js';
import type {
  PICTURES,
  Picture,
  SampleVerdict,
  VERDICTS,
} from '../../console/contract/pictures-contract.js';
import type { HandlersOf, Visit } from '../../console/handlers.js';
import { notFound } from '../../console/server/routes.js';
import { packSamples } from '../../samples/archive/pack-samples.js';
import type { ListFilter } from '../../samples/listing/sample-list.js';
import { Thumbnails } from '../../samples/listing/thumbnails.js';
import type { Sample } from '../../samples/sample.js';
import { mediaTypeOf } from '../../vision/sniff.js';
import type { Requester } from '../audit-trail.js';
import type { VersionAnswers } from '../brain/answer-book.js';
import { type ClassOutcome, classHandle } from '../operations.js';
import { PictureImport } from '../pictures/picture-import.js';
import type { RobotTask } from '../robot-task.js';
import type { AgentView } from '../view.js';

const BY: Requester = { source: 'console' };
const DEFAULT_LIMIT = 100;
/** As many as the contract lists. */
const MAX_REFUSED = 100;
const ALL_VERDICTS: typeof VERDICTS = ['wrong', 'doubtful', 'suspect'];
/** A picture of a sample never changes. */
const FOR_EVER = { 'cache-control': 'private, max-age=31536000, immutable' };

type Filter = Visit<'GET /api/pictures/export'>['query'];

/** The stored samples of one task. */
export function picturesHandlers(
  { operations, config, options }: AgentView,
  task: RobotTask,
): HandlersOf<keyof typeof PICTURES> {
  const { name, state, answers } = task;
  const { samples, settings } = state;
  const { maxPictureBytes, maxPicturePixels } = settings.inference;
  const thumbnails = new Thumbnails(samples, { maxPictureBytes, maxPicturePixels });
  const imports = new PictureImport({
    stateDir: config.paths.stateDir,
    maxBytes: config.console.maxImportBytes,
    minFreeBytes: config.samples.minFreeBytes,
    minLabelsPerClass: settings.training.minLabelsPerClass,
    limits: { maxBytes: maxPictureBytes, maxPixels: maxPicturePixels },
    gapMs: settings.samples.groupWindowMs,
  });

  async function listFilter(filter: Filter): Promise<ListFilter> {
    const { state, label, side, verdict, answered, version, camera, fromMs, toMs } = filter;
    const wanted = verdict !== undefined || answered !== undefined;
    const byAnswer = wanted
      ? answeredIds(await answers.of(version), { verdict, answered })
      : undefined;
    const given = filter.ids?.split(',').filter(Boolean);
    return {
      state,
      label,
      holdout: side === undefined ? undefined : side === 'holdout',
      source: camera,
      fromMs,
      toMs,
      place: placeOf(filter.place),
      ids: byAnswer && given ? given.filter((id) => byAnswer.includes(id)) : (byAnswer ?? given),
    };
  }

  return {
    async 'GET /api/pictures'({ query: { order, offset, limit = DEFAULT_LIMIT, ...filter } }) {
      const part = { order, offset, limit };
      const found = samples.everything.page(await listFilter(filter), part);
      const book = await answers.of(filter.version);
      return {
        total: found.total,
        pictures: found.samples.map((sample) => asPicture(sample, book)),
      };
    },
    async 'GET /api/pictures/facets'({ query: { offsetMinutes = 0 } }) {
      const { sources, ...facets } = samples.everything.facets(offsetMinutes);
      const book = await answers.of();
      const marks = [...(book?.marks.values() ?? [])];
      return {
        ...facets,
        cameras: sources.map(({ source, samples: count }) => ({ camera: source, samples: count })),
        verdicts: ALL_VERDICTS.map((verdict) => {
          return { verdict, samples: marks.filter((mark) => mark[verdict]).length };
        }),
      };
    },
    async 'GET /api/pictures/{id}'({ params: { id } }) {
      const sample = samples.find(id);
      if (sample === null) throw notFound(`there is no sample ${id}`);
      const { position, origin } = sample;
      return {
        picture: asPicture(sample, await answers.of()),
        position: position && { latitude: position.latitude, longitude: position.longitude },
        origin,
        history: samples.labelHistory(id).map(({ atMs, oldLabel, newLabel, source }) => {
          return { atMs, from: oldLabel, to: newLabel, by: source };
        }),
      };
    },
    'GET /api/samples/{id}/picture': ({ params }) => {
      const bytes = samples.picture(params.id);
      if (bytes === null) throw notFound(`there is no picture of sample ${params.id}`);
      return { mediaType: mediaTypeOf(bytes), bytes, headers: FOR_EVER };
    },
    async 'GET /api/samples/{id}/thumbnail'({ params }) {
      const bytes = await thumbnails.of(params.id);
      if (bytes === null) throw notFound(`there is no picture of sample ${params.id}`);
      return { mediaType: 'image/webp', bytes, headers: FOR_EVER };
    },
    async 'POST /api/pictures/set'({ body: { ids, to } }) {
      const { changed, undo } = await operations.changeSamples(ids, to, BY, name);
      return { changed, undo, warnings: [] };
    },
    async 'POST /api/classes/rename'({ body: { from, to, merge } }) {
      return classChanged(
        merge
          ? await operations.mergeClass(from, to, BY, name)
          : await operations.renameClass(from, to, BY, name),
      );
    },
    async 'POST /api/classes/ignore'({ body: { label } }) {
      return classChanged(await operations.ignoreClass(label, BY, name));
    },
    'POST /api/undo': ({ body }) => operations.undo(body.undo, BY, name),
    async 'POST /api/pictures/import'({ query, body }) {
      const taken = await imports.take(
        samples,
        { name: query.name, label: query.label ?? null },
        body,
      );
      const { stored, duplicates, refused } = taken;
      if (stored > 0) operations.labelsCame(name);
      options.log.info({ stored, duplicates, refused: refused.length }, 'pictures imported');
      return {
        stored,
        duplicates,
        refused: refused.slice(0, MAX_REFUSED).map(({ origin, code, message }) => {
          return { name: origin, code, message };
        }),
        refusedTotal: refused.length,
      };
    },
    async 'GET /api/pictures/export'({ query }) {
      const filter = await listFilter(query);
      const isChosen = filter.state !== undefined || filter.ids !== undefined;
      const chosen = isChosen ? filter : { ...filter, state: 'labelled' as const };
      return {
        mediaType: 'application/zip',
        bytes: packSamples(samples, samples.everything.ids(chosen)),
        headers: { 'content-disposition': `attachment; filename="headland-${name}.zip"` },
      };
    },
  };
}

/** Ids of the samples to which a head gave an answer; `answered` counts as the confusion matrix does. */
function answeredIds(
  book: VersionAnswers | null,
  { verdict, answered }: { verdict: SampleVerdict | undefined; answered: string | undefined },
): string[] {
  return (book?.answers ?? [])
    .filter(
      ({ id, label, judged }) =>
        (answered === undefined || (judged && label === answered)) &&
        (verdict === undefined || book?.marks.get(id)?.[verdict] === true),
    )
    .map(({ id }) => id);
}

function asPicture(sample: Sample, book: VersionAnswers | null): Picture {
  const { id, state, label, holdout, source, capturedAtMs, pictureBytes } = sample;
  const answer = book?.byId.get(id);
  const mark = book?.marks.get(id);
  return {
    id,
    state,
    label: state === 'labelled' ? label : null,
    holdout,
    camera: source,
    capturedAtMs,
    hasPicture: pictureBytes > 0,
    answer: answer ? { label: answer.label, probability: answer.confidence } : null,
    verdicts: ALL_VERDICTS.filter((verdict) => mark?.[verdict]),
  };
}

/** @param text `latitude,longitude,radiusMeters` */
function placeOf(text: string | undefined): ListFilter['place'] {
  if (text === undefined) return undefined;
  const [latitude = 0, longitude = 0, radiusMeters = 0] = text.split(',').map(Number);
  return { latitude, longitude, radiusMeters };
}

function classChanged({ change, rules }: ClassOutcome) {
  return {
    changed: change.samples,
    undo: classHandle(change),
    warnings: rules.length > 0 ? [rulesMessage(change.from, rules)] : [],
  };
}

function rulesMessage(label: string, rules: readonly string[]): Message {
  const named = listed(rules);
  return {
    key: 'classes.rules',
    values: { label, rules: rules.join(', '), count: rules.length },
    text: `These alert rules still name "${label}" and will not rise: ${named}. Change them in the settings.`,
  };
}

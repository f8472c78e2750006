import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validateConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { COPIES, type Kind, nearCopy } from './life-alter.js';
import { type Draw, drawPhotos, type Part, type Photo, type PhotoSet } from './life-data.js';
import type { KeepingEmbedder } from './life-features.js';
import type { DecisionScores } from './life-metrics.js';
import { askPeers, type NamedRow, type PeerScores, type PeerTask } from './life-peers.js';
import { digest, keep, keptJson, lifeCache, readKept } from './life-places.js';
import {
  type Labelling,
  labelledAfter,
  type Plan,
  planLife,
  type Scenario,
  type Stage,
} from './life-plan.js';
import { placeLabels, Robot, removeFolder, scratchFolder } from './life-run.js';
import { askHead } from './life-score.js';
import { sharedMirrors, userCacheDir } from './places.js';

/** Raised whenever the same code of the product would be measured otherwise. */
const VERSION = 1;

/** What a head and its answers are made by. */
const MAKING_ROOMS = ['backbone', 'head', 'perception', 'samples', 'training', 'vision'];
const SERVING_ROOMS = ['agent', 'config'];
/** Of the room `training`: what decides about a head that is there already, or tells of it. */
const GATE_FILES =
  /^(gate|judge|evidence|holdout-ledger|evaluation|golden|history|pointer|quantize|report|scorecard|shadow|study|trainer|triggers|unknown-auroc)/;

/** One life that is to be lived. */
export interface Cell {
  set: PhotoSet;
  part: Part;
  order: number;
  scenario: Scenario;
  sizes: readonly number[];
  kinds: readonly Kind[];
}

export interface StageRecord {
  name: string;
  /** Labels given so far, without those removed; near-duplicates count. */
  labels: number;
  /** Of the training that followed. */
  outcome: string;
  reason: string;
  /** Labels of the serving head. */
  knows: string[];
  /** By kind of test photo. */
  serving: Record<string, DecisionScores>;
  /** Our recipe on all labels, always promoted. */
  always: Record<string, DecisionScores>;
  peers: PeerScores;
  /** Seconds of the training that decides what serves. */
  trainingSeconds: number;
}

export interface LifeRecord {
  set: string;
  part: Part;
  order: number;
  scenario: Scenario;
  special: string | null;
  seconds: number;
  stages: StageRecord[];
  /** Promotions that the shadow took back. */
  rolledBack: number;
  /** Forward passes that trainings made although their features were prepared; 0 is right. */
  unpreparedForwards: number;
}

/** No search ends early because other programs keep the machine busy. */
export const SEARCH_BUDGET_MS = 3_600_000;

/** The product as it is set by default, but with time for every search. */
export function defaultConfig(stateDir: string): Config {
  return validateConfig({
    paths: { stateDir, cacheDir: userCacheDir() },
    models: { mirrors: sharedMirrors() },
    training: { searchBudgetMs: SEARCH_BUDGET_MS },
  });
}

/** Lives a life, or reads what became of it when the product is the same as then. */
export async function live(
  cell: Cell,
  embedder: KeepingEmbedder,
  { fresh = false } = {},
): Promise<LifeRecord> {
  const draw = drawPhotos(cell.set, cell.part, cell.order);
  const plan = planLife(draw, cell.order, cell.scenario, cell.sizes, COPIES);
  const key = digest([VERSION, productChecksum(), embedder.checksum, cell.order, cell.kinds, plan]);
  const kept = join(lifeCache(), 'lives', `${key}.json`);
  const known = fresh ? null : keptJson<LifeRecord>(kept);
  if (known) return known;
  const record = await new Life(cell, draw, plan, embedder).live();
  keep(kept, JSON.stringify(record));
  return record;
}

class Life {
  readonly #folder = scratchFolder();

  constructor(
    private readonly cell: Cell,
    private readonly draw: Draw,
    private readonly plan: Plan,
    private readonly embedder: KeepingEmbedder,
  ) {}

  async live(): Promise<LifeRecord> {
    const startMs = performance.now();
    const { set, part, order, scenario } = this.cell;
    try {
      const peers = await askPeers(await this.#peerTasks());
      const { stages, rolledBack, unpreparedForwards } = await this.#stages(peers);
      const seconds = (performance.now() - startMs) / 1000;
      const { special } = this.plan;
      const about = { set: set.name, part, order, scenario, special, seconds };
      return { ...about, stages, rolledBack, unpreparedForwards };
    } finally {
      removeFolder(this.#folder);
    }
  }

  async #stages(peers: readonly PeerScores[]) {
    const always = await this.#always();
    const config = defaultConfig(join(this.#folder, 'robot'));
    const robot = new Robot(config, this.embedder);
    const stages: StageRecord[] = [];
    let unpreparedForwards = 0;
    for await (const { stage, labels, i } of this.#labelled(robot, 'photos')) {
      const report = await robot.train();
      unpreparedForwards += report.result?.forwards ?? 0;
      stages.push({
        name: stage.name,
        labels,
        outcome: report.outcome,
        reason: report.reason,
        knows: [...(robot.serving?.head.labels ?? [])],
        serving: await this.#asked(robot.serving, stage, config),
        always: always[i]!,
        peers: peers[i]!,
        trainingSeconds: report.durationMs / 1000,
      });
    }
    robot.close();
    return { stages, rolledBack: robot.rolledBack, unpreparedForwards };
  }

  /** What our recipe on all labels answers at each stage, whether or not a gate would let it. */
  async #always(): Promise<Record<string, DecisionScores>[]> {
    const stateDir = join(this.#folder, 'always');
    const config = onAllLabels(defaultConfig(stateDir), stateDir);
    const { models, inference, augmentation, training } = config;
    const settings = [models.backbone, inference, augmentation, training];
    const { embedder, plan, cell } = this;
    const code = productChecksum({ withoutGate: true });
    const key = digest([VERSION, code, settings, embedder.checksum, cell.kinds, plan]);
    const kept = join(lifeCache(), 'always', `${key}.json`);
    const known = keptJson<Record<string, DecisionScores>[]>(kept);
    if (known) return known;
    const robot = new Robot(config, embedder);
    const scores: Record<string, DecisionScores>[] = [];
    for await (const { stage } of this.#labelled(robot, 'always-photos')) {
      // Without a serving head beside it nothing is compared, which takes time and changes no head.
      removeFolder(join(stateDir, 'heads'));
      const { outcome } = await robot.train();
      const head = outcome === 'failed' ? null : await robot.newest();
      scores.push(await this.#asked(head, stage, config));
    }
    robot.close();
    keep(kept, JSON.stringify(scores));
    return scores;
  }

  /** Lets a robot have the labels of one stage after the other. */
  async *#labelled(
    robot: Robot,
    photosFolder: string,
  ): AsyncGenerator<{ stage: Stage; labels: number; i: number }> {
    const photos = join(this.#folder, photosFolder);
    for (const [i, labelled] of labelledAfter(this.plan).entries()) {
      const stage = this.plan.stages[i]!;
      await placeLabels(photos, stage, (labelling) => this.#fileOf(labelling));
      if (stage.removed === null) await robot.import(photos);
      else robot.remove(stage.removed);
      yield { stage, labels: labelled.length, i };
    }
  }

  async #asked(
    head: Robot['serving'],
    { alive }: Stage,
    { inference }: Config,
  ): Promise<Record<string, DecisionScores>> {
    const { classes } = this.draw;
    const photos = this.#testPhotos(alive);
    const truth = photos.map(({ label }) => classes.indexOf(label));
    const scores: Record<string, DecisionScores> = {};
    for (const kind of this.cell.kinds) {
      const features = (await this.#rows(photos, kind)).map((row) => row.features);
      scores[kind] = askHead(head, { classes, alive, truth, features }, inference);
    }
    return scores;
  }

  #testPhotos(alive: readonly string[]): Photo[] {
    return this.draw.test.filter(({ label }) => alive.includes(label));
  }

  async #rows(photos: readonly Photo[], kind: Kind): Promise<NamedRow[]> {
    const rows: NamedRow[] = [];
    for (const { path, sha256 } of photos) {
      const file = join(this.cell.set.folder, path);
      const features = await this.embedder.embedFile(file, sha256, kind);
      rows.push({ name: `${sha256} ${kind}`, features });
    }
    return rows;
  }

  async #peerTasks(): Promise<PeerTask[]> {
    const { plan, draw, cell } = this;
    const tasks: PeerTask[] = [];
    for (const [i, labelled] of labelledAfter(plan).entries()) {
      const { alive } = plan.stages[i]!;
      const photos = this.#testPhotos(alive);
      const query = [];
      for (const kind of cell.kinds) query.push({ kind, rows: await this.#rows(photos, kind) });
      const learnt = [];
      for (const one of labelled)
        learnt.push({ row: await this.#labelledRow(one), label: one.label });
      tasks.push({
        labelled: learnt,
        query,
        truth: photos.map(({ label }) => draw.classes.indexOf(label)),
        classes: draw.classes,
        alive,
        seed: cell.order,
      });
    }
    return tasks;
  }

  async #labelledRow(labelling: Labelling): Promise<NamedRow> {
    const { photo, copy } = labelling;
    if (copy === 0) return (await this.#rows([photo], 'original'))[0]!;
    const bytes = readFileSync(await this.#fileOf(labelling));
    const name = `${photo.sha256} copy ${copy}`;
    return { name, features: (await this.embedder.embedPicture(bytes)).features };
  }

  async #fileOf({ photo, copy }: Labelling): Promise<string> {
    const original = join(this.cell.set.folder, photo.path);
    if (copy === 0) return original;
    const path = join(lifeCache(), 'copies', `${photo.sha256}-1-${copy}.jpg`);
    if (readKept(path) === null) keep(path, await nearCopy(readFileSync(original), copy));
    return path;
  }
}

/** No sample is held out and no class is too small: what the recipe makes of all labels. */
function onAllLabels(config: Config, stateDir: string): Config {
  return {
    ...config,
    paths: { ...config.paths, stateDir },
    samples: { ...config.samples, holdoutShare: 0 },
    training: { ...config.training, minLabels: 2, minLabelsPerClass: 1 },
  };
}

/** Of the compiled code that a life goes through; without what only decides whether heads serve. */
function productChecksum({ withoutGate = false } = {}): string {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const hash = createHash('sha256');
  for (const room of withoutGate ? MAKING_ROOMS : [...MAKING_ROOMS, ...SERVING_ROOMS]) {
    const files = readdirSync(join(source, room), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.js')).sort()) {
      if (withoutGate && GATE_FILES.test(file)) continue;
      hash.update(file).update(readFileSync(join(source, room, file)));
    }
  }
  return hash.digest('hex');
}

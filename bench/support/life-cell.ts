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
import { type Labelling, labelledAfter, type Plan, planLife, type Scenario } from './life-plan.js';
import { placeLabels, Robot, removeFolder, scratchFolder } from './life-run.js';
import { askHead, type Examination } from './life-score.js';
import { sharedFolder, userCacheDir } from './places.js';

/** Raised whenever the same code of the product would be measured otherwise. */
const VERSION = 1;

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

/** The product as it is set by default. */
export function defaultConfig(stateDir: string): Config {
  const shared = sharedFolder();
  return validateConfig({
    paths: { stateDir, cacheDir: userCacheDir() },
    models: { mirrors: shared ? [join(shared, 'models')] : [] },
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
    const { embedder, plan } = this;
    const config = defaultConfig(join(this.#folder, 'robot'));
    const robot = new Robot(config, embedder);
    const always = new Robot(onAllLabels(config, join(this.#folder, 'always')), embedder);
    const stages: StageRecord[] = [];
    let unpreparedForwards = 0;
    for (const [i, labelled] of labelledAfter(plan).entries()) {
      const stage = plan.stages[i]!;
      const photos = join(this.#folder, 'photos');
      await placeLabels(photos, stage, (labelling) => this.#fileOf(labelling));
      for (const one of [robot, always]) {
        if (stage.removed === null) await one.import(photos);
        else one.remove(stage.removed);
      }
      const report = await robot.train();
      unpreparedForwards += report.result?.forwards ?? 0;
      // Without a serving head beside it nothing is compared, which takes time and changes no head.
      removeFolder(join(this.#folder, 'always', 'heads'));
      const onAll = (await always.train()).outcome === 'failed' ? null : await always.newest();
      const asked = await this.#examinations(stage.alive);
      const scores = (head: Robot['serving']) =>
        Object.fromEntries(
          asked.map(({ kind, exam }) => [kind, askHead(head, exam, config.inference)]),
        );
      stages.push({
        name: stage.name,
        labels: labelled.length,
        outcome: report.outcome,
        reason: report.reason,
        knows: [...(robot.serving?.head.labels ?? [])],
        serving: scores(robot.serving),
        always: scores(onAll),
        peers: peers[i]!,
        trainingSeconds: report.durationMs / 1000,
      });
    }
    robot.close();
    always.close();
    return { stages, rolledBack: robot.rolledBack, unpreparedForwards };
  }

  async #examinations(alive: readonly string[]): Promise<{ kind: Kind; exam: Examination }[]> {
    const { classes } = this.draw;
    const photos = this.#asked(alive);
    const truth = photos.map(({ label }) => classes.indexOf(label));
    const result = [];
    for (const kind of this.cell.kinds) {
      const rows = await this.#rows(photos, kind);
      const features = rows.map((row) => row.features);
      result.push({ kind, exam: { classes, alive, truth, features } });
    }
    return result;
  }

  #asked(alive: readonly string[]): Photo[] {
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
      const photos = this.#asked(alive);
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
    samples: { ...config.samples, examShare: 0 },
    training: { ...config.training, minLabels: 2, minLabelsPerClass: 1 },
  };
}

/** Of the compiled code that a life goes through. */
function productChecksum(): string {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  const rooms = [
    'agent',
    'backbone',
    'config',
    'head',
    'perception',
    'samples',
    'training',
    'vision',
  ];
  const hash = createHash('sha256');
  for (const room of rooms) {
    const files = readdirSync(join(source, room), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.js')).sort()) {
      hash.update(file).update(readFileSync(join(source, room, file)));
    }
  }
  return hash.digest('hex');
}

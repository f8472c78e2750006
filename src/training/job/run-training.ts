import type { Backbone } from '../../backbone/backbone.js';
import { loadCard } from '../../backbone/card-folders.js';
import { augmentationRecipe, Embedder } from '../../backbone/embedder.js';
import { openFittingBackbone } from '../../backbone/open-backbone.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { listIn } from '../../base/values/list-in.js';
import { answerScore } from '../../gate/answers/answer-score.js';
import { championPairs, compareAnswers } from '../../gate/answers/compared-answers.js';
import {
  presentAnswers,
  type SampleAnswer,
  type StoredAnswers,
} from '../../gate/answers/sample-answer.js';
import { verdictOf } from '../../gate/verdict.js';
import type { BeliefParameters } from '../../head/belief/belief-parameters.js';
import { fitBelief, type LabelledLook } from '../../head/belief/fit-belief.js';
import type { Head } from '../../head/head.js';
import { groupingOf, judgedRows, type TrainingSet } from '../../head/training-set.js';
import { judgeTrust, next, type Trust, wanted } from '../../head/trust.js';
import type { NoveltyModel } from '../../head/unknown/novelty-model.js';
import type { HeadCard, NewHeadCard } from '../../registry/head-card.js';
import { HeadRegistry } from '../../registry/registry.js';
import type { SampleStore } from '../../samples/store.js';
import { type Collected, collect, type LabelledSample, readLabelled } from '../data/collect.js';
import { embedMissing } from '../data/embed-missing.js';
import {
  assemble,
  firstsOfClusters,
  originals,
  presentOriginals,
  viewsThatFit,
} from '../data/feature-matrix.js';
import { OnnxFitEngine } from '../fit/fit-engine.js';
import { openFleet } from '../fit/fit-fleet.js';
import { fitHead, headOf } from '../fit/fit-head.js';
import { PausingEngine } from '../fit/pausing-engine.js';
import type { FittedRecipe } from '../fit/recipes.js';
import type { JobResult, SkippedSample } from '../report.js';
import { type Judgement, judge } from '../verdict/judge.js';
import { type LabelEffect, labelEffect } from '../verdict/label-effect.js';
import { leftOutAnswers, waitingFeatures } from '../verdict/unknown-threshold.js';
import { adoptHead } from './adopt-head.js';
import type { FleetTraining, JobSettings, StepProgress } from './job-protocol.js';
import { PauseGate } from './pause-gate.js';
import { Phases } from './phases.js';

/** Most skipped samples that the report names; it counts all of them. */
const NAMED_SKIPPED_SAMPLES = 50;
/** Most samples with a changed answer that the report names, for each direction. */
const SHOWN_PAIRS = 8;

/** Added to every verdict on such a head. */
const ONE_GROUP =
  'All training samples are of one group: each was answered by a head that may know its neighbours, ' +
  'so that these figures are optimistic';

export interface TrainingRun {
  settings: JobSettings;
  store: SampleStore;
  onProgress: (progress: StepProgress) => void;
  /** The training waits here between its steps while it is paused; default: it never is. */
  gate?: PauseGate;
  log: Log;
}

/**
 * One training, from the labelled samples to a published head and the gate's decision on it. It
 * promotes nothing.
 *
 * @throws HeadlandError HL_TRAINING_TOO_FEW_LABELS | HL_TRAINING_TOO_FEW_CLASSES |
 *   HL_TRAINING_SAMPLE_GONE | HL_MODEL_… | HL_STORE_…
 */
export async function runTraining(run: TrainingRun): Promise<JobResult> {
  const { settings, store, log, gate = new PauseGate() } = run;
  const nowMs = (): number => gate.nowMs();
  const phases = new Phases(run.onProgress, nowMs);
  phases.begin('collect');
  const labelRevision = store.labelRevision();
  const samples = readLabelled(store);
  const registry = new HeadRegistry(settings.registryDir, {
    keep: settings.heads.keep,
    classNames: (revision) => store.namesSince(revision),
  });
  const wanted = collectUnlessAdopting(samples, settings);
  if (wanted === null) return adoptHead(settings, settings.fleet!, registry, labelRevision);
  const { models, addedCardsDir, cacheDir } = settings;
  const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir);
  const backbone = await openFittingBackbone({ card, cacheDir, threads: 1, log });
  let opened: OnnxFitEngine | null = null;
  try {
    phases.begin('embed');
    const embedded = await embed(store, backbone, wanted, settings, gate, phases);
    const own = collect(withFeatures(store, samples, wanted, embedded.key), settings.training);
    const { featureSize } = backbone;
    const plan = settings.fleet
      ? await openFleet(settings.fleet, own, { key: embedded.key, featureSize })
      : null;
    const collected = plan?.collected ?? own;

    phases.begin('fit');
    const views = viewsThatFit(collected.training.length, {
      views: settings.augmentation.views,
      featureSize,
      maxBytes: settings.training.maxFeatureBytes,
    });
    if (views < settings.augmentation.views) {
      log.info({ views }, 'learning fewer views of each sample: training.maxFeatureBytes');
    }
    const assembled = assemble(store, collected.training, collected.labels, {
      key: embedded.key,
      recipe: embedded.recipe,
      views,
      featureSize,
    });
    const set = plan ? { ...assembled, knownElsewhere: plan.knownElsewhere } : assembled;
    // Before the fit, during which samples may be added or removed.
    const holdoutFeatures = presentOriginals(store, collected.holdout, embedded.key);
    const holdoutFirsts = firstsOfClusters(collected.holdout, holdoutFeatures);
    opened = await OnnxFitEngine.create(1);
    const engine = new PausingEngine(opened, gate);
    const onCandidate = (done: number, total: number): void => phases.step(done, total);
    const { recipe, novelty, table } = plan
      ? plan.fit(set, onCandidate)
      : await fitHead(set, {
          learners: settings.training.learners,
          budgetMs: settings.training.searchBudgetMs,
          classGaussians: settings.training.classGaussians,
          unlabelled: waitingFeatures(store, embedded.key, set.featureSize),
          engine,
          nowMs,
          onCandidate,
        });

    phases.begin('evaluate');
    const trained: Head = {
      ...headOf(recipe, {
        labels: collected.labels,
        featureSize: set.featureSize,
        backboneChecksum: embedded.key,
      }),
      ...leftOutAnswers(set, recipe.leaveGroupOutProbabilities),
      novelty,
    };
    const head = await registry.stage(trained);
    const judgement = await judge({
      store,
      registry,
      engine,
      collected,
      set,
      holdoutFeatures,
      holdoutFirsts,
      key: embedded.key,
      recipe,
      trained,
      challenger: head,
      settings: settings.gate,
      fleetSamples: settings.fleet?.samples ?? 0,
    });

    const trust = trustOf(judgement.answers, collected);
    const belief = beliefOf(collected, set, recipe, novelty);

    const effect = await effectOf(run, registry, judgement.answers, collected);

    phases.begin('publish');
    const version = await registry.publish(
      head,
      describe(
        run.settings,
        head,
        backbone.name,
        collected,
        recipe,
        judgement,
        embedded.recipe,
        phases,
        { labelRevision, trust, belief },
      ),
      [...new Set(collected.training.map((sample) => sample.group))].sort(),
      { schema: 3, input: judgement.input, decision: judgement.decision },
      {
        champion: judgement.input.compared === 'heads' ? judgement.championVersion : null,
        answers: judgement.answers,
      },
    );
    if (judgement.sameFeatures) {
      // Features of older backbones and augmentations, which no head in service needs any more.
      store.dropFeatures({ exceptBackbone: embedded.key, exceptRecipe: embedded.recipe });
    }
    const { decision, championVersion, holdout, championHoldout, leaveGroupOut } = judgement;
    return {
      version,
      decision,
      verdict: verdictOf(judgement.input, decision, trust.level),
      ...figuresOf(judgement.answers, collected),
      effect,
      championVersion,
      holdout,
      championHoldout,
      leaveGroupOut,
      learner: recipe.learner,
      lambda: recipe.fit.lambda,
      transform: recipe.fit.transform,
      temperature: recipe.temperature,
      trust,
      caution: recipe.fit.grouping === 'row' ? ONE_GROUP : null,
      classes: collected.classes,
      samples: {
        training: collected.training.length,
        holdout: collected.holdout.length,
        skipped: embedded.skipped.length,
      },
      skipped: embedded.skipped.slice(0, NAMED_SKIPPED_SAMPLES),
      candidates: table,
      durationsMs: phases.durationsMs(),
      forwards: embedded.forwards,
    };
  } finally {
    await opened?.close();
    await backbone.close();
  }
}

/** Null: the head of the fleet is taken as it is. @throws HeadlandError HL_TRAINING_TOO_FEW_… */
function collectUnlessAdopting(
  samples: readonly LabelledSample[],
  { training, fleet }: JobSettings,
): Collected | null {
  if (fleet?.mode === 'adopt') return null;
  try {
    return collect(samples, training);
  } catch (error) {
    const isTooFew = isHeadlandError(error) && /^HL_TRAINING_TOO_FEW_/.test(error.code);
    if (isTooFew && fleet?.mode === 'judge-or-adopt') return null;
    throw error;
  }
}

async function embed(
  store: SampleStore,
  backbone: Backbone,
  { training, holdout }: Collected,
  settings: JobSettings,
  gate: PauseGate,
  phases: Phases,
): Promise<{ key: string; recipe: string; skipped: SkippedSample[]; forwards: number }> {
  const { inference } = settings;
  const { seed, ...augmentation } = settings.augmentation;
  const recipe = augmentationRecipe(augmentation, seed);
  const embedder = new Embedder(backbone, {
    fit: inference.fit,
    maxBytes: inference.maxPictureBytes,
    maxPixels: inference.maxPicturePixels,
  });
  const { skipped, forwards } = await embedMissing({
    store,
    embedder,
    recipe,
    seed,
    augmentation,
    samples: [...training, ...holdout],
    gate,
    onProgress: (done, total) => phases.step(done, total),
  });
  return { key: embedder.checksum, recipe, skipped, forwards };
}

/** The samples whose features exist; the others should have been embedded but could not. */
function withFeatures(
  store: SampleStore,
  samples: readonly LabelledSample[],
  { training, holdout }: Collected,
  key: string,
): LabelledSample[] {
  const wanted = [...training, ...holdout];
  const vectors = originals(store, wanted, key);
  const without = new Set(wanted.filter((_, i) => !vectors[i]).map((sample) => sample.id));
  return samples.filter((sample) => !without.has(sample.id));
}

/** Trust from the judged answers. */
function trustOf(answers: readonly SampleAnswer[], collected: Collected): Trust {
  const groups = groupsOf(collected);
  const judged = answers
    .filter((answer) => answer.judged)
    .map(({ id, truth, label }) => {
      return { label: truth, group: groups.get(id)!, right: label === truth };
    });
  const trust = judgeTrust(collected.labels, judged);
  const missing = collected.classes.flatMap(({ label, missing: more }) =>
    more > 0 ? [{ label, labels: more }] : [],
  );
  return missing.length > 0
    ? { ...trust, ...next(wanted(missing, true), ...(trust.steps ?? [])) }
    : trust;
}

function groupsOf({ training, holdout }: Collected): Map<string, string> {
  return new Map([...training, ...holdout].map(({ id, group }) => [id, group]));
}

/** The score of the new head, and the samples whose answers changed, as the report shows them. */
function figuresOf(
  answers: readonly SampleAnswer[],
  collected: Collected,
): Pick<JobResult, 'score' | 'gained' | 'lost'> {
  const { training, holdout } = collected;
  const present = presentAnswers(
    answers,
    new Map([...training, ...holdout].map(({ id, label, group }) => [id, { label, group }])),
  );
  const { gained, lost } = compareAnswers(championPairs(present));
  return {
    score: answerScore(present),
    gained: gained.slice(0, SHOWN_PAIRS),
    lost: lost.slice(0, SHOWN_PAIRS),
  };
}

/** What the labels since the newest version changed. */
async function effectOf(
  { store, log }: TrainingRun,
  registry: HeadRegistry,
  answers: readonly SampleAnswer[],
  collected: Collected,
): Promise<LabelEffect> {
  const groups = groupsOf(collected);
  const earlier = await earlierTraining(registry, log);
  const revision = earlier?.card.labelRevision ?? 0;
  return labelEffect(
    answers,
    collected.labels,
    (id) => groups.get(id)!,
    store.labelsSince(revision, Number.MAX_SAFE_INTEGER).filter(({ renamed }) => !renamed),
    earlier && {
      version: earlier.card.version,
      labels: earlier.card.labels,
      answers: earlier.answers,
    },
    store.namesSince(revision),
  );
}

/** The newest version; null: there is none that can be read. */
async function earlierTraining(
  registry: HeadRegistry,
  log: Log,
): Promise<{ card: HeadCard; answers: StoredAnswers | null } | null> {
  const version = await registry.newest();
  if (version === null) return null;
  try {
    const { card } = await registry.load(version);
    return { card, answers: await registry.answers(version) };
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    log.warn({ version, code: error.code }, 'cannot compare with the training before');
    return null;
  }
}

/**
 * Parameters of decisions over time, from the training samples in scenes: those of one class in one
 * group, in the order of capture, each answered by a head that never saw its group.
 */
function beliefOf(
  { training, labels }: Collected,
  set: TrainingSet,
  { leaveGroupOutProbabilities }: FittedRecipe,
  novelty: NoveltyModel,
): BeliefParameters {
  const { judged } = judgedRows(set, groupingOf(set));
  const scenes = new Map<string, { look: LabelledLook; capturedAtMs: number }[]>();
  for (const row of judged) {
    const { label, group, dhash, capturedAtMs } = training[row]!;
    const features = set.features.subarray(row * set.featureSize, (row + 1) * set.featureSize);
    const probabilities = leaveGroupOutProbabilities.subarray(
      row * labels.length,
      (row + 1) * labels.length,
    );
    const key = JSON.stringify([group, label]);
    listIn(scenes, key).push({ look: { label, dhash, features, probabilities }, capturedAtMs });
  }
  const groups = [...scenes.values()].map((scene) =>
    scene.sort((a, b) => a.capturedAtMs - b.capturedAtMs).map(({ look }) => look),
  );
  return fitBelief(labels, novelty, groups).parameters;
}

function fleetOnCard({ version, object, samples }: FleetTraining): HeadCard['fleet'] {
  return { version, object, samples };
}

function describe(
  settings: JobSettings,
  head: Head,
  backbone: string,
  collected: Collected,
  { fit, views, macroLogLoss }: FittedRecipe,
  { decision, holdout, leaveGroupOut }: Judgement,
  recipe: string,
  phases: Phases,
  about: Pick<NewHeadCard, 'labelRevision' | 'trust' | 'belief'>,
): NewHeadCard {
  const { learner, transform, temperature, featureSize, backboneChecksum } = head;
  return {
    createdAt: new Date().toISOString(),
    trainingId: settings.trainingId,
    trigger: settings.trigger,
    learner,
    lambda: fit.lambda,
    transform,
    temperature,
    setProbability: head.setProbability,
    noveltySamples: head.novelty?.scores.length,
    labels: [...head.labels],
    ...about,
    featureSize,
    backbone: { name: backbone, checksum: backboneChecksum, fit: settings.inference.fit },
    samples: collected.classes.map(({ missing: _, ...counts }) => counts),
    holdout,
    leaveGroupOut,
    leaveGroupOutMacroLogLoss: macroLogLoss,
    gate: decision,
    refused: decision.promote ? null : decision.reason,
    ...(settings.fleet ? { fleet: fleetOnCard(settings.fleet) } : {}),
    augmentation: { recipe, views, seed: settings.augmentation.seed },
    durationsMs: phases.durationsMs(),
  };
}

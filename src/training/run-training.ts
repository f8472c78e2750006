import type { Backbone } from '../backbone/backbone.js';
import { loadCard } from '../backbone/cards.js';
import { augmentationRecipe, Embedder } from '../backbone/embedder.js';
import { openFittingBackbone } from '../backbone/open.js';
import type { Head } from '../head/head.js';
import type { Log } from '../log.js';
import type { Database } from '../samples/database.js';
import { SampleStore } from '../samples/store.js';
import type { NewHeadCard } from './card.js';
import { type Collected, collect, type LabelledSample, readLabelled } from './collect.js';
import { embedMissing } from './embed-missing.js';
import { assemble, originals, presentOriginals } from './feature-matrix.js';
import { OnnxFitEngine } from './fit-engine.js';
import { type Judgement, judge } from './judge.js';
import { Phases } from './phases.js';
import type { JobSettings, TrainingProgress } from './protocol.js';
import type { FittedRecipe } from './recipes.js';
import { HeadRegistry } from './registry.js';
import type { JobResult, SkippedSample } from './report.js';
import { searchRecipes } from './search.js';
import { fitUnknown, waitingFeatures } from './unknown.js';

/** So many skipped samples are named in the report; all are counted. */
const NAMED_SKIPPED_SAMPLES = 50;

export interface TrainingRun {
  settings: JobSettings;
  database: Database;
  onProgress: (progress: TrainingProgress) => void;
  log: Log;
}

/**
 * One training, from the labelled samples to a published head and the gate's decision about it.
 * It promotes nothing.
 *
 * @throws HeadlandError HL_TRAINING_TOO_FEW_LABELS | HL_TRAINING_TOO_FEW_CLASSES |
 *   HL_TRAINING_TOO_FEW_GROUPS | HL_TRAINING_SAMPLE_GONE | HL_MODEL_… | HL_STORE_…
 */
export async function runTraining(run: TrainingRun): Promise<JobResult> {
  const { settings, database, log } = run;
  const phases = new Phases(run.onProgress);
  phases.begin('collect');
  const store = new SampleStore(database, settings.samples);
  const samples = readLabelled(store);
  const wanted = collect(samples, settings.training);
  const card = await loadCard(settings.models.backbone, settings.models.cardsDir);
  const backbone = await openFittingBackbone({
    ...{ card, cacheDir: settings.cacheDir, threads: 1, log },
  });
  let engine: OnnxFitEngine | null = null;
  try {
    phases.begin('embed');
    const embedded = await embed(store, backbone, wanted, run.settings, phases);
    const collected = collect(
      withFeatures(store, samples, wanted, embedded.key),
      settings.training,
    );

    phases.begin('fit');
    const { views } = settings.augmentation;
    const set = assemble(store, collected.training, collected.labels, {
      ...{ key: embedded.key, recipe: embedded.recipe, views },
      featureSize: backbone.featureSize,
    });
    // Before the fit, which may take minutes in which samples come and go.
    const examFeatures = presentOriginals(store, collected.exam, embedded.key);
    engine = await OnnxFitEngine.create(1);
    const { chosen, table } = await searchRecipes(set, {
      learners: settings.training.learners,
      budgetMs: settings.training.searchBudgetMs,
      engine,
      onCandidate: (done, total) => phases.step(done, total),
    });

    phases.begin('evaluate');
    const registry = new HeadRegistry(settings.registryDir, { keep: settings.heads.keep });
    const background = waitingFeatures(store, embedded.key, set.featureSize);
    const trained = {
      ...headOf(chosen, collected, set.featureSize, embedded.key),
      ...fitUnknown(set, chosen, background),
    };
    const head = await registry.stage(trained);
    const judgement = await judge({
      ...{ store, registry, engine, collected, set, examFeatures, key: embedded.key },
      ...{ recipe: chosen, trained, challenger: head, settings: settings.gate },
    });

    phases.begin('publish');
    const version = await registry.publish(
      head,
      describe(
        run.settings,
        head,
        backbone.name,
        collected,
        chosen,
        judgement,
        embedded.recipe,
        phases,
      ),
      [...new Set(collected.training.map((sample) => sample.group))].sort(),
      { schema: 1, input: judgement.input, decision: judgement.decision },
    );
    if (judgement.sameFeatures) {
      // What is left of older backbones and augmentations: no head in service needs it any more.
      store.dropFeatures({ exceptBackbone: embedded.key, exceptRecipe: embedded.recipe });
    }
    const { decision, championVersion, exam, championExam, leaveGroupOut } = judgement;
    return {
      version,
      ...{ decision, championVersion, exam, championExam, leaveGroupOut },
      ...{ learner: chosen.learner, lambda: chosen.fit.lambda, transform: chosen.fit.transform },
      temperature: chosen.temperature,
      classes: collected.classes,
      samples: {
        training: collected.training.length,
        exam: collected.exam.length,
        skipped: embedded.skipped.length,
      },
      skipped: embedded.skipped.slice(0, NAMED_SKIPPED_SAMPLES),
      candidates: table,
      durationsMs: phases.durationsMs(),
      forwards: embedded.forwards,
    };
  } finally {
    await engine?.close();
    await backbone.close();
  }
}

async function embed(
  store: SampleStore,
  backbone: Backbone,
  { training, exam }: Collected,
  { inference, augmentation: { views, seed, ...augmentation } }: JobSettings,
  phases: Phases,
): Promise<{ key: string; recipe: string; skipped: SkippedSample[]; forwards: number }> {
  const recipe = augmentationRecipe(augmentation, seed);
  const embedder = new Embedder(backbone, {
    fit: inference.fit,
    maxBytes: inference.maxPictureBytes,
    maxPixels: inference.maxPicturePixels,
  });
  const { skipped, forwards } = await embedMissing({
    ...{ store, embedder, recipe, views, seed, augmentation },
    samples: [...training, ...exam],
    onProgress: (done, total) => phases.step(done, total),
  });
  return { key: embedder.checksum, recipe, skipped, forwards };
}

/** Without the samples that should have been embedded but could not be. */
function withFeatures(
  store: SampleStore,
  samples: readonly LabelledSample[],
  { training, exam }: Collected,
  key: string,
): LabelledSample[] {
  const wanted = [...training, ...exam];
  const vectors = originals(store, wanted, key);
  const without = new Set(wanted.filter((_, i) => !vectors[i]).map((sample) => sample.id));
  return samples.filter((sample) => !without.has(sample.id));
}

function headOf(
  recipe: FittedRecipe,
  { labels }: Collected,
  featureSize: number,
  backboneChecksum: string,
): Head {
  return {
    learner: recipe.learner,
    labels,
    featureSize,
    backboneChecksum,
    transform: recipe.fit.transform,
    weights: recipe.fit.weights,
    bias: recipe.fit.bias,
    temperature: recipe.temperature,
  };
}

function describe(
  settings: JobSettings,
  head: Head,
  backbone: string,
  collected: Collected,
  { fit, views, macroLogLoss }: FittedRecipe,
  { decision, exam, leaveGroupOut }: Judgement,
  recipe: string,
  phases: Phases,
): NewHeadCard {
  const { learner, transform, temperature, featureSize, backboneChecksum } = head;
  return {
    createdAt: new Date().toISOString(),
    ...{ trainingId: settings.trainingId, trigger: settings.trigger },
    ...{ learner, lambda: fit.lambda, transform, temperature },
    ...{ setProbability: head.setProbability, noveltySamples: head.novelty?.scores.length },
    labels: [...head.labels],
    featureSize,
    backbone: { name: backbone, checksum: backboneChecksum, fit: settings.inference.fit },
    samples: collected.classes,
    ...{ exam, leaveGroupOut, leaveGroupOutMacroLogLoss: macroLogLoss },
    gate: decision,
    refused: decision.promote ? null : decision.reason,
    augmentation: { recipe, views, seed: settings.augmentation.seed },
    durationsMs: phases.durationsMs(),
  };
}

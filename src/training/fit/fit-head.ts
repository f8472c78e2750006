import type { Head } from '../../head/head.js';
import type { TrainingSet } from '../../head/training-set.js';
import { fitClassGaussians } from '../../head/unknown/novelty-fit.js';
import type { NoveltyModel } from '../../head/unknown/novelty-model.js';
import type { TrainingCandidate } from '../report.js';
import { type FittedRecipe, withGaussians } from './recipes.js';
import { type SearchOptions, searchRecipes } from './search.js';

export interface HeadFitOptions extends SearchOptions {
  /** The setting `training.classGaussians`. */
  classGaussians: boolean;
  /** Frames of no known class, n x featureSize: see `fitClassGaussians`. */
  unlabelled?: Float32Array;
}

export interface HeadFit {
  /** The linear recipe that the search chose, with class Gaussians if they are switched on. */
  recipe: FittedRecipe;
  novelty: NoveltyModel;
  /** Every linear recipe that was tried. */
  table: TrainingCandidate[];
}

/** Fits all parts of a head: the recipe that answers and the model that detects unknown things. */
export async function fitHead(set: TrainingSet, options: HeadFitOptions): Promise<HeadFit> {
  const { chosen, table } = await searchRecipes(set, options);
  const gaussians = fitClassGaussians(set, options.unlabelled);
  return {
    recipe: options.classGaussians ? withGaussians(set, chosen, gaussians) : chosen,
    novelty: gaussians.model,
    table,
  };
}

/** The head of a recipe, without what is learnt from its left-out answers. */
export function headOf(
  recipe: FittedRecipe,
  about: Pick<Head, 'labels' | 'featureSize' | 'backboneChecksum'>,
): Head {
  const { labels, featureSize, backboneChecksum } = about;
  return {
    learner: recipe.learner,
    labels,
    featureSize,
    backboneChecksum,
    transform: recipe.fit.transform,
    weights: recipe.fit.weights,
    bias: recipe.fit.bias,
    temperature: recipe.temperature,
    ...(recipe.gaussians && { gaussianScale: recipe.gaussians.scale }),
  };
}

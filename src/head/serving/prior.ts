/** A prior that is mixed with the answers of a head with only a handful of labels. */
export interface Prior {
  /** Share of the prior in the mixture, 0..1. */
  share: number;
  /** Share of each class among the labels, in the order of classes; sum 1. */
  frequencies: readonly number[];
}

/**
 * Mixes probabilities with a prior, in place: (1 - share) p + share f.
 *
 * @param probabilities n x C, row-major, C = number of `frequencies`.
 */
export function mixWithPrior({ share, frequencies }: Prior, probabilities: Float64Array): void {
  for (let i = 0; i < probabilities.length; i++) {
    const frequency = frequencies[i % frequencies.length]!;
    probabilities[i] = (1 - share) * probabilities[i]! + share * frequency;
  }
}

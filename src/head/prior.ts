/** What the answers of a head that has learnt from a handful of labels are mixed with. */
export interface Prior {
  /** Of the prior in the mixture, 0..1. */
  share: number;
  /** Of each class among the labels, in their order; sum 1. */
  frequencies: readonly number[];
}

/**
 * Mixes probabilities with a prior, in place: (1 - share) p + share f.
 *
 * @param probabilities n x C, row-major, C as many as `frequencies`.
 */
export function mixWithPrior({ share, frequencies }: Prior, probabilities: Float64Array): void {
  for (let i = 0; i < probabilities.length; i++) {
    const frequency = frequencies[i % frequencies.length]!;
    probabilities[i] = (1 - share) * probabilities[i]! + share * frequency;
  }
}

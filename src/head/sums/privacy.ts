/** Stand-in until the branch `sums` is merged. */
export function gaussianSigma(epsilon: number, delta: number, sensitivity: number): number {
  return (sensitivity * Math.sqrt(2 * Math.log(1.25 / delta))) / epsilon;
}

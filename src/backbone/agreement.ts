/** Agreement of the features of two precisions over the same images. */
export interface Agreement {
  pictures: number;
  /** Mean cosine of the angle between the two vectors of an image; 1 = same direction. */
  cosine: number;
  /** Cosine of the worst image. */
  leastCosine: number;
  /** Mean length of the difference, as a share of the length of the fp32 vector. */
  relativeError: number;
}

/** @param reference One vector per image; `other` in the same order and of the same length. */
export function agreementOf(
  reference: readonly Float32Array[],
  other: readonly Float32Array[],
): Agreement {
  let cosine = 0;
  let leastCosine = 1;
  let relativeError = 0;
  reference.forEach((a, i) => {
    const b = other[i] as Float32Array;
    let product = 0;
    let ownSquare = 0;
    let otherSquare = 0;
    let gap = 0;
    for (let j = 0; j < a.length; j++) {
      const x = a[j] as number;
      const y = b[j] as number;
      product += x * y;
      ownSquare += x * x;
      otherSquare += y * y;
      gap += (x - y) ** 2;
    }
    const angle = product / (Math.sqrt(ownSquare * otherSquare) || 1);
    cosine += angle / reference.length;
    leastCosine = Math.min(leastCosine, angle);
    relativeError += Math.sqrt(gap / (ownSquare || 1)) / reference.length;
  });
  return { pictures: reference.length, cosine, leastCosine, relativeError };
}

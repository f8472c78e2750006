import { Refusal } from '../../robot/refusal.js';

/**
 * A decoded image, ready for display without a flicker. Its object URL must be revoked when it is replaced.
 * @throws Refusal when the browser cannot decode it
 */
export async function decodeImage(bytes: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(bytes);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Refusal(0, {
      message: 'the browser cannot display this image',
      remedy: 'Check the camera under Robot.',
    });
  }
  return image;
}

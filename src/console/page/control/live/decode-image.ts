import { Refusal } from '../../../../page/request/refusal.js';

/**
 * A decoded image, ready for display without a flicker. Its object URL must be revoked when it is replaced.
 * @param undecodable text for the user when the browser cannot decode it
 * @throws Refusal with that text
 */
export async function decodeImage(bytes: Blob, undecodable: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(bytes);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Refusal(0, null, undecodable);
  }
  return image;
}

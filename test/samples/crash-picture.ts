import { createHash } from 'node:crypto';

/** The picture of that number: 1 to 60 kB that can be told from any other. */
export function crashPicture(number: number): Buffer {
  const seed = createHash('sha512').update(`picture ${number}`).digest();
  return Buffer.alloc(1_000 + ((number * 7_919) % 60_000), seed);
}

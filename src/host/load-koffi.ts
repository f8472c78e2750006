import { createRequire } from 'node:module';

/** The package through which libc is called. */
export type Koffi = typeof import('koffi');

/** Loaded on demand. @throws Error when it cannot be loaded on this machine */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

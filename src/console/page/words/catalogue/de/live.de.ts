import type { Translated } from '../catalogue.js';
import type { liveEn } from '../en/live.en.js';

export const liveDe: Translated<typeof liveEn> = {};

import type { Translated } from '../catalogue.js';
import type { brainEn } from '../en/brain.en.js';

export const brainDe: Translated<typeof brainEn> = {};

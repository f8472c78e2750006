import type { Translated } from '../catalogue.js';
import type { brainEn } from '../en/brain.en.js';

export const brainZh: Translated<typeof brainEn> = {};

import type { Translated } from '../catalogue.js';
import type { teachEn } from '../en/teach.en.js';

export const teachZh: Translated<typeof teachEn> = {};

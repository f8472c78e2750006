import type { Translated } from '../catalogue.js';
import type { picturesEn } from '../en/pictures.en.js';

export const picturesZh: Translated<typeof picturesEn> = {};

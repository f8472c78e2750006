import type { Translated } from '../catalogue.js';
import type { picturesEn } from '../en/pictures.en.js';

export const picturesDe: Translated<typeof picturesEn> = {};

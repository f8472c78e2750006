import type { Translated } from '../catalogue.js';
import type { robotEn } from '../en/robot.en.js';

export const robotZh: Translated<typeof robotEn> = {};

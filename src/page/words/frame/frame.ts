import type { Entry } from '../language.js';
import type { frameEn } from './frame.en.js';

export type FrameKey = keyof typeof frameEn;
export type FrameCatalogue = Readonly<Record<FrameKey, Entry>>;
